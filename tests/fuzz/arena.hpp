// A reeved inside the fuzzer, on a throw-away cgroup, with clients and workers that are processes
// of their own. The fuzzer runs in a PID namespace: no pid that it makes up names a stranger.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "loop/loop.hpp"
#include "registry/registry.hpp"
#include "service/service.hpp"
#include "varlink/server.hpp"

namespace reeve::fuzz {

// For LLVMFuzzerInitialize(): returns in a child inside new namespaces, with a cgroup and a
// directory for sockets. The calling process waits for it, removes both and exits with its status.
void enter_arena();

// The arena's cgroup, the root of the daemons here, as a directory.
std::filesystem::path root_directory();
// Removes the cgroups that are left in it, once nothing is in them.
void clear_root();

// A process of its own that connects to reeved when it is told to, and sleeps otherwise. It shares
// the fuzzer's memory and descriptors, for a fork of a sanitized program takes milliseconds. Killed
// and reaped at the end.
class Idler {
 public:
  Idler();
  ~Idler();
  Idler(const Idler&) = delete;
  Idler& operator=(const Idler&) = delete;

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] process::Identity identity() const;
  // A connection whose peer, as the daemon sees it, is this process; none if it has died.
  FileDescriptor connect();

 private:
  std::unique_ptr<char[]> stack_;
  FileDescriptor ours_, its_;
  pid_t pid_ = 0;
  FileDescriptor pidfd_;
};

class Daemon {
 public:
  // Adopts what it finds.
  Daemon();
  // Leaves what there is, as a daemon that ends does.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // A call of our own, which is answered; with it, whatever was sent to the daemon before is read.
  std::string call(std::string_view method, std::string_view parameters);
  void catch_up() { call("org.varlink.service.GetInfo", "{}"); }
  // Calls that look at everything, each in its own way.
  void look_around();
  // Ends all runs: nothing is left but the root.
  void end_all_runs();

 private:
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<service::Service> service_;
  std::unique_ptr<varlink::Server> server_;
  Idler caller_;
  FileDescriptor socket_;
};

std::size_t open_descriptors();
// Whether this process comes to have as many open descriptors as it had.
bool descriptors_are_back(std::size_t before);

}  // namespace reeve::fuzz
