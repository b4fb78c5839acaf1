// Described types to JSON and back.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "json/description.hpp"
#include "json/value.hpp"

namespace reeve::json {

// An absent optional is left out.
template <class T>
void encode(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    out += std::to_string(value);
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds>) {
    out += std::to_string(value.count());
  } else if constexpr (std::is_same_v<T, std::string>) {
    write_string(out, value);
  } else if constexpr (is_optional<T>) {
    if (value)
      encode(out, *value);
    else
      out += "null";
  } else if constexpr (is_list<T>) {
    out += '[';
    for (bool first = true; const auto& element : value) {
      if (!std::exchange(first, false)) out += ',';
      encode(out, element);
    }
    out += ']';
  } else if constexpr (std::is_same_v<T, StringMap>) {
    out += '{';
    for (bool first = true; const auto& [key, text] : value) {
      if (!std::exchange(first, false)) out += ',';
      write_string(out, key);
      out += ':';
      write_string(out, text);
    }
    out += '}';
  } else if constexpr (DescribedEnum<T>) {
    write_string(out, name_of(value));
  } else {
    static_assert(DescribedStruct<T>, "a type without a Description");
    out += '{';
    bool first = true;
    const auto member = [&](const auto& field) {
      const auto& content = value.*field.pointer;
      if constexpr (is_optional<std::remove_cvref_t<decltype(content)>>)
        if (!content) return;
      if (!std::exchange(first, false)) out += ',';
      write_string(out, field.name);
      out += ':';
      encode(out, content);
    };
    std::apply([&](const auto&... fields) { (member(fields), ...); }, Description<T>::fields);
    out += '}';
  }
}

template <class T>
std::string encoded(const T& value) {
  std::string out;
  encode(out, value);
  return out;
}

// Where a value does not have the described type: "process.pid" and "must be a whole number".
struct Mismatch {
  std::string member;
  std::string reason;
};

enum class UnknownMembers { refused, ignored };

// Messages are read strictly; records, which a newer reeved may have written, are not.
template <class T>
Result<Done, Mismatch> decode(const Value& json, T& value, UnknownMembers unknown,
                              const std::string& path = {}) {
  const auto mismatch = [&](const char* reason) { return Mismatch{path, reason}; };
  if constexpr (std::is_same_v<T, bool>) {
    const auto content = json.boolean();
    if (!content) return mismatch("must be true or false");
    value = *content;
  } else if constexpr (std::is_integral_v<T>) {
    const auto content = json.integer();
    if (!content || !std::in_range<T>(*content)) return mismatch("must be a whole number in range");
    value = static_cast<T>(*content);
  } else if constexpr (std::is_same_v<T, std::chrono::microseconds>) {
    const auto content = json.integer();
    if (!content) return mismatch("must be a whole number of microseconds");
    value = T(*content);
  } else if constexpr (std::is_same_v<T, std::string>) {
    const auto content = json.string();
    if (!content) return mismatch("must be a string");
    value = *content;
  } else if constexpr (is_optional<T>) {
    if (json.is_null()) {
      value.reset();
      return Done{};
    }
    return decode(json, value.emplace(), unknown, path);
  } else if constexpr (is_list<T>) {
    const auto elements = json.elements();
    if (!elements) return mismatch("must be a list");
    for (std::size_t i = 0; i < elements->size(); ++i) {
      auto element = decode((*elements)[i], value.emplace_back(), unknown,
                            path + "[" + std::to_string(i) + "]");
      if (!element) return element;
    }
  } else if constexpr (std::is_same_v<T, StringMap>) {
    const auto members = json.members();
    if (!members) return mismatch("must be an object of strings");
    for (const auto& [key, text] : *members) {
      const auto content = text.string();
      if (!content) return mismatch("must be an object of strings");
      if (!value.emplace(key, *content).second)
        return Mismatch{path + "." + std::string(key), "is given twice"};
    }
  } else if constexpr (DescribedEnum<T>) {
    const auto name = json.string();
    const auto known = name ? value_named<T>(*name) : std::nullopt;
    if (!known) {
      std::string reason = "must be one of:";
      for (const auto& each : Description<T>::values)
        reason.append(" ").append(each);
      return Mismatch{path, reason};
    }
    value = *known;
  } else {
    static_assert(DescribedStruct<T>, "a type without a Description");
    const auto members = json.members();
    if (!members) return mismatch("must be an object");
    const auto path_of = [&](std::string_view name) {
      return path.empty() ? std::string(name) : path + "." + std::string(name);
    };
    std::size_t used = 0;
    Result<Done, Mismatch> result = Done{};
    const auto read = [&](const auto& field) {
      bool found = false;
      for (const auto& [key, content] : *members) {
        if (key != field.name) continue;
        if (found) {
          result = Mismatch{path_of(key), "is given twice"};
          return;
        }
        found = true;
        ++used;
        result = decode(content, value.*field.pointer, unknown, path_of(key));
        if (!result) return;
      }
      using Member = std::remove_reference_t<decltype(value.*field.pointer)>;
      if (!found && !is_optional<Member>) result = Mismatch{path_of(field.name), "is missing"};
    };
    const auto is_known = [](std::string_view key) {
      return std::apply([&](const auto&... fields) { return ((fields.name == key) || ...); },
                        Description<T>::fields);
    };
    std::apply([&](const auto&... fields) { ((result.ok() ? read(fields) : void()), ...); },
               Description<T>::fields);
    if (!result || used == members->size() || unknown == UnknownMembers::ignored) return result;
    for (const auto& [key, content] : *members)
      if (!is_known(key)) return Mismatch{path_of(key), "is not a member here"};
  }
  return Done{};
}

}  // namespace reeve::json
