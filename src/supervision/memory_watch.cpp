#include "supervision/memory_watch.hpp"

#include <fcntl.h>
#include <poll.h>

#include "base/log.hpp"
#include "base/text.hpp"
#include "sys/calls.hpp"

namespace reeve::supervision {

namespace {

// The kernel tells up to a hundred times a second of one that reads many files.
constexpr Microseconds between_looks{1'000'000};

std::int64_t number_in(const cgroup::Directory& directory, const char* file) {
  const auto text = sys::read_file_at(directory.descriptor(), file);
  return text.ok() ? parse_number<std::int64_t>(trim(*text)).value_or(0) : 0;
}

}  // namespace

std::int64_t kept_memory(std::int64_t current, std::int64_t swapped, std::string_view stat) {
  auto kept = current + swapped;
  for (const char* key : {"active_file", "inactive_file", "slab_reclaimable"})
    kept -= cgroup::flat_value(stat, key).value_or(0);
  return kept;
}

MemoryWatch::MemoryWatch(loop::Loop& loop, cgroup::Directory directory, std::int64_t most,
                         std::optional<std::int64_t> otherwise, std::function<void()> handler)
    : loop_(loop),
      directory_(std::move(directory)),
      most_(most),
      otherwise_(otherwise),
      handler_(std::move(handler)) {
  auto events = directory_.open_file("memory.events", O_RDONLY);
  if (!events) {
    log::warning("max-memory is not heeded: {}", events.error().message());
    return;
  }
  events_ = std::move(*events);
  setting_ = set_high(std::to_string(most_), [this](int result) {
    if (result < 0)
      log::warning("max-memory is not heeded: cannot write {}/memory.high: {}", directory_.path(),
                   errno_name(-result));
    else
      look();
  });
}

// Not by the loop's own thread: the kernel may take back memory before it returns.
loop::Operation MemoryWatch::set_high(const std::string& value, loop::Loop::Handler handler) {
  auto file = directory_.open_file("memory.high", O_WRONLY);
  if (!file) return {};  // it is dead, and removed
  return loop_.write(std::move(*file), value, std::move(handler));
}

void MemoryWatch::lift() {
  change_.retire();
  pause_.disarm();
  (void)set_high(otherwise_ ? std::to_string(*otherwise_) : "max", nullptr);
}

// Reading resets what POLLPRI reports, so: read, look, then wait.
void MemoryWatch::look() {
  (void)sys::read_all(events_.get());
  if (is_reached()) return tell();
  change_ = loop_.poll(events_.get(), POLLPRI, [this](int) {
    if (is_reached()) return tell();
    pause_ = loop_.after(between_looks, [this] { look(); });
  });
}

void MemoryWatch::tell() {
  lift();
  const auto handler = std::move(handler_);
  handler();
}

// At memory.high, what can be taken back is; near it, nothing else is left.
bool MemoryWatch::is_reached() const {
  const auto stat = sys::read_file_at(directory_.descriptor(), "memory.stat");
  return stat.ok() &&
         kept_memory(number_in(directory_, "memory.current"),
                     number_in(directory_, "memory.swap.current"), *stat) >= most_ / 10 * 9;
}

}  // namespace reeve::supervision
