// The tests run in a child, inside a throw-away cgroup; whatever they leave, also when they crash
// or are timed out, ends with that cgroup.
#pragma once

#include <functional>

namespace reeve::test {

// The exit status of `tests`; 77, which is "skipped", where they cannot run.
int under_guard(const std::function<int()>& tests);

}  // namespace reeve::test
