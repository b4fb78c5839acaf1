// What of a value that somebody sent does not have the described type.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "schema/type.hpp"

namespace reeve::schema {

// "process.pid" and "must be a whole number".
struct Mismatch {
  std::string member;
  std::string reason;
};

Mismatch mismatch(std::string reason);
// The path is put together on the way out: most values have no mismatch.
Mismatch below(std::string_view name, Mismatch mismatch);

// The value of an enumeration that has this name.
Result<Done, Mismatch> set_named(const Type& enumeration, void* value,
                                 std::optional<std::string_view> name);

}  // namespace reeve::schema
