// reeve-holder: keeps the cgroup of its unit, in which reeved has its root, from being removed.
//
// systemd removes the empty cgroups of a unit that restarts, and a reservation is an empty cgroup.
// So the root is not in reeved's own unit but in this one, whose process has little to do and no
// reason to die: for reeved, which its service confines, it forks the spawners of workers. Should
// it die nevertheless, a second process, the pin, keeps the cgroup populated until systemd has
// started the holder again. When the unit is stopped, whatever is left ends.
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "process/process.hpp"
#include "registry/names.hpp"
#include "spawn/spawner_process.hpp"
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

// ---- starting workers for reeved

Result<FileDescriptor> listen_at(const std::string& path) {
  (void)sys::make_directory_at(AT_FDCWD, path.substr(0, path.rfind('/')), 0700);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG, path, "listen on socket"};
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());  // of a holder before: there is one at a time
  ::umask(0077);
  if (!socket ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(socket.get(), SOMAXCONN) < 0)
    return Error{errno, path, "listen on socket"};
  return socket;
}

// One process for each reeved, which ends with its connection.
void serve_next(const FileDescriptor& listener) {
  FileDescriptor orders(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  ucred credentials{};
  if (!orders || sys::peer_credentials(orders.get(), credentials) < 0) return;
  if (credentials.uid != ::geteuid())
    return log::warning("user {} may not have workers started here", credentials.uid);
  const auto spawner = sys::fork_child();
  if (!spawner) return log::error("{}", spawner.error().message());
  if (spawner->pid == 0) spawn::serve_orders(std::move(orders));
}

// ---- the unit's life

int fail(const Error& error) {
  log::error("{}", error.message());
  return 1;
}

int hold(const std::optional<std::string>& socket) {
  const std::array<int, 4> watched{SIGTERM, SIGINT, SIGHUP, SIGCHLD};
  const auto signals = sys::signal_descriptor(watched);
  if (!signals) return fail(signals.error());
  const auto unit = hold_unit();
  if (!unit) return fail(unit.error());
  auto listener = socket ? listen_at(*socket) : Result<FileDescriptor>(FileDescriptor());
  if (!listener) return fail(listener.error());
  auto pin = find_or_start_pin(*unit);
  if (!pin) return fail(pin.error());
  sd_notify(0, "READY=1");
  for (bool is_ended = false; !is_ended;) {
    std::array entries{pollfd{signals->get(), POLLIN, 0}, pollfd{pin->pidfd(), POLLIN, 0},
                       pollfd{listener->get(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    for (int number; (number = sys::read_signal(signals->get())) > 0;) {
      if (number == SIGTERM || number == SIGINT) is_ended = true;
      // Somebody has removed the socket.
      if (number == SIGHUP && socket)
        if (auto again = listen_at(*socket); again.ok()) listener = std::move(again);
    }
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (entries[2].revents != 0) serve_next(*listener);
    if (is_ended || pin->is_alive()) continue;
    log::tell(log::Level::warning, log::topic::pin_killed, {},
              "the pin of cgroup {} was killed: starting another", unit->path());
    pin = find_or_start_pin(*unit);
    if (!pin) return fail(pin.error());
  }
  sd_notify(0, "STOPPING=1");
  end_everything(*unit);
  if (socket) ::unlink(socket->c_str());
  return 0;
}

}  // namespace

}  // namespace reeve::holder

int main(int argc, char** argv) {
  constexpr std::string_view usage =
      "reeve-holder [SOCKET]\n\n"
      "Holds the cgroup of its unit, in which reeved has its root, and starts workers for the "
      "reeved\n"
      "that connects to SOCKET. See reeve-holder(8).\n";
  const std::string_view argument = argc > 1 ? argv[1] : "";
  if (argc > 2 || argument.starts_with('-')) {
    const bool is_asked = argc == 2 && (argument == "--help" || argument == "-h");
    fmt::print(is_asked ? stdout : stderr, "{}", usage);
    return is_asked ? 0 : 2;
  }
  return reeve::holder::hold(argc > 1 ? std::optional<std::string>(argument) : std::nullopt);
}
