// A listening socket at a path.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace reeve::varlink {

// Bound with the given mode, non-blocking, listening. A socket that nobody listens on any more is
// replaced; EADDRINUSE if somebody does.
Result<FileDescriptor> listen_at(const std::string& path, mode_t mode);

// The absolute path by which a listening socket is found; empty where it has none.
std::string path_of(int socket);

}  // namespace reeve::varlink
