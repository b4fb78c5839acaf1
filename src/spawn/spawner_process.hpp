// The other side of Spawner: a small process that clones the workers.
//
// It is forked off before reeved holds anything, and holds nothing itself but one socket: so what
// it clones costs the same however much reeved holds, no descriptor of reeved's can reach a worker,
// and a file that somebody passed to reeved and that hangs when it is closed hangs nobody. The
// clone describes itself, as a process of its own, in the cgroup of its worker: user databases,
// file systems and programs that hang hold up only the one who named them.
#pragma once

#include "base/fd.hpp"

namespace reeve::spawn {

// Serves orders until the other end of `orders` is closed. What it clones is its own child, which
// it reaps when it is told to: until then the status of a worker that has died cannot be lost.
[[noreturn]] void serve_orders(FileDescriptor orders);

}  // namespace reeve::spawn
