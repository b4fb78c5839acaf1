// What a worker of a pool is started with.
#pragma once

#include <string>

#include "base/result.hpp"
#include "config/pools.hpp"
#include "registry/registry.hpp"

namespace reeve::supervision {

// Pools of this host's reeved, whichever they are.
struct Host {
  std::string socket;            // of reeved; empty if workers are not told
  std::string notify_socket;     // where workers that notify find it
  bool can_kill_groups = false;  // there is a memory controller
};

std::string worker_name(std::string_view pool, std::int64_t slot);
// The pool and the slot of a worker that is named so; nothing for another.
std::optional<std::pair<std::string, std::int64_t>> slot_of(std::string_view worker);

// Two pools that differ in what their workers are started with, differ in this.
std::string settings_of(const config::Pool& pool);

registry::ReserveRequest reservation(const config::Pool& pool, const Host& host, std::int64_t slot);
// Opens the streams. Its error names the file that could not be opened.
Result<registry::SpawnRequest> spawn_request(const config::Pool& pool, const Host& host,
                                             const std::string& run_id, std::int64_t slot);

}  // namespace reeve::supervision
