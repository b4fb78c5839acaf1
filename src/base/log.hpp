// What the daemon has to say to its operator, on standard error; with a journal behind it, each
// line carries its priority as sd-daemon(3) describes. Libraries return errors; only edges log.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "base/topics.hpp"

namespace reeve::log {

enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// What is less urgent than `level` is not written. Not thread-safe; set once at the start.
void set_threshold(Level level);
void write(Level level, std::string_view message);

// What a message is about, for those who look for it in the journal: REEVE_RUN, REEVE_WORKER,
// REEVE_POOL.
struct Subject {
  std::string_view run = {};
  std::string_view worker = {};
  std::string_view pool = {};
};
void write(Level level, const Topic& topic, const Subject& subject, std::string_view message);

template <class... Arguments>
void error(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write(Level::error, fmt::format(format, std::forward<Arguments>(arguments)...));
}
template <class... Arguments>
void warning(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write(Level::warning, fmt::format(format, std::forward<Arguments>(arguments)...));
}
template <class... Arguments>
void notice(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write(Level::notice, fmt::format(format, std::forward<Arguments>(arguments)...));
}
template <class... Arguments>
void info(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write(Level::info, fmt::format(format, std::forward<Arguments>(arguments)...));
}
template <class... Arguments>
void debug(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write(Level::debug, fmt::format(format, std::forward<Arguments>(arguments)...));
}

template <class... Arguments>
void tell(Level level, const Topic& topic, const Subject& subject,
          fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  write(level, topic, subject, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace reeve::log
