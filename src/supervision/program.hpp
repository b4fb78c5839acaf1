// What a worker of a pool is started with.
#pragma once

#include <string>

#include "base/result.hpp"
#include "config/pools.hpp"
#include "registry/registry.hpp"

namespace reeve::supervision {

// Pools of this host's reeved, whichever they are.
struct Host {
  std::string socket;                  // of reeved; empty if workers are not told
  std::string notify_socket;           // where workers that notify find it
  std::string unit = {};               // of the service manager's, which workers are in
  bool has_memory_controller = false;  // there is a memory controller
};

// Two pools that differ in what their workers are started with, differ in this.
std::string settings_of(const config::Pool& pool);

registry::ReserveRequest reservation(const config::Pool& pool, const Host& host, std::int64_t slot);
// Opens the streams. Its error names the file that could not be opened.
Result<registry::SpawnRequest> spawn_request(const config::Pool& pool, const Host& host,
                                             const std::string& run_id, std::int64_t slot);

}  // namespace reeve::supervision
