// Surroundings that lack something: for the process that calls this, and what it becomes.
#pragma once

namespace reeve::test {

// The system call fails with that errno from now on.
void forbid(unsigned call, int number);

// No cgroup2 is mounted anywhere.
void hide_cgroup2();

}  // namespace reeve::test
