#include "base/log.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace reeve::log {

namespace {
Level threshold = Level::info;
}

void set_threshold(Level level) {
  threshold = level;
}

void write(Level level, std::string_view message) {
  if (level > threshold) return;
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  std::string line = journal ? fmt::format("<{}>", static_cast<int>(level)) : "reeved: ";
  line += message;
  line += '\n';
  // A log that nobody reads must not stop the daemon; there is nowhere to report its loss to.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace reeve::log
