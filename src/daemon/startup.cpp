#include "daemon/startup.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "cgroup/delegation.hpp"
#include "cgroup/limits.hpp"
#include "daemon/exit_codes.hpp"
#include "daemon/notifier.hpp"
#include "process/process.hpp"
#include "registry/site.hpp"
#include "sys/calls.hpp"
#include "varlink/listen.hpp"

namespace reeve::daemon {

namespace {

constexpr mode_t socket_mode = 0666;
constexpr const char* permission_remedy =
    "run reeved as root, or give it a cgroup that is delegated to this user: under systemd a unit "
    "with Delegate=yes, or --root CGROUP";

}  // namespace

Required<sys::FeatureSet> read_environment() {
  const auto& switched_off = sys::features_switched_off();
  if (switched_off.ok()) return *switched_off;
  return Refusal{exit_configuration,
                 fmt::format("REEVE_WITHOUT names {}, which is nothing that reeved can do without: "
                             "give all, or some of {}",
                             switched_off.error(), sys::names_of(sys::FeatureSet{}.set()))};
}

Required<std::unique_ptr<loop::Loop>> start_loop() {
  auto loop = loop::Loop::create();
  if (loop.ok()) return std::move(*loop);
  const int number = loop.error().number;
  const char* remedy =
      number == ENOSYS  ? "this kernel, or the container's seccomp profile, has no io_uring: allow "
                          "io_uring_setup, io_uring_enter and io_uring_register in the profile"
      : number == EPERM ? "io_uring is forbidden here: see the sysctl kernel.io_uring_disabled, or "
                          "the container's seccomp profile"
      : number == EINVAL ? "the kernel is older than Linux 6.1: use a newer one"
                         : "see the limits on memory and descriptors of this process";
  return Refusal{exit_no_io_uring, fmt::format("{}. {}", loop.error().message(), remedy)};
}

Required<cgroup::Mount> find_cgroup2() {
  auto mount = cgroup::find_mount();
  if (mount.ok()) return std::move(*mount);
  return Refusal{exit_no_cgroup2,
                 "no cgroup2 hierarchy is mounted here, and workers are kept in cgroups: boot with "
                 "systemd.unified_cgroup_hierarchy=1, or mount one: mount -t cgroup2 none "
                 "/sys/fs/cgroup"};
}

namespace {

constexpr int holding_attempts = 1000;
constexpr std::chrono::milliseconds holding_pause{1};

// Somebody else's, who holds it: not to be made here.
bool is_beside_unit(const Options& options) {
  return options.root->starts_with("../");
}

Required<std::string> choose_root(const Options& options, const config::Config& config,
                                  const cgroup::Mount& mount, const std::string& own) {
  if (options.root && is_beside_unit(options)) {
    const auto chosen = root_beside_unit(own, *options.root);
    if (chosen && ::access((mount.point + *chosen).c_str(), F_OK) == 0) return *chosen;
    return Refusal{exit_failure,
                   fmt::format("--root {}: there is no such cgroup beside that of reeved's unit, "
                               "{}: start the service that it belongs to first",
                               *options.root, own)};
  }
  if (options.root) {
    if (const auto chosen = root_path(*options.root)) return *chosen;
    return Refusal{exit_usage, fmt::format("--root {}: must be the path of a cgroup below the "
                                           "cgroup2 mount {}, such as /reeve",
                                           *options.root, mount.point)};
  }
  if (config.root) return *config.root;
  // With DelegateSubgroup= the unit's own cgroup is the one above.
  if (const auto delegated = cgroup::delegated_around(mount, own); delegated.ok() && *delegated)
    return (*delegated)->path();
  if (::geteuid() == 0) return std::string("/reeve");
  return Refusal{exit_no_permission,
                 fmt::format("no cgroup to keep runs in: the own one, {}, is not delegated; {}",
                             own, permission_remedy)};
}

Refusal refuse_root(const std::string& path, const Error& error) {
  const bool permission = error.number == EACCES || error.number == EPERM || error.number == EROFS;
  return {permission ? exit_no_permission : exit_failure,
          fmt::format("cannot use cgroup {} as the root: {}; {}", path, error.message(),
                      permission ? permission_remedy : "choose another with --root")};
}

// Each part of the path that is missing.
Result<bool> make_cgroup(const std::string& mount_point, const std::string& path) {
  bool made = false;
  for (auto end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const auto part = mount_point + path.substr(0, end);
    const int result = sys::make_directory_at(AT_FDCWD, part, 0755);
    if (result < 0 && result != -EEXIST) return Error{-result, part, "make cgroup"};
    made = result == 0;
    if (end == std::string::npos) return made;
  }
}

// EWOULDBLOCK while another daemon, the last one that used it, is removing it.
Result<Root> hold_root(const std::string& mount_point, const std::string& path) {
  const auto made = make_cgroup(mount_point, path);
  if (!made) return made.error();
  const Error being_removed{EWOULDBLOCK, path, "open cgroup"};
  auto directory = cgroup::Directory::open(mount_point, path);
  if (!directory) return directory.error_is(ENOENT) ? being_removed : directory.error();
  auto presence = directory->open_file("cgroup.procs", O_RDONLY);
  if (!presence) return presence.error_is(ENODEV) ? being_removed : presence.error();
  if (sys::lock_shared(presence->get()) < 0) return being_removed;
  const auto present = cgroup::Directory::open(mount_point, path);
  if (!present || present->id() != directory->id()) return being_removed;
  return Root{std::move(*directory), *made, std::move(*presence)};
}

}  // namespace

namespace {

// For limits and accounting of workers; both are done without where it cannot be.
void enable_controllers(const cgroup::Directory& root) {
  const auto wanted = cgroup::controllers_to_enable(root);
  if (wanted.empty() || wanted == cgroup::controllers_enabled(root)) return;
  if (const auto enabled = sys::write_file_at(root.descriptor(), "cgroup.subtree_control", wanted);
      !enabled)
    log::notice("workers cannot be limited: controllers of {}: {}", root.path(),
                errno_name(enabled.error().number));
}

}  // namespace

Required<Root> open_root(const Options& options, const config::Config& config,
                         const cgroup::Mount& mount) {
  auto own = process::control_group_of("/proc/self");
  if (!own) return Refusal{exit_no_cgroup2, own.error().message()};
  const auto own_path = mount.below(*own);
  const auto path = choose_root(options, config, mount, own_path.empty() ? "/" : own_path);
  if (!path) return path.error();
  const auto sits_in_run = [&](const cgroup::Directory& root) {
    const auto run = registry::run_at(root, own_path);
    return run.ok() && *run;
  };
  if (const auto present = cgroup::Directory::open(mount.point, *path);
      present.ok() && sits_in_run(*present))
    return Refusal{exit_failure,
                   fmt::format("reeved sits in a run of its own root, {}: it would end with that "
                               "run; start it from outside, or give another --root",
                               own_path)};
  auto root = hold_root(mount.point, *path);
  for (int attempt = 1; root.error_is(EWOULDBLOCK) && attempt < holding_attempts; ++attempt) {
    std::this_thread::sleep_for(holding_pause);
    root = hold_root(mount.point, *path);
  }
  if (!root) return refuse_root(*path, root.error());
  const int directory = root->directory.descriptor();
  if (::faccessat(directory, "cgroup.procs", W_OK, AT_EACCESS) < 0 ||
      ::faccessat(directory, ".", W_OK, AT_EACCESS) < 0)
    return refuse_root(*path, Error{errno, *path, "write to cgroup"});
  if (!options.is_private)
    if (const auto locked = root->directory.lock(); !locked)
      return Refusal{exit_root_in_use,
                     fmt::format("another reeved serves the root {}: stop it, or give this one a "
                                 "root of its own with --root",
                                 *path)};
  enable_controllers(root->directory);
  return std::move(*root);
}

void remove_root(const Root& root, const std::string& path) {
  if (sys::lock_exclusive(root.presence.get()) == 0) (void)sys::remove_directory_at(AT_FDCWD, path);
}

Required<Passed> take_passed_descriptors() {
  Passed passed;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) {
    all.emplace_back(names[i]);
    std::free(names[i]);
  }
  std::free(names);
  for (int i = 0; i < count; ++i) {
    FileDescriptor descriptor(SD_LISTEN_FDS_START + i);
    const auto& name = all[static_cast<std::size_t>(i)];
    if (name == stored_events)
      passed.events = std::move(descriptor);
    else if (name == stored_notifications)
      passed.notifications = std::move(descriptor);
    else if (!passed.listener &&
             sd_is_socket_unix(descriptor.get(), SOCK_STREAM, 1, nullptr, 0) > 0)
      passed.listener = std::move(descriptor);
    else
      return Refusal{exit_socket,
                     fmt::format("what the service manager passed as {} is not used: the socket "
                                 "unit must pass one listening unix stream socket",
                                 name)};
  }
  return passed;
}

