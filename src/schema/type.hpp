// What a value is made of, as a value itself, so that each face (JSON, D-Bus, the interface
// description, the command line) is one function over it and not one for every type.
//
// A type is described once, beside its definition, by a function that is found by its argument:
//
//   struct Point { std::int64_t x = 0; std::optional<std::int64_t> y; };
//   constexpr auto describe(schema::Of<Point>) {
//     return schema::structure("Point", "Where it is.", schema::member<&Point::x>("x"),
//                              schema::member<&Point::y>("y", "Absent on a line."));
//   }
//   enum class Colour { red, dark_green };
//   // Of the values in the order in which they are declared, from 0 on.
//   constexpr auto describe(schema::Of<Colour>) {
//     return schema::enumeration("Colour", "", "red", "darkGreen");
//   }
//
// schema::type<Point> is then its description.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace reeve::schema {

using StringMap = std::map<std::string, std::string>;

enum class Kind {
  boolean,
  integer,
  microseconds,
  descriptor,
  string,
  string_map,
  optional,
  list,
  enumeration,
  structure
};

struct Type;

struct Member {
  std::string_view name;
  std::string_view text;
  const Type* type;
  void* (*of)(void* structure);

  [[nodiscard]] const void* in(const void* structure) const {
    return of(const_cast<void*>(structure));
  }
};

// Values are handed about as pointers to what the type describes.
struct Type {
  Kind kind;
  std::string_view name{};  // of a structure or an enumeration
  std::string_view text{};
  std::span<const Member> members{};          // of a structure
  std::span<const std::string_view> names{};  // of an enumeration's values
  const Type* element = nullptr;              // of an optional or a list

  // Booleans, integers, microseconds, descriptors, enumerations; set_number says whether it is in
  // range.
  std::int64_t (*number)(const void* value) = nullptr;
  bool (*set_number)(void* value, std::int64_t number) = nullptr;
  // Lists and optionals, which hold one or none.
  std::size_t (*size)(const void* list) = nullptr;
  const void* (*at)(const void* list, std::size_t index) = nullptr;
  void* (*append)(void* list) = nullptr;
  void (*clear)(void* list) = nullptr;

  [[nodiscard]] bool is_optional() const { return kind == Kind::optional; }
  // What an optional may hold; the type itself otherwise.
  [[nodiscard]] const Type& without_optional() const { return is_optional() ? *element : *this; }
};

// ---- how types are described

template <class T>
struct Of {};

template <std::size_t count>
struct Structure {
  std::string_view name;
  std::string_view text;
  std::array<Member, count> members;
};

template <std::size_t count>
struct Enumeration {
  std::string_view name;
  std::string_view text;
  std::array<std::string_view, count> names;
};

template <class... Each>
constexpr Structure<sizeof...(Each)> structure(std::string_view name, std::string_view text,
                                               Each... member) {
  return {name, text, {member...}};
}

// A structure that no interface names.
template <class... Each>
constexpr Structure<sizeof...(Each)> members(Each... member) {
  return {{}, {}, {member...}};
}

template <class... Each>
constexpr Enumeration<sizeof...(Each)> enumeration(std::string_view name, std::string_view text,
                                                   Each... value) {
  return {name, text, {value...}};
}

template <class T>
inline constexpr auto description = describe(Of<T>{});

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

template <class T>
constexpr Type type_of();
template <class T>
constexpr Type descriptor_type();

}  // namespace detail

template <class T>
inline constexpr Type type = detail::type_of<T>();
// A number that says which of the descriptors that come with the message is meant.
template <class T>
inline constexpr Type descriptor = detail::descriptor_type<T>();

