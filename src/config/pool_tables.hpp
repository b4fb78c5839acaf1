// Reading [pool.NAME] tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/reader.hpp"

namespace reeve::config {

// Beside, or on top of, the pools that earlier files have described.
void read_pools(std::vector<Pool>& pools, const Value& value);

// What one key cannot say alone: that what must be there is, and that all fits together.
void check_pools(const std::vector<Pool>& pools, Reader& reader);

std::vector<KnownTable> known_pool_tables();

// How faults call a pool, and a value of it: "pool web", "pool web: size".
std::string name_of(const Pool& pool);
std::string name_of(const Pool& pool, std::string_view key);

}  // namespace reeve::config
