// reeve-holder: keeps the cgroup of its unit, in which reeved has its root, from being removed.
//
// systemd removes the empty cgroups of a unit that restarts, and a reservation is an empty cgroup.
// So the root is not in reeved's own unit but in this one, whose process has nothing to do and no
// reason to die. Should it die nevertheless, a second process, the pin, keeps the cgroup populated
// until systemd has started the holder again. When the unit is stopped, whatever is left ends.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>

#include "base/log.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "process/process.hpp"
#include "registry/names.hpp"
#include "sys/calls.hpp"

namespace reeve::holder {

namespace {

Status enter(const cgroup::Directory& unit, std::string_view child) {
  const std::string name(child);
  const int made = sys::make_directory_at(unit.descriptor(), name, 0755);
  if (made < 0 && made != -EEXIST) return Error{-made, unit.path_of(name), "make cgroup"};
  return sys::write_file_at(unit.descriptor(), name + "/cgroup.procs", "0");
}

// The unit's own, whether systemd has put this process below it (DelegateSubgroup=, from 254 on) or
// not. There must be no process in it: controllers could not be enabled then.
Result<cgroup::Directory> hold_unit() {
  const auto mount = cgroup::find_mount();
  if (!mount) return mount.error();
  const auto own = process::control_group_of("/proc/self");
  if (!own) return own.error();
  auto path = mount->below(*own);
  const auto below = "/" + std::string(registry::holder_directory);
  if (path.ends_with(below)) path.erase(path.size() - below.size());
  auto unit = cgroup::Directory::open(mount->point, path);
  if (!unit) return unit;
  if (const auto entered = enter(*unit, registry::holder_directory); !entered)
    return entered.error();
  return unit;
}

// It does nothing, and everything else is closed to it.
[[noreturn]] void be_the_pin(const cgroup::Directory& unit) {
  ::prctl(PR_SET_NAME, "reeve-pin");
  ::setsid();
  if (const auto entered = enter(unit, registry::pin_directory); !entered) {
    log::error("{}", entered.error().message());
    ::_exit(1);
  }
  ::close_range(0, ~0U, 0);
  for (;;)
    ::pause();
}

// That of a holder before, if it lives; the parent of such a one is another.
Result<process::Process> find_or_start_pin(const cgroup::Directory& unit) {
  const auto place = unit.open_child(std::string(registry::pin_directory));
  const auto present = place.ok() ? place->processes() : Result<std::vector<pid_t>>(place.error());
  if (present.ok() && !present->empty())
    if (auto pin = process::Process::open(present->front()); pin.ok()) return pin;
  auto child = sys::fork_child();
  if (!child) return child.error();
  if (child->pid == 0) be_the_pin(unit);
  return process::Process::of_child(child->pid, std::move(child->pidfd));
}

// In a unit that ends, everything is the unit's: systemd itself would kill it, were it not for
// KillMode=process, which is there for the sake of a holder that crashes.
void end_everything(const cgroup::Directory& unit) {
  const auto children = unit.children();
  if (!children) return log::warning("{}", children.error().message());
  for (const auto& child : *children) {
    if (child == registry::holder_directory || child.starts_with('.')) continue;
    if (child != registry::pin_directory) log::notice("ending what is left in cgroup {}", child);
    if (const auto killed = sys::write_file_at(unit.descriptor(), child + "/cgroup.kill", "1");
        !killed && !killed.error_is(ENOENT))
      log::warning("{}", killed.error().message());
  }
}

int hold() {
  const std::array<int, 2> ends{SIGTERM, SIGINT};
  const auto signals = sys::signal_descriptor(ends);
  const auto unit = hold_unit();
  if (!signals || !unit) {
    log::error("{}", (!signals ? signals.error() : unit.error()).message());
    return 1;
  }
  for (bool is_ready = false;; is_ready = true) {
    auto pin = find_or_start_pin(*unit);
    if (!pin) {
      log::error("{}", pin.error().message());
      return 1;
    }
    if (!is_ready) sd_notify(0, "READY=1");
    std::array entries{pollfd{signals->get(), POLLIN, 0}, pollfd{pin->pidfd(), POLLIN, 0}};
    while (::poll(entries.data(), entries.size(), -1) < 0) {
    }
    if (entries[0].revents != 0) break;
    pin->reap();
    log::warning("the pin of cgroup {} was killed: starting another", unit->path());
  }
  sd_notify(0, "STOPPING=1");
  end_everything(*unit);
  return 0;
}

}  // namespace

}  // namespace reeve::holder

int main() {
  return reeve::holder::hold();
}
