// What a worker says of itself, as sd_notify(3) describes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace reeve::supervision {

inline constexpr std::size_t longest_notification = 4096;  // as systemd takes it
inline constexpr std::size_t longest_status = 1024;

struct Notification {
  bool is_ready = false;
  bool is_stopping = false;
  enum class Watchdog { silent, fed, triggered } watchdog = Watchdog::silent;
  std::optional<Microseconds> watchdog_interval = {};
  std::optional<Microseconds> more_time = {};
  std::optional<pid_t> main_process = {};
  std::optional<std::string> status = {};  // printable; empty to say that there is none
};

// Whatever else is in it, and whatever cannot be read, is left out.
Notification parse_notification(std::string_view text);

}  // namespace reeve::supervision
