// A process that starts programs faster than the spawner can, by vfork(2): what it clones needs no
// copy of its memory. The price is that it stands still until the program is executed; so there
// are several, each with one order at a time, and only for what root has configured. It starts what
// needs nothing to be looked up; everything else is the spawner's.
//
// What it starts are children of the spawner, which reaps them. It ends with the other end of its
// socket.
#pragma once

#include "base/fd.hpp"
#include "spawn/order.hpp"

namespace reeve::spawn {

// Whether a hand can start it.
bool is_for_hands(const Program& program);

[[noreturn]] void serve_as_hand(FileDescriptor orders);

}  // namespace reeve::spawn
