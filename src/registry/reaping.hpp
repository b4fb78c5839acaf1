// Tells when a process that is dead has been reaped by its parent. Only then has it an exit status.
//
// Linux 6.9 and newer tell of it by POLLHUP. Older ones tell nobody but the parent: there the pidfd
// is asked again and again, as long as the zombie is there, at intervals that grow with its age.
#pragma once

#include <functional>

#include "loop/loop.hpp"
#include "process/process.hpp"

namespace reeve::registry {

class Reaping {
 public:
  // `process` outlives this object. The handler is called once, from the loop, and may destroy this
  // object.
  Reaping(loop::Loop& loop, const process::Process& process, std::function<void()> handler);

 private:
  void look();
  void finish();

  loop::Loop& loop_;
  const process::Process& process_;
  std::function<void()> handler_;
  loop::Operation hangup_;
  loop::Timer next_look_;
  Microseconds interval_;
};

}  // namespace reeve::registry
