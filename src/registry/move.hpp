// Moves one process into a cgroup, and undoes it if it was not that process.
//
// The kernel moves by number: between looking at a process and the write to cgroup.procs, which may
// wait 10 ms for the kernel, the process can die and its pid be given to a stranger. So the pidfd
// is asked again after the move. Still unreaped: the pid was the process's all along. Reaped:
// whoever bears the pid now and sits in our cgroup was put there by us, and goes back to where its
// parent is.
//
// A note on our cgroup names the process whose move is under way: should the daemon be killed
// between the move and the question, the next daemon asks it.
#pragma once

#include <functional>

#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "loop/loop.hpp"
#include "process/process.hpp"

namespace reeve::registry {

class Move {
 public:
  // ESRCH where the process died before it was in, EBUSY where somebody else moved it on at once,
  // anything else as write(2) to cgroup.procs says.
  using Handler = std::function<void(Status)>;

  // All references outlive this object. The handler is called once, from the loop, and may destroy
  // this object.
  enum class Where { into_registry, back };
  Move(loop::Loop& loop, const cgroup::Mount& mount, const cgroup::Directory& target,
       const process::Process& process, Where where, Handler handler);

  // Path of the cgroup it was in before, for moving it back.
  [[nodiscard]] const std::string& origin() const { return origin_; }

 private:
  Status begin();
  void written(int result);
  void finish(Status status);

  loop::Loop& loop_;
  const cgroup::Mount& mount_;
  const cgroup::Directory& target_;
  const process::Process& process_;
  Where where_;
  Handler handler_;
  std::string origin_;
  loop::Operation operation_;
  loop::Timer soon_;
};

// After a restart: what moves into this cgroup that a crash cut short put there by mistake goes
// back. Waits for the kernel: for a case that hardly ever comes.
void return_strangers(const cgroup::Mount& mount, const cgroup::Directory& target);

}  // namespace reeve::registry
