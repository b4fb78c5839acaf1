// What a process that was just cloned does to become the program of an order.
#pragma once

#include <array>

#include "base/fd.hpp"
#include "spawn/order.hpp"

namespace reeve::spawn {

// `program` is a file with the Program as JSON, `streams` what the program gets as its standard
// input, output and error. All else that is open is to be closed on exec. Returns only if it fails.
SpawnFailure become(const FileDescriptor& program, const std::array<FileDescriptor, 3>& streams);

}  // namespace reeve::spawn
