#include "registry/move.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/log.hpp"
#include "sys/calls.hpp"

namespace reeve::registry {

Move::Move(loop::Loop& loop, const cgroup::Mount& mount, const cgroup::Directory& target,
           const process::Process& process, Handler handler)
    : loop_(loop), mount_(mount), target_(target), process_(process), handler_(std::move(handler)) {
  auto origin = process.control_group();
  auto file = target.open_file("cgroup.procs", O_WRONLY);
  if (!origin || !file) {
    const auto error = !origin ? origin.error() : file.error();
    soon_ = loop_.after(Microseconds{0}, [this, error] { finish(error); });
    return;
  }
  origin_ = mount.below(*origin);
  operation_ = loop_.write(std::move(*file), std::to_string(process.pid()),
                           [this](int result) { written(result); });
}

void Move::written(int result) {
  const auto object = "process " + std::to_string(process_.pid());
  if (process_.is_unreaped()) {
    if (result < 0) return finish(Error{-result, object + " to cgroup " + target_.path(), "move"});
    const auto where = process_.control_group();
    if (where.ok() && mount_.below(*where) == target_.path() && process_.is_alive())
      return finish(Done{});
    // The kernel passes over a process that is already exiting without a word.
    return finish(Error{process_.is_alive() ? EBUSY : ESRCH, object, "move"});
  }
  if (result >= 0) {
    const auto bearer = process::Process::open(process_.pid());
    if (bearer.ok()) return_stranger(mount_, target_, *bearer, origin_);
  }
  finish(Error{ESRCH, object, "move"});
}

void Move::finish(Status status) {
  const auto handler = std::move(handler_);
  handler(std::move(status));  // may destroy this
}

void return_stranger(const cgroup::Mount& mount, const cgroup::Directory& target,
                     const process::Process& stranger, const std::string& fallback) {
  const auto where = stranger.control_group();
  if (!where || mount.below(*where) != target.path()) return;
  std::string home = fallback;
  if (const auto details = stranger.details()) {
    const auto parent = process::Process::open(details->parent);
    const auto of_parent =
        parent.ok() ? parent->control_group() : Result<std::string>(parent.error());
    if (of_parent.ok() && mount.below(*of_parent) != target.path()) home = mount.below(*of_parent);
  }
  const auto path = mount.point + home + "/cgroup.procs";
  const auto moved = sys::write_file_at(AT_FDCWD, path, std::to_string(stranger.pid()));
  if (moved.ok())
    log::warning("process {} had taken the pid of one that died while it was moved: returned to {}",
                 stranger.pid(), home);
  else
    log::error("process {} was moved by mistake and cannot be returned: {}", stranger.pid(),
               moved.error().message());
}

}  // namespace reeve::registry
