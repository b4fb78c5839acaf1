#include "registry/emptying.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "base/log.hpp"
#include "process/process.hpp"
#include "sys/calls.hpp"

namespace reeve::registry {

namespace {

constexpr Microseconds stuck_after{5'000'000};
constexpr Microseconds look_again_after{100'000};

// The cgroup was removed, which only an empty one can be.
bool is_gone(const Error& error) {
  return error.number == ENOENT || error.number == ENODEV;
}

bool is_known_empty(const Result<bool>& populated) {
  return populated.ok() ? !*populated : is_gone(populated.error());
}

// Also where that cannot be told, unless the process is hidden from us (hidepid of proc(5)): then
// we are no root, and PID 1 is not in what a user may write to.
bool may_hold(const cgroup::Mount& mount, const std::string& directory, const char* process) {
  const auto path = process::control_group_of(process);
  if (!path) return !path.error_is(ENOENT) && !path.error_is(EACCES);
  return cgroup::is_within(mount.below(*path), directory);
}

}  // namespace

Emptying::Emptying(loop::Loop& loop, const cgroup::Mount& mount, cgroup::Directory directory,
                   Handler handler)
    : loop_(loop), mount_(mount), directory_(std::move(directory)), handler_(std::move(handler)) {}

void Emptying::watch() {
  // Not from inside the caller, who may not be ready to hear of it.
  if (!events_) soon_ = loop_.after(Microseconds{0}, [this] { look(); });
}

void Emptying::kill() {
  kill_wanted_ = true;
  watch();
  if (!is_known_empty(directory_.is_populated())) return write_kill();
  soon_ = loop_.after(Microseconds{0}, [this] { look(); });
}

void Emptying::write_kill() {
  kill_written_ = true;
  // Of a cgroup that somebody removes right after its last process the kernel may tell nothing.
  patience_ = loop_.after(stuck_after, [this] {
    tell(is_known_empty(directory_.is_populated()) ? News::empty : News::stuck);
  });
  for (const char* process : {"/proc/self", "/proc/1"}) {
    if (!may_hold(mount_, directory_.path(), process)) continue;
    log::error("cgroup {} may hold {}: not killed; if so, move that process out of it",
               directory_.path(), process);
    return;
  }
  auto file = directory_.open_file("cgroup.kill", O_WRONLY);
  if (!file) {
    log::warning("{}; will try again", file.error().message());
    return;
  }
  kill_ = loop_.write(std::move(*file), "1", [this](int result) {
    if (result < 0)
      log::warning("cannot write {}/cgroup.kill: {}; will try again", directory_.path(),
                   errno_name(-result));
  });
}

// Reading resets what POLLPRI reports, so: read, then wait.
void Emptying::look() {
  if (!events_) {
    auto file = directory_.open_file("cgroup.events", O_RDONLY);
    if (!file && is_gone(file.error())) return tell(News::empty);
    if (!file) return look_later(file.error());
    events_ = std::move(*file);
  }
  const auto events = sys::read_all(events_.get());
  if (!events && !is_gone(events.error())) return look_later(events.error());
  if (!events || !cgroup::says_populated(*events)) return tell(News::empty);
  // Somebody may have been born inside since kill() saw nobody.
  if (kill_wanted_ && !kill_written_) write_kill();
  change_ = loop_.poll(events_.get(), POLLPRI, [this](int) { look(); });
}

// Out of descriptors or memory: that says nothing about who is inside.
void Emptying::look_later(const Error& error) {
  log::warning("cgroup {}: {}; will look again", directory_.path(), error.message());
  soon_ = loop_.after(look_again_after, [this] { look(); });
}

void Emptying::tell(News news) {
  if (news == News::stuck) return handler_(news);
  patience_.disarm();
  const auto handler = std::move(handler_);
  handler(news);  // may destroy this
}

void signal_tree(const cgroup::Directory& directory, const cgroup::Mount& mount, int signal) {
  for (const pid_t pid : directory.processes_in_tree()) {
    const auto process = process::Process::open(pid);
    if (!process) continue;
    const auto where = process->control_group();
    if (!where || !cgroup::is_within(mount.below(*where), directory.path())) continue;
    if (const auto sent = process->signal(signal); !sent && sent.error().number != ESRCH)
      log::warning("{}", sent.error().message());
  }
}

}  // namespace reeve::registry
