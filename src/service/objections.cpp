#include "service/objections.hpp"

#include <fmt/core.h>

#include <array>
#include <limits>

#include "registry/names.hpp"
#include "service/access.hpp"

namespace reeve::service {

std::optional<api::Failure> objection_to_worker_name(const std::string& name) {
  const auto objection = registry::objection_to_name(name);
  if (!objection) return std::nullopt;
  return api::failure(api::InvalidName{name, *objection});
}

std::optional<api::Failure> objection_to_texts(const std::optional<std::string>& handle,
                                               const std::optional<std::string>& fingerprint,
                                               const std::optional<Metadata>& metadata) {
  const auto too_long = [](const char* what, std::size_t maximum) {
    return api::failure(api::TooMany{what, static_cast<std::int64_t>(maximum)});
  };
  // As they stand in the record: a control character takes six bytes there.
  const auto written = [](const std::string& text) { return json::encoded(text).size() - 2; };
  if (handle && written(*handle) > PerRecord::text_bytes)
    return too_long("handleBytes", PerRecord::text_bytes);
  if (fingerprint && written(*fingerprint) > PerRecord::text_bytes)
    return too_long("fingerprintBytes", PerRecord::text_bytes);
  if (metadata && json::encoded(*metadata).size() > PerRecord::metadata_bytes)
    return too_long("metadataBytes", PerRecord::metadata_bytes);
  return std::nullopt;
}

std::optional<api::Failure> objection_to_duration(std::string_view parameter,
                                                  const std::optional<Microseconds>& duration) {
  constexpr std::chrono::hours longest{24 * 365};
  if (!duration || (duration->count() >= 0 && *duration <= longest)) return std::nullopt;
  return api::invalid_parameter(parameter, "must be between 0 and a year of microseconds");
}

std::optional<api::Failure> objection_to_limits(const std::optional<Limits>& limits) {
  if (!limits) return std::nullopt;
  constexpr std::int64_t any = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  struct Bounds {
    std::string_view member;
    std::optional<std::int64_t> value;
    std::int64_t least, most;
  };
  const std::array<Bounds, 6> bounds{{
      {"memoryMaxBytes", limits->memory_max_bytes, 0, std::numeric_limits<std::int64_t>::max()},
      {"memoryHighBytes", limits->memory_high_bytes, 0, std::numeric_limits<std::int64_t>::max()},
      {"processorQuotaPercent", limits->processor_quota_percent, 1, any},
      {"processorWeight", limits->processor_weight, 1, 10'000},
      {"ioWeight", limits->io_weight, 1, 10'000},
      {"tasksMax", limits->tasks_max, 1, std::numeric_limits<std::int64_t>::max()},
  }};
  for (const auto& [member, value, least, most] : bounds)
    if (value && (*value < least || *value > most))
      return api::invalid_parameter(fmt::format("limits.{}", member),
                                    fmt::format("must be between {} and {}", least, most));
  return std::nullopt;
}

}  // namespace reeve::service
