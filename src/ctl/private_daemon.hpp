// A reeved of its own for one `reevectl run` where no daemon serves.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"

namespace reeve::ctl {

// Starts it outside of what it will watch, in a session of its own, and returns its socket, which
// accepts calls at once. It ends with its last run.
Result<std::string> start_private_daemon(const std::optional<std::string>& root);

}  // namespace reeve::ctl
