// What reeved needs before it can serve: each step either succeeds or says, in one message, what is
// missing, how to mend it, and with which exit status to end.
#pragma once

#include <memory>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "config/config.hpp"
#include "daemon/options.hpp"
#include "loop/loop.hpp"
#include "sys/features.hpp"

namespace reeve::daemon {

struct Refusal {
  int exit_status;
  std::string message;
};
template <class T>
using Required = Result<T, Refusal>;

// What is not to be used of this kernel: $REEVE_WITHOUT.
Required<sys::FeatureSet> read_environment();
Required<std::unique_ptr<loop::Loop>> start_loop();
Required<cgroup::Mount> find_cgroup2();

struct Root {
  cgroup::Directory directory;
  bool made = false;        // by this process
  FileDescriptor presence;  // a lock that every daemon on this root shares
};
// Opened, writable, and not the cgroup of a run that this process is itself in. Unless private, it
// is locked: two daemons on one root would each end what the other adopted.
Required<Root> open_root(const Options& options, const config::Config& config,
                         const cgroup::Mount& mount);

// Runs live on without the daemon; only a root that holds none, and that no other daemon uses,
// goes.
void remove_root(const Root& root, const std::string& path);

// By the service manager: sd_listen_fds(3).
struct Passed {
  FileDescriptor listener;
  FileDescriptor events;         // what an earlier reeved had stored there: see notifier.hpp
  FileDescriptor notifications;  // of pools' workers: see notifier.hpp
};
Required<Passed> take_passed_descriptors();

struct Listener {
  FileDescriptor socket;
  std::string path;  // to be removed at the end; empty for a socket that was passed
};
// At the path, in a directory that is made if it is missing. EADDRINUSE where somebody listens.
Result<FileDescriptor> make_listener(const std::string& path);
// `passed` comes first.
Required<Listener> open_listener(const Options& options, const config::Config& config,
                                 FileDescriptor passed);

// Records are extended attributes of cgroups: who can open a cgroup can read them. What was hidden
// by an earlier daemon is shown again.
Status show_to_others(const cgroup::Directory& root, bool shown);

// As many descriptors as the hard limit, or root's rights, allow: each worker takes one.
void raise_descriptor_limit();

}  // namespace reeve::daemon
