#include "registry/move.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/log.hpp"
#include "base/test_hooks.hpp"
#include "json/codec.hpp"
#include "registry/records.hpp"
#include "sys/calls.hpp"

namespace reeve::registry {

namespace {

constexpr std::string_view note_of_move = "moving.";

std::string note_name(const process::Process& process) {
  return std::string(note_of_move) + std::to_string(process.pid());
}

// Back where its parent is, or, where that is no help, into the cgroup `fallback`. A child of a
// process that is inside was born there.
void return_stranger(const cgroup::Mount& mount, const cgroup::Directory& target,
                     const process::Process& stranger, const std::string& fallback) {
  const auto where = stranger.control_group();
  if (!where || mount.below(*where) != target.path()) return;
  std::string home = fallback;
  if (const auto details = stranger.details()) {
    const auto parent = process::Process::open(details->parent);
    const auto of_parent =
        parent.ok() ? parent->control_group() : Result<std::string>(parent.error());
    if (of_parent.ok()) home = mount.below(*of_parent);
  }
  if (home == target.path()) return;
  const auto path = mount.point + home + "/cgroup.procs";
  const auto moved = sys::write_file_at(AT_FDCWD, path, std::to_string(stranger.pid()));
  if (moved.ok())
    log::warning("process {} had taken the pid of one that died while it was moved: returned to {}",
                 stranger.pid(), home);
  else
    log::error("process {} was moved by mistake and cannot be returned: {}", stranger.pid(),
               moved.error().message());
}

}  // namespace

Move::Move(loop::Loop& loop, const cgroup::Mount& mount, const cgroup::Directory& target,
           const process::Process& process, Where where, Handler handler)
    : loop_(loop),
      mount_(mount),
      target_(target),
      process_(process),
      where_(where),
      handler_(std::move(handler)) {
  if (const auto begun = begin(); !begun)
    soon_ = loop_.after(Microseconds{0}, [this, begun] { finish(begun); });
}

Status Move::begin() {
  const auto origin = process_.control_group();
  if (!origin) return origin.error();
  auto file = target_.open_file("cgroup.procs", O_WRONLY);
  if (!file) return file.error();
  if (mistaken("leak-descriptor"))
    if (auto leaked = target_.open_file("cgroup.procs", O_RDONLY)) (void)leaked->release();
  if (where_ == Where::into_registry) {
    auto noted =
        target_.write_note(note_name(process_), json::encoded(recorded(process_.identity())));
    if (!noted) return noted;
  }
  origin_ = mount_.below(*origin);
  operation_ = loop_.write(std::move(*file), std::to_string(process_.pid()),
                           [this](int result) { written(result); });
  return Done{};
}

void Move::written(int result) {
  const auto object = "process " + std::to_string(process_.pid());
  if (mistaken("skip-check-after-move")) return finish(Done{});
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
  if (where_ == Where::into_registry) target_.remove_note(note_name(process_));
  const auto handler = std::move(handler_);
  handler(std::move(status));  // may destroy this
}

void return_strangers(const cgroup::Mount& mount, const cgroup::Directory& target) {
  const auto notes = target.notes();
  if (!notes) return log::error("{}", notes.error().message());
  for (const auto& [name, note] : *notes) {
    if (!name.starts_with(note_of_move)) continue;
    if (const auto moved = read_process_record(note)) {
      const auto identity = identity_of(*moved);
      const auto bearer = process::Process::open(identity.pid);
      if (bearer.ok() && !bearer->identity().same_as(identity))
        return_stranger(mount, target, *bearer, "/");
    }
    target.remove_note(name);
  }
}

}  // namespace reeve::registry
