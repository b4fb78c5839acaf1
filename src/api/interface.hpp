// An interface as a value: for what lists its methods, and for its description.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/type.hpp"

namespace reeve::api {

struct Method {
  std::string_view name;
  std::string_view text;
  const schema::Type* input;
  const schema::Type* output;
  bool requires_more;
};

struct Interface {
  std::string_view name;
  std::string_view text;
  std::vector<const schema::Type*> types;
  std::vector<Method> methods;
  std::vector<const schema::Type*> errors;

  [[nodiscard]] const Method* find(std::string_view method) const;
};

std::span<const Interface> interfaces();
// Nothing if there is none of that name.
const Interface* find_interface(std::string_view name);

// In the interface description language of varlink (https://varlink.org/Interface-Definition).
std::string definition_of(const Interface& interface);

}  // namespace reeve::api