namespace detail {

template <class T>
std::int64_t number(const void* value) {
  const T& content = *static_cast<const T*>(value);
  if constexpr (std::is_same_v<T, std::chrono::microseconds>)
    return content.count();
  else
    return static_cast<std::int64_t>(content);
}

template <class T>
bool set_number(void* value, std::int64_t number) {
  T& content = *static_cast<T*>(value);
  if constexpr (std::is_same_v<T, std::chrono::microseconds>) {
    content = T(number);
  } else if constexpr (std::is_same_v<T, bool>) {
    content = number != 0;
  } else if constexpr (std::is_enum_v<T>) {
    if (number < 0 || number >= std::ssize(description<T>.names)) return false;
    content = static_cast<T>(number);
  } else {
    if (!std::in_range<T>(number)) return false;
    content = static_cast<T>(number);
  }
  return true;
}

template <class T>
constexpr Type number_type(Kind kind) {
  Type type{kind};
  type.number = number<T>;
  type.set_number = set_number<T>;
  return type;
}

template <class T>
constexpr Type list_type(Kind kind) {
  Type type{kind};
  type.element = &schema::type<typename T::value_type>;
  type.clear = [](void* list) { *static_cast<T*>(list) = T{}; };
  if constexpr (is_optional<T>) {
    type.size = [](const void* list) -> std::size_t {
      return static_cast<const T*>(list)->has_value() ? 1 : 0;
    };
    type.at = [](const void* list, std::size_t) -> const void* {
      return &**static_cast<const T*>(list);
    };
    type.append = [](void* list) -> void* { return &static_cast<T*>(list)->emplace(); };
  } else {
    type.size = [](const void* list) { return static_cast<const T*>(list)->size(); };
    type.at = [](const void* list, std::size_t index) -> const void* {
      return &(*static_cast<const T*>(list))[index];
    };
    type.append = [](void* list) -> void* { return &static_cast<T*>(list)->emplace_back(); };
  }
  return type;
}

template <class T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, bool>) {
    return number_type<T>(Kind::boolean);
  } else if constexpr (std::is_integral_v<T>) {
    return number_type<T>(Kind::integer);
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds>) {
    return number_type<T>(Kind::microseconds);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {Kind::string};
  } else if constexpr (std::is_same_v<T, StringMap>) {
    return {Kind::string_map};
  } else if constexpr (is_optional<T>) {
    return list_type<T>(Kind::optional);
  } else if constexpr (is_list<T>) {
    return list_type<T>(Kind::list);
  } else if constexpr (std::is_enum_v<T>) {
    auto type = number_type<T>(Kind::enumeration);
    type.name = description<T>.name;
    type.text = description<T>.text;
    type.names = description<T>.names;
    return type;
  } else {
    return {Kind::structure, description<T>.name, description<T>.text, description<T>.members};
  }
}

template <class T>
constexpr Type descriptor_type() {
  if constexpr (is_optional<T>) {
    auto type = list_type<T>(Kind::optional);
    type.element = &descriptor<typename T::value_type>;
    return type;
  } else {
    return number_type<T>(Kind::descriptor);
  }
}

template <auto pointer>
struct PointerToMember;
template <class Owner, class Content, Content Owner::*pointer>
struct PointerToMember<pointer> {
  using Type = Content;
  static void* of(void* owner) { return &(static_cast<Owner*>(owner)->*pointer); }
};

}  // namespace detail

template <auto pointer>
constexpr Member member(std::string_view name, std::string_view text = {}) {
  using Pointer = detail::PointerToMember<pointer>;
  return {name, text, &type<typename Pointer::Type>, Pointer::of};
}

template <auto pointer>
constexpr Member descriptor_member(std::string_view name, std::string_view text = {}) {
  using Pointer = detail::PointerToMember<pointer>;
  return {name, text, &descriptor<typename Pointer::Type>, Pointer::of};
}

// ---- enumerations by their values' names

template <class T>
constexpr std::string_view name_of(T value) {
  return description<T>.names[static_cast<std::size_t>(value)];
}

template <class T>
constexpr std::optional<T> value_named(std::string_view name) {
  const auto& names = description<T>.names;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<T>(i);
  return std::nullopt;
}

}  // namespace reeve::schema
