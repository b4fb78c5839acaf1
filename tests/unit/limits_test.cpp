// What clients may have stored must fit where it is stored.
#include <gtest/gtest.h>

#include <limits>

#include "registry/names.hpp"
#include "registry/records.hpp"
#include "service/service.hpp"

namespace reeve::service {

namespace {

constexpr std::size_t largest_attribute = 65536;  // XATTR_SIZE_MAX of linux/limits.h
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr Microseconds latest{most};

// The largest size up to `end` that is let in.
template <class IsLetIn>
std::size_t largest(std::size_t end, const IsLetIn& is_let_in) {
  std::size_t size = 0;
  while (size < end) {
    const auto middle = (size + end + 1) / 2;
    if (is_let_in(middle))
      size = middle;
    else
      end = middle - 1;
  }
  return size;
}

std::string longest_text(char c) {
  return std::string(largest(largest_attribute,
                             [c](std::size_t size) {
                               const std::string text(size, c);
                               return !objection_to_texts(text, text, {});
                             }),
                     c);
}

Metadata largest_metadata(char c) {
  const auto of_size = [c](std::size_t size) { return Metadata{{"key", std::string(size, c)}}; };
  return of_size(largest(largest_attribute, [&](std::size_t size) {
    return !objection_to_texts({}, {}, of_size(size));
  }));
}

// As they are, and as escaping makes them two and six times as long.
constexpr char characters[]{'x', '"', '\x01'};

TEST(LargestRecord, OfAWorkerFitsAnExtendedAttribute) {
  const Timestamp late{latest, latest};
  for (const char c : characters) {
    registry::WorkerRecord record;
    record.name = std::string(registry::longest_name, '"');
    record.phase = registry::WorkerPhase::activating;
    record.process = registry::ProcessRecord{most, most, most};
    record.handle = longest_text(c);
    record.fingerprint = longest_text(c);
    record.reserved_at = late;
    record.expires_at = latest;
    record.activated_at = late;
    record.kill_at = latest;
    record.exit = Exit{ExitCause::oom_killed, most, "SIGRTMIN+30", false, late};
    record.usage = Usage{latest, latest, most, most, most, most};
    record.limits = Limits{most, most, most, most, most};
    record.metadata = largest_metadata(c);
    EXPECT_LE(json::encoded(record).size(), largest_attribute) << "of character " << int{c};
  }
}

TEST(LargestRecord, OfARunFitsAnExtendedAttribute) {
  for (const char c : characters) {
    registry::RunRecord record;
    record.phase = registry::RunPhase::terminating;
    record.owner = {most, most, most};
    record.uid = most;
    record.name = std::string(registry::longest_name, '"');
    record.policy = OwnerExitPolicy::terminate;
    record.grace = latest;
    record.opened_at = {latest, latest};
    record.kill_at = latest;
    record.metadata = largest_metadata(c);
    EXPECT_LE(json::encoded(record).size(), largest_attribute) << "of character " << int{c};
  }
}

TEST(ObjectionToTexts, NamesTheLimitThatIsExceeded) {
  const std::string fits(PerRecord::text_bytes / 2, 'x');
  const std::string too_long(PerRecord::text_bytes + 1, 'x');
  EXPECT_FALSE(objection_to_texts(fits, fits, Metadata{{"k", fits}}).has_value());
  struct Case {
    std::optional<std::string> handle, fingerprint;
    std::optional<Metadata> metadata;
    const char* limit;
  };
  const Case cases[] = {
      {too_long, {}, {}, "handleBytes"},
      {{}, too_long, {}, "fingerprintBytes"},
      {{}, {}, Metadata{{"k", std::string(PerRecord::metadata_bytes, 'x')}}, "metadataBytes"},
      {{}, {}, Metadata{{std::string(PerRecord::metadata_bytes, 'x'), ""}}, "metadataBytes"},
  };
  for (const auto& [handle, fingerprint, metadata, limit] : cases) {
    const auto objection = objection_to_texts(handle, fingerprint, metadata);
    ASSERT_TRUE(objection.has_value()) << limit;
    EXPECT_EQ(objection->error, "io.reeve.Registry.TooMany");
    EXPECT_NE(objection->parameters.find(limit), std::string::npos) << objection->parameters;
  }
}

TEST(ObjectionToDuration, LetsInWhatADeadlineCanHold) {
  constexpr Microseconds year = std::chrono::hours(24 * 365);
  const std::pair<std::optional<Microseconds>, bool> cases[] = {
      {std::nullopt, true}, {Microseconds{0}, true},         {Microseconds{1}, true},
      {year, true},         {year + Microseconds{1}, false}, {Microseconds{-1}, false},
      {latest, false},      {Microseconds::min(), false},
  };
  for (const auto& [duration, let_in] : cases)
    EXPECT_EQ(!objection_to_duration("graceUSec", duration), let_in)
        << duration.value_or(Microseconds{}).count();
  const auto objection = objection_to_duration("graceUSec", Microseconds{-1});
  EXPECT_EQ(objection->error, "org.varlink.service.InvalidParameter");
  EXPECT_NE(objection->parameters.find("\"graceUSec\""), std::string::npos);
}

}  // namespace

}  // namespace reeve::service
