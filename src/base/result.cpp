#include "base/result.hpp"

#include <fmt/core.h>

#include <cstring>

namespace reeve {

std::string errno_name(int number) {
  const char* name = strerrorname_np(number);
  return name != nullptr ? name : fmt::format("errno {}", number);
}

std::string Error::message() const {
  const auto what = object.empty() ? attempt : fmt::format("{} {}", attempt, object);
  if (number == 0) return what;
  return fmt::format("cannot {}: {} ({})", what, errno_name(number), strerrordesc_np(number));
}

}  // namespace reeve
