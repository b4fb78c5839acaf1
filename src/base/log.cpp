#include "base/log.hpp"

#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace reeve::log {

namespace {

Level threshold = Level::info;

// systemd.exec(5): the journal's own name for the stream that it reads, which may since have become
// another's.
bool goes_to_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

}  // namespace

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

void write(Level level, const Topic& topic, const Subject& subject, std::string_view message) {
  if (!goes_to_journal()) return write(level, message);
  if (level > threshold) return;
  std::vector<std::string> fields{fmt::format("MESSAGE={}", message),
                                  fmt::format("PRIORITY={}", static_cast<int>(level)),
                                  fmt::format("MESSAGE_ID={}", topic.id)};
  if (!subject.run.empty()) fields.push_back(fmt::format("REEVE_RUN={}", subject.run));
  if (!subject.worker.empty()) fields.push_back(fmt::format("REEVE_WORKER={}", subject.worker));
  if (!subject.pool.empty()) fields.push_back(fmt::format("REEVE_POOL={}", subject.pool));
  std::vector<iovec> parts;
  for (auto& field : fields)
    parts.push_back({field.data(), field.size()});
  if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) < 0) write(level, message);
}

}  // namespace reeve::log
