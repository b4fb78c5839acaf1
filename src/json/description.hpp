// How a type is described once, for every face. A described type is a plain struct or enum with a
// specialisation of Description:
//
//   struct: fields (a tuple of Field)
//   enum:   values (names in the order of the enumerators, which count from 0)
//
// and, where it is part of an interface, a name and a text that explains it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace reeve::json {

template <class T>
struct Description;

template <class Owner, class Member>
struct Field {
  std::string_view name;
  Member Owner::*pointer;
  std::string_view text = {};
};
template <class Owner, class Member>
Field(const char*, Member Owner::*) -> Field<Owner, Member>;
template <class Owner, class Member>
Field(const char*, Member Owner::*, const char*) -> Field<Owner, Member>;

template <class T>
concept DescribedEnum = std::is_enum_v<T> && requires {
  Description<T>::values;
};
template <class T>
concept DescribedStruct = std::is_class_v<T> && requires {
  Description<T>::fields;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

using StringMap = std::map<std::string, std::string>;

template <DescribedEnum T>
constexpr std::string_view name_of(T value) {
  return Description<T>::values[static_cast<std::size_t>(value)];
}

template <DescribedEnum T>
constexpr std::optional<T> value_named(std::string_view name) {
  for (std::size_t i = 0; i < Description<T>::values.size(); ++i)
    if (Description<T>::values[i] == name) return static_cast<T>(i);
  return std::nullopt;
}

}  // namespace reeve::json
