// Moves one process into a cgroup, and undoes it if it was not that process.
//
// The kernel moves by number: between looking at a process and the write to cgroup.procs, which may
// wait 10 ms for the kernel, the process can die and its pid be given to a stranger. So the pidfd
// is asked again after the move. Still unreaped: the pid was the process's all along. Reaped:
// whoever bears the pid now and sits in our cgroup was put there by us, and goes back to where its
// parent is.
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
  Move(loop::Loop& loop, const cgroup::Mount& mount, const cgroup::Directory& target,
       const process::Process& process, Handler handler);

  // Path of the cgroup it was in before, for moving it back.
  [[nodiscard]] const std::string& origin() const { return origin_; }

 private:
  void written(int result);
  void finish(Status status);

  loop::Loop& loop_;
  const cgroup::Mount& mount_;
  const cgroup::Directory& target_;
  const process::Process& process_;
  Handler handler_;
  std::string origin_;
  loop::Operation operation_;
  loop::Timer soon_;
};

// Puts a process that was moved into `target` by mistake back where its parent is, or, where that
// is no help, into the cgroup `fallback`. Waits for the kernel: for a case that hardly ever comes.
void return_stranger(const cgroup::Mount& mount, const cgroup::Directory& target,
                     const process::Process& stranger, const std::string& fallback);

}  // namespace reeve::registry
