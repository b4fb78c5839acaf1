// Takes out of an answer what no model can know: times, usage, raw records and the order of lists.
// Works on any described type, so that a new method needs nothing here.
#pragma once

#include <algorithm>
#include <type_traits>

#include "api/codec.hpp"

namespace reeve::model {

// Whether an exit is known in all details, or may just be happening.
enum class Exits { known, happening };

namespace detail {
inline std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}
}  // namespace detail

template <class T>
void scrub(T& value, Exits exits) {
  if constexpr (json::is_optional<T>) {
    if (value) scrub(*value, exits);
  } else if constexpr (json::is_list<T>) {
    for (auto& element : value)
      scrub(element, exits);
    std::sort(value.begin(), value.end(), [](const auto& left, const auto& right) {
      return json::encoded(left) < json::encoded(right);
    });
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    value = {};
  } else if constexpr (json::DescribedStruct<T>) {
    if constexpr (std::is_same_v<T, Worker>) {
      value.usage.reset();
      value.control_group = detail::parent_of(value.control_group);
    }
    if constexpr (std::is_same_v<T, Entry>) {
      value.record.reset();
      value.control_group = detail::parent_of(value.control_group);
    }
    if constexpr (std::is_same_v<T, Exit>)
      if (exits == Exits::happening) value = {};
    std::apply([&](const auto&... fields) { (scrub(value.*fields.pointer, exits), ...); },
               json::Description<T>::fields);
  }
}

}  // namespace reeve::model
