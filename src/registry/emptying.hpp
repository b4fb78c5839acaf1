// Ends everything in a cgroup and tells when nothing is left. The one place that writes
// cgroup.kill.
//
// "Empty" is what cgroup.events says, nothing less; its change is awaited through POLLPRI. The
// write itself returns only when most of the processes are dead, so it is an operation of the loop.
#pragma once

#include <functional>
#include <string>

#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "loop/loop.hpp"

namespace reeve::registry {

class Emptying {
 public:
  enum class News {
    empty,  // said once; the object may be destroyed from inside the handler
    stuck,  // some time after kill(), again and again: a process cannot die, or cannot be killed
  };
  using Handler = std::function<void(News)>;

  Emptying(loop::Loop& loop, const cgroup::Mount& mount, cgroup::Directory directory,
           Handler handler);

  // Begins to await emptiness. A cgroup that is empty already, or gone, is told of from the loop.
  void watch();
  // watch(), and everything in the cgroup and below is killed unless it is empty already. Refused,
  // and told as stuck, for a cgroup that holds this process or PID 1.
  void kill();

 private:
  void look();
  void look_later(const Error& error);
  void write_kill();
  void tell(News news);

  loop::Loop& loop_;
  const cgroup::Mount& mount_;
  cgroup::Directory directory_;
  Handler handler_;
  bool kill_wanted_ = false;
  bool kill_written_ = false;
  FileDescriptor events_;
  loop::Operation change_;
  loop::Operation kill_;
  loop::Timer patience_;
  loop::Timer soon_;
};

// Sends a signal to every process in the cgroup and below, each through a pidfd that was seen to be
// in there. What is forked meanwhile may be missed: only cgroup.kill misses nothing.
void signal_tree(const cgroup::Directory& directory, const cgroup::Mount& mount, int signal);

}  // namespace reeve::registry
