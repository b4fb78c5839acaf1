// What this kernel offers to this process, found by trying: seccomp profiles and containers take
// things away that the kernel's version would promise.
#pragma once

#include <optional>

#include "sys/features.hpp"

namespace reeve::sys {

// 0, or the errno with which reeved could not start or work: an io_uring as it is set up by
// loop/loop.cpp (Linux 6.1), pidfds (5.3), clone3 (5.3).
int try_io_uring();
int try_pidfd();
int try_clone3();

// Of what reeve can do without. Nothing where it cannot be told here: no cgroup has the controller.
std::optional<bool> is_offered(Feature feature);

}  // namespace reeve::sys
