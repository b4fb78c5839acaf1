// What this kernel tells, as far as REEVE_WITHOUT leaves it. It is asked; its version says nothing.
#pragma once

#include <optional>
#include <string>

#include "reeve/types.hpp"

namespace reeve::test {

// To others than the parent of a process, once it was reaped.
bool kernel_tells_exit_statuses();

// Where the kernel tells exit statuses, this one; otherwise that nothing is known of it.
void expect_code(const Worker& worker, int code);
void expect_signal(const Worker& worker, const std::string& signal,
                   ExitCause cause = ExitCause::signaled);

}  // namespace reeve::test
