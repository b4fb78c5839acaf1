// A small process that is the parent of the workers: forking it costs little, whatever the soak
// holds in its own memory. It reaps what dies at once. One thread uses it at a time.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.hpp"
#include "support/processes.hpp"

namespace reeve::test {

// A worker exits with this status when it gets SIGUSR1; other signals do what they always do.
inline constexpr int worker_exit_status = 7;

class Nursery {
 public:
  // To be made before there are threads, and before there is much in memory.
  Nursery();

  struct Born {
    pid_t pid = 0;
    std::int64_t clone_nanoseconds = 0;  // what clone3 took
  };
  // A process that sleeps, born inside the cgroup of that directory; where the nursery is if that
  // is empty.
  Born bear(const std::string& directory);
  // To a child that was not reaped yet, which the nursery alone can be sure of.
  void signal(pid_t pid, int number);

 private:
  FileDescriptor orders_;
  Child process_;
};

}  // namespace reeve::test
