#include "supervision/notification.hpp"

#include "base/quantities.hpp"
#include "base/text.hpp"

namespace reeve::supervision {

namespace {

std::optional<Microseconds> duration(std::string_view value) {
  const auto number = parse_number<std::int64_t>(value);
  if (!number || *number <= 0) return std::nullopt;
  return std::min(Microseconds(*number), longest_duration);
}

std::optional<pid_t> process(std::string_view value) {
  const auto number = parse_number<pid_t>(value);
  return number && *number > 0 ? number : std::nullopt;
}

}  // namespace

Notification parse_notification(std::string_view text) {
  Notification said;
  for (const auto line : split(text, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = line.substr(0, equals);
    const auto value = line.substr(equals + 1);
    if (name == "READY" && value == "1") said.is_ready = true;
    if (name == "STOPPING" && value == "1") said.is_stopping = true;
    if (name == "WATCHDOG" && value == "1") said.watchdog = Notification::Watchdog::fed;
    if (name == "WATCHDOG" && value == "trigger") said.watchdog = Notification::Watchdog::triggered;
    if (name == "WATCHDOG_USEC") said.watchdog_interval = duration(value);
    if (name == "EXTEND_TIMEOUT_USEC") said.more_time = duration(value);
    if (name == "MAINPID") said.main_process = process(value);
    if (name == "STATUS" && value.size() <= longest_status && is_utf8(value) && is_printable(value))
      said.status = std::string(value);
  }
  return said;
}

}  // namespace reeve::supervision
