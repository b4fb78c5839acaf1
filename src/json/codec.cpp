#include "json/codec.hpp"

#include <algorithm>

namespace reeve::json {

namespace {

using schema::Kind;
using schema::StringMap;
using schema::Type;

// What stands between the elements of a list or the members of an object.
class Separator {
 public:
  explicit Separator(std::string& out) : out_(out) {}
  void next() {
    if (!std::exchange(first_, false)) out_ += ',';
  }

 private:
  std::string& out_;
  bool first_ = true;
};

bool is_absent(const Type& type, const void* value) {
  return type.is_optional() && type.size(value) == 0;
}

void encode_list(std::string& out, const Type& type, const void* list) {
  out += '[';
  Separator separator(out);
  for (std::size_t i = 0; i < type.size(list); ++i) {
    separator.next();
    encode(out, *type.element, type.at(list, i));
  }
  out += ']';
}

void encode_map(std::string& out, const StringMap& map) {
  out += '{';
  Separator separator(out);
  for (const auto& [key, text] : map) {
    separator.next();
    write_string(out, key);
    out += ':';
    write_string(out, text);
  }
  out += '}';
}

void encode_structure(std::string& out, const Type& type, const void* structure) {
  out += '{';
  Separator separator(out);
  for (const auto& member : type.members) {
    const void* content = member.in(structure);
    if (is_absent(*member.type, content)) continue;
    separator.next();
    write_string(out, member.name);
    out += ':';
    encode(out, *member.type, content);
  }
  out += '}';
}

using schema::below;
using schema::mismatch;
using Decoded = Result<Done, Mismatch>;

Decoded decode_number(const std::optional<std::int64_t>& number, const Type& type, void* value,
                      const char* reason) {
  if (!number || !type.set_number(value, *number)) return mismatch(reason);
  return Done{};
}

Decoded decode_list(const Value& json, const Type& type, void* list, UnknownMembers unknown) {
  const auto elements = json.elements();
  if (!elements) return mismatch("must be a list");
  for (std::size_t i = 0; i < elements->size(); ++i) {
    auto element = decode((*elements)[i], *type.element, type.append(list), unknown);
    if (!element) return below("[" + std::to_string(i) + "]", std::move(element.error()));
  }
  return Done{};
}

Decoded decode_map(const Value& json, StringMap& map) {
  const auto members = json.members();
  if (!members) return mismatch("must be an object of strings");
  for (const auto& [key, text] : *members) {
    const auto content = text.string();
    if (!content) return mismatch("must be an object of strings");
    if (!map.emplace(key, *content).second) return below(key, mismatch("is given twice"));
  }
  return Done{};
}

Decoded decode_structure(const Value& json, const Type& type, void* structure,
                         UnknownMembers unknown) {
  const auto given = json.members();
  if (!given) return mismatch("must be an object");
  std::size_t used = 0;
  for (const auto& member : type.members) {
    bool found = false;
    for (const auto& [name, content] : *given) {
      if (name != member.name) continue;
      if (std::exchange(found, true)) return below(name, mismatch("is given twice"));
      ++used;
      auto decoded = decode(content, *member.type, member.of(structure), unknown);
      if (!decoded) return below(name, std::move(decoded.error()));
    }
    if (!found && !member.type->is_optional()) return below(member.name, mismatch("is missing"));
  }
  if (used == given->size() || unknown == UnknownMembers::ignored) return Done{};
  for (const auto& [name, content] : *given)
    if (std::none_of(type.members.begin(), type.members.end(),
                     [&, &name = name](const auto& member) { return member.name == name; }))
      return below(name, mismatch("is not a member here"));
  return Done{};
}

}  // namespace

void encode(std::string& out, const Type& type, const void* value) {
  switch (type.kind) {
    case Kind::boolean:
      out += type.number(value) != 0 ? "true" : "false";
      return;
    case Kind::integer:
    case Kind::microseconds:
    case Kind::descriptor:
      out += std::to_string(type.number(value));
      return;
    case Kind::string:
      return write_string(out, *static_cast<const std::string*>(value));
    case Kind::string_map:
      return encode_map(out, *static_cast<const StringMap*>(value));
    case Kind::enumeration:
      return write_string(out, type.names[static_cast<std::size_t>(type.number(value))]);
    case Kind::optional:
      if (is_absent(type, value)) {
        out += "null";
        return;
      }
      return encode(out, *type.element, type.at(value, 0));
    case Kind::list:
      return encode_list(out, type, value);
    case Kind::structure:
      return encode_structure(out, type, value);
  }
}

Decoded decode(const Value& json, const Type& type, void* value, UnknownMembers unknown) {
  switch (type.kind) {
    case Kind::boolean:
      return decode_number(json.boolean(), type, value, "must be true or false");
    case Kind::integer:
      return decode_number(json.integer(), type, value, "must be a whole number in range");
    case Kind::microseconds:
      return decode_number(json.integer(), type, value, "must be a whole number of microseconds");
    case Kind::descriptor:
      return decode_number(json.integer(), type, value, "must be the index of a descriptor");
    case Kind::string: {
      const auto text = json.string();
      if (!text) return mismatch("must be a string");
      *static_cast<std::string*>(value) = *text;
      return Done{};
    }
    case Kind::string_map:
      return decode_map(json, *static_cast<StringMap*>(value));
    case Kind::enumeration:
      return schema::set_named(type, value, json.string());
    case Kind::optional:
      type.clear(value);
      if (json.is_null()) return Done{};
      return decode(json, *type.element, type.append(value), unknown);
    case Kind::list:
      return decode_list(json, type, value, unknown);
    case Kind::structure:
      return decode_structure(json, type, value, unknown);
  }
  return Done{};
}

}  // namespace reeve::json