Result<FileDescriptor> make_listener(const std::string& path) {
  if (const auto slash = path.rfind('/'); slash != std::string::npos && slash > 0)
    (void)sys::make_directory_at(AT_FDCWD, path.substr(0, slash), 0755);  // bind(2) will tell
  return varlink::listen_at(path, socket_mode);
}

Required<Listener> open_listener(const Options& options, const config::Config& config,
                                 FileDescriptor passed) {
  if (passed) {
    ::fcntl(passed.get(), F_SETFL, ::fcntl(passed.get(), F_GETFL) | O_NONBLOCK);
    return Listener{std::move(passed), options.is_private ? options.socket.value_or("") : ""};
  }
  const auto path = options.socket ? *options.socket : config.socket.value_or(usual_socket());
  if (path.empty())
    return Refusal{exit_socket, "no place for the socket: set XDG_RUNTIME_DIR, or give --socket"};
  auto socket = make_listener(path);
  if (socket.ok()) return Listener{std::move(*socket), path};
  return Refusal{exit_socket,
                 fmt::format("{}; {}", socket.error().message(),
                             socket.error().number == EADDRINUSE
                                 ? "another daemon listens there: stop it, or give --socket"
                                 : "give a place that exists and is writable with --socket")};
}

// The note says whose mode it is: another one was chosen by whoever delegated the root.
Status show_to_others(const cgroup::Directory& directory, bool shown) {
  constexpr mode_t owner_only = 0700, usual = 0755;
  const std::string note = "hidden";
  if (shown) {
    const auto notes = directory.notes();
    if (!notes || !notes->contains(note)) return Done{};
  } else if (auto noted = directory.write_note(note, "1"); !noted) {
    return noted;
  }
  if (::fchmod(directory.descriptor(), shown ? usual : owner_only) < 0)
    return Error{errno, directory.path(), "set the mode of cgroup"};
  if (shown) directory.remove_note(note);
  return Done{};
}

void raise_descriptor_limit() {
  constexpr rlim_t plenty = 1U << 20;
  rlimit wanted{plenty, plenty};
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  rlimit present{};
  if (::getrlimit(RLIMIT_NOFILE, &present) < 0) return;
  present.rlim_cur = present.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &present);
}

}  // namespace reeve::daemon
