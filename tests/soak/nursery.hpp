// A small process that is the parent of the workers: forking it costs little, whatever the soak
// holds in its own memory. It reaps what dies at once. One thread uses it at a time.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "soak/orders.hpp"
#include "support/processes.hpp"

namespace reeve::test {

class Nursery {
 public:
  Nursery();

  // A process that sleeps, born inside the cgroup of that directory; where the nursery is if that
  // is empty.
  Born bear(const std::string& directory);
  // To a child that was not reaped yet, which the nursery alone can be sure of.
  void signal(pid_t pid, int number);

 private:
  Born ask(const Order& order);

  FileDescriptor orders_;
  Child process_;
};

}  // namespace reeve::test
