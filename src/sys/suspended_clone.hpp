// vfork(2) by clone3(2): a child that shares all memory with this process, which stands still until
// the child has executed a program, or ended. It costs the same however large this process is.
#pragma once

namespace reeve::sys {

// Whether this program knows how, on this processor.
bool can_clone_suspended();

// The child is born in a cgroup (Linux 5.7), as a child of this process's parent (CLONE_PARENT).
// There it calls `body`, which must not return, and must leave memory as whole as if it could be
// killed at any moment: it allocates nothing. -errno, or 0 with the child's pidfd.
int clone_suspended(int control_group, int& pidfd, void (*body)(void*), void* data);

}  // namespace reeve::sys
