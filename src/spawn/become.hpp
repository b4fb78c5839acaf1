// What a process that was just cloned does to become the program of an order.
#pragma once

#include <sys/types.h>

#include <array>

#include "base/fd.hpp"
#include "spawn/order.hpp"

namespace reeve::spawn {

inline constexpr mode_t usual_file_mode_mask = 022;

// What protects reeved from the kernel's out-of-memory killer is not a worker's. Only upwards,
// which everybody may.
void give_up_protection();

// `program` is a file with the Program as JSON, `streams` what the program gets as its standard
// input, output and error. All else that is open is to be closed on exec. Returns only if it fails.
SpawnFailure become(const FileDescriptor& program, const std::array<FileDescriptor, 3>& streams);

}  // namespace reeve::spawn
