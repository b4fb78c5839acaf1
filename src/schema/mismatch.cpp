#include "schema/mismatch.hpp"

#include <algorithm>

namespace reeve::schema {

Mismatch mismatch(std::string reason) {
  return {{}, std::move(reason)};
}

Mismatch below(std::string_view name, Mismatch mismatch) {
  const bool ends = mismatch.member.empty() || mismatch.member.front() == '[';
  mismatch.member.insert(0, ends ? "" : ".").insert(0, name);
  return mismatch;
}

Result<Done, Mismatch> set_named(const Type& enumeration, void* value,
                                 std::optional<std::string_view> name) {
  const auto& names = enumeration.names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) {
    enumeration.set_number(value, found - names.begin());
    return Done{};
  }
  std::string known;
  for (const auto& each : names)
    known.append(" ").append(each);
  return mismatch("must be one of:" + known);
}

}  // namespace reeve::schema
