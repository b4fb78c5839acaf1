// What a caller asks for by $REEVE_MODEL_….
#pragma once

#include <cstdint>
#include <cstdlib>

#include "base/text.hpp"

namespace reeve::model {

inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : parse_number<std::uint64_t>(text).value_or(otherwise);
}

}  // namespace reeve::model
