#include "ctl/journal.hpp"

#include <fmt/core.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.hpp"

namespace reeve::ctl {

namespace {

namespace fs = std::filesystem;

// systemd-journald.service(8): the first until a reboot, the second for good.
constexpr std::array directories{"/run/log/journal", "/var/log/journal"};

constexpr const char* advice =
    "read it as root, or as a member of the group systemd-journal or adm";

// Whether there are files of this host's journal that this user may not read.
bool hides_files(const fs::path& directory) {
  sd_id128_t machine{};
  char text[SD_ID128_STRING_MAX];
  if (sd_id128_get_machine(&machine) < 0) return false;
  std::error_code error;
  const fs::directory_iterator files(directory / sd_id128_to_string(machine, text), error);
  if (error) return error == std::errc::permission_denied;
  return std::any_of(begin(files), end(files), [](const auto& file) {
    return ::access(file.path().c_str(), R_OK) < 0 && errno == EACCES;
  });
}

}  // namespace

Result<Journal, std::string> Journal::open() {
  sd_journal* opened = nullptr;
  if (const int failed = sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY); failed < 0)
    return Error{-failed, "the journal", "open"}.message();
  Journal journal(opened);
  if (sd_journal_has_runtime_files(opened) > 0 || sd_journal_has_persistent_files(opened) > 0) {
    sd_journal_set_data_threshold(opened, 0);
    return journal;
  }
  if (hides_some()) return fmt::format("the journal may not be read by this user: {}", advice);
  return std::string(
      "there is no journal on this host: what workers write to it goes where reeved's own messages "
      "go");
}

bool Journal::hides_some() {
  return std::any_of(directories.begin(), directories.end(), hides_files);
}

bool Journal::narrow(const Wanted& wanted, std::span<const char* const> fields) {
  widen();
  bool found = false;
  for (const auto* field : fields) {
    if (sd_journal_query_unique(journal_.get(), field) < 0) continue;
    std::vector<std::string> matches;
    const void* data = nullptr;
    std::size_t size = 0;
    SD_JOURNAL_FOREACH_UNIQUE(journal_.get(), data, size) {
      const std::string_view match(static_cast<const char*>(data), size);
      const auto skipped = std::strlen(field) + 1;
      if (size >= skipped && wanted.may_be(field, match.substr(skipped)))
        matches.emplace_back(match);
    }
    if (matches.empty()) continue;
    if (found) sd_journal_add_disjunction(journal_.get());
    for (const auto& match : matches)
      sd_journal_add_match(journal_.get(), match.data(), match.size());
    found = true;
  }
  return found;
}

void Journal::seek(Microseconds time) {
  sd_journal_seek_realtime_usec(journal_.get(), static_cast<std::uint64_t>(time.count()));
}

Microseconds Journal::time() const {
  std::uint64_t time = 0;
  sd_journal_get_realtime_usec(journal_.get(), &time);
  return Microseconds(time);
}

std::string Journal::cursor() const {
  char* cursor = nullptr;
  if (sd_journal_get_cursor(journal_.get(), &cursor) < 0) return {};
  std::string text(cursor);
  std::free(cursor);
  return text;
}

std::string Journal::field(const char* name) const {
  const void* data = nullptr;
  std::size_t size = 0;
  if (sd_journal_get_data(journal_.get(), name, &data, &size) < 0) return {};
  const auto skipped = std::strlen(name) + 1;
  return {static_cast<const char*>(data) + skipped, size - skipped};
}

JournalEntry Journal::entry() const {
  return {.time = time(),
          .message = field("MESSAGE"),
          .identifier = field("SYSLOG_IDENTIFIER"),
          .control_group = field("_SYSTEMD_CGROUP"),
          .unit = field("_SYSTEMD_UNIT"),
          .program = field("_COMM"),
          .run = field("REEVE_RUN"),
          .worker = field("REEVE_WORKER"),
          .pool = field("REEVE_POOL"),
          .pid = parse_number<std::int64_t>(field("_PID")),
          .user = parse_number<std::int64_t>(field("_UID")),
          .priority = parse_number<std::int64_t>(field("PRIORITY"))};
}

}  // namespace reeve::ctl
