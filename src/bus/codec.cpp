#include "bus/codec.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

namespace reeve::bus {

namespace {

using schema::below;
using schema::Kind;
using schema::Member;
using schema::mismatch;
using schema::StringMap;
using schema::Type;
using Outcome = Result<Done, schema::Mismatch>;

constexpr const char* structure_signature = "a{sv}";
constexpr const char* options_argument = "options";

bool has_optional_members(const Type& structure) {
  return std::any_of(structure.members.begin(), structure.members.end(),
                     [](const auto& member) { return member.type->is_optional(); });
}

// ---- writing

int append_structure(sd_bus_message* message, const Type& type, const void* structure) {
  int done = sd_bus_message_open_container(message, 'a', "{sv}");
  for (const auto& member : type.members) {
    const void* content = member.in(structure);
    const auto& inner = member.type->without_optional();
    if (member.type->is_optional()) {
      if (member.type->size(content) == 0) continue;
      content = member.type->at(content, 0);
    }
    if (done >= 0) done = sd_bus_message_open_container(message, 'e', "sv");
    if (done >= 0) done = sd_bus_message_append(message, "s", std::string(member.name).c_str());
    if (done >= 0) done = sd_bus_message_open_container(message, 'v', signature_of(inner).c_str());
    if (done >= 0) done = append(message, inner, content);
    if (done >= 0) done = sd_bus_message_close_container(message);
    if (done >= 0) done = sd_bus_message_close_container(message);
  }
  return done < 0 ? done : sd_bus_message_close_container(message);
}

int append_list(sd_bus_message* message, const Type& type, const void* list) {
  int done = sd_bus_message_open_container(message, 'a', signature_of(*type.element).c_str());
  for (std::size_t i = 0; done >= 0 && i < type.size(list); ++i)
    done = append(message, *type.element, type.at(list, i));
  return done < 0 ? done : sd_bus_message_close_container(message);
}

int append_map(sd_bus_message* message, const StringMap& map) {
  int done = sd_bus_message_open_container(message, 'a', "{ss}");
  for (const auto& [key, text] : map)
    if (done >= 0) done = sd_bus_message_append(message, "{ss}", key.c_str(), text.c_str());
  return done < 0 ? done : sd_bus_message_close_container(message);
}

// What a property has that is absent: every property has a value on D-Bus.
int append_absent(sd_bus_message* message, const Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      return sd_bus_message_append(message, "b", 0);
    case Kind::integer:
    case Kind::microseconds:
    case Kind::descriptor:
      return sd_bus_message_append(message, "x", std::int64_t{-1});
    case Kind::string:
    case Kind::enumeration:
      return sd_bus_message_append(message, "s", "");
    default:
      return sd_bus_message_append(message, signature_of(type).c_str(), 0);
  }
}

// ---- reading

// Of whatever width the caller has written.
std::optional<std::int64_t> read_number(sd_bus_message* message) {
  char kind = 0;
  if (sd_bus_message_peek_type(message, &kind, nullptr) <= 0) return std::nullopt;
  union {
    std::uint8_t y;
    std::int16_t n;
    std::uint16_t q;
    std::int32_t i;
    std::uint32_t u;
    std::int64_t x;
    std::uint64_t t;
  } number{};
  if (std::string_view("ynqiuxt").find(kind) == std::string_view::npos ||
      sd_bus_message_read_basic(message, kind, &number) <= 0)
    return std::nullopt;
  switch (kind) {
    case 'y':
      return number.y;
    case 'n':
      return number.n;
    case 'q':
      return number.q;
    case 'i':
      return number.i;
    case 'u':
      return number.u;
    case 'x':
      return number.x;
    default:
      if (!std::in_range<std::int64_t>(number.t)) return std::nullopt;
      return static_cast<std::int64_t>(number.t);
  }
}

std::optional<std::string> read_string(sd_bus_message* message) {
  const char* text = nullptr;
  if (sd_bus_message_read(message, "s", &text) <= 0) return std::nullopt;
  return text;
}

class Reader {
 public:
  Reader(sd_bus_message* message, const TakeDescriptor& take) : message_(message), take_(take) {}

  Outcome read(const Type& type, void* value) {
    switch (type.kind) {
      case Kind::boolean: {
        int yes = 0;
        if (sd_bus_message_read(message_, "b", &yes) <= 0) return mismatch("must be a boolean");
        type.set_number(value, yes);
        return Done{};
      }
      case Kind::integer:
      case Kind::microseconds: {
        const auto number = read_number(message_);
        if (!number || !type.set_number(value, *number))
          return mismatch("must be a whole number in range");
        return Done{};
      }
      case Kind::descriptor:
        return read_descriptor(type, value);
      case Kind::string: {
        auto text = read_string(message_);
        if (!text) return mismatch("must be a string");
        *static_cast<std::string*>(value) = std::move(*text);
        return Done{};
      }
      case Kind::string_map:
        return read_map(*static_cast<StringMap*>(value));
      case Kind::enumeration:
        return schema::set_named(type, value, read_string(message_));
      case Kind::optional:
        return read(*type.element, type.append(value));
      case Kind::list:
        return read_list(type, value);
      case Kind::structure:
        return read_structure(type, value, All::members);
    }
    return Done{};
  }

  Outcome read_input(const Type& type, void* input) {
    for (const auto& member : type.members) {
      if (member.type->is_optional()) continue;
      auto done = read(*member.type, member.of(input));
      if (!done) return below(member.name, std::move(done.error()));
    }
    if (!has_optional_members(type)) return Done{};
    return read_structure(type, input, All::optional_members);
  }

 private:
  enum class All { members, optional_members };

  Outcome read_descriptor(const Type& type, void* value) {
    int fd = -1;
    if (sd_bus_message_read(message_, "h", &fd) <= 0) return mismatch("must be a descriptor");
    // The message's own goes with it.
    type.set_number(value, take_(FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0))));
    return Done{};
  }

  Outcome read_map(StringMap& map) {
    if (sd_bus_message_enter_container(message_, 'a', "{ss}") <= 0)
      return mismatch("must be a dictionary of strings");
    const char *key = nullptr, *text = nullptr;
    while (sd_bus_message_read(message_, "{ss}", &key, &text) > 0)
      if (!map.emplace(key, text).second) return below(key, mismatch("is given twice"));
    sd_bus_message_exit_container(message_);
    return Done{};
  }

  Outcome read_list(const Type& type, void* list) {
    const auto element = signature_of(*type.element);
    if (sd_bus_message_enter_container(message_, 'a', element.c_str()) <= 0)
      return mismatch("must be a list of " + element);
    while (sd_bus_message_at_end(message_, 0) == 0) {
      const auto index = std::to_string(type.size(list));
      auto done = read(*type.element, type.append(list));
      if (!done) return below("[" + index + "]", std::move(done.error()));
    }
    sd_bus_message_exit_container(message_);
    return Done{};
  }

  Outcome read_structure(const Type& type, void* structure, All all) {
    if (sd_bus_message_enter_container(message_, 'a', "{sv}") <= 0)
      return mismatch("must be a dictionary of variants");
    std::vector<const Member*> seen;
    while (sd_bus_message_enter_container(message_, 'e', "sv") > 0) {
      const auto name = read_string(message_).value_or("");
      const auto member = std::find_if(type.members.begin(), type.members.end(),
                                       [&](const auto& each) { return each.name == name; });
      const bool is_known =
          member != type.members.end() && (all == All::members || member->type->is_optional());
      if (!is_known) return below(name, mismatch("is not a member here"));
      if (std::find(seen.begin(), seen.end(), &*member) != seen.end())
        return below(name, mismatch("is given twice"));
      seen.push_back(&*member);
      char kind = 0;
      const char* content = nullptr;
      sd_bus_message_peek_type(message_, &kind, &content);
      if (kind != 'v' || sd_bus_message_enter_container(message_, 'v', content) <= 0)
        return below(name, mismatch("must be a variant"));
      auto done = read(*member->type, member->of(structure));
      if (!done) return below(name, std::move(done.error()));
      sd_bus_message_exit_container(message_);
      sd_bus_message_exit_container(message_);
    }
    sd_bus_message_exit_container(message_);
    for (const auto& member : type.members)
      if (all == All::members && !member.type->is_optional() &&
          std::find(seen.begin(), seen.end(), &member) == seen.end())
        return below(member.name, mismatch("is missing"));
    return Done{};
  }

  sd_bus_message* message_;
  const TakeDescriptor& take_;
};

}  // namespace

std::string signature_of(const Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      return "b";
    case Kind::integer:
    case Kind::microseconds:
      return "x";
    case Kind::descriptor:
      return "h";
    case Kind::string:
    case Kind::enumeration:
      return "s";
    case Kind::string_map:
      return "a{ss}";
    case Kind::optional:
      return signature_of(*type.element);
    case Kind::list:
      return "a" + signature_of(*type.element);
    case Kind::structure:
      return structure_signature;
  }
  return {};
}

std::string signature_of_input(const Type& input) {
  std::string signature;
  for (const auto& member : input.members)
    if (!member.type->is_optional()) signature += signature_of(*member.type);
  return signature + (has_optional_members(input) ? structure_signature : "");
}

std::string signature_of_output(const Type& output) {
  std::string signature;
  for (const auto& member : output.members)
    signature += signature_of(*member.type);
  return signature;
}

std::string names_of_input(const Type& input) {
  std::string names;
  for (const auto& member : input.members)
    if (!member.type->is_optional()) names.append(member.name).push_back('\0');
  if (has_optional_members(input)) names.append(options_argument).push_back('\0');
  return names;
}

std::string names_of_output(const Type& output) {
  std::string names;
  for (const auto& member : output.members)
    names.append(member.name).push_back('\0');
  return names;
}

int append(sd_bus_message* message, const Type& type, const void* value) {
  switch (type.kind) {
    case Kind::boolean:
      return sd_bus_message_append(message, "b", type.number(value) != 0 ? 1 : 0);
    case Kind::integer:
    case Kind::microseconds:
      return sd_bus_message_append(message, "x", type.number(value));
    case Kind::descriptor:
      return sd_bus_message_append(message, "h", static_cast<int>(type.number(value)));
    case Kind::string:
      return sd_bus_message_append(message, "s", static_cast<const std::string*>(value)->c_str());
    case Kind::string_map:
      return append_map(message, *static_cast<const StringMap*>(value));
    case Kind::enumeration:
      return sd_bus_message_append(
          message, "s",
          std::string(type.names[static_cast<std::size_t>(type.number(value))]).c_str());
    case Kind::optional:
      if (type.size(value) == 0) return append_absent(message, *type.element);
      return append(message, *type.element, type.at(value, 0));
    case Kind::list:
      return append_list(message, type, value);
    case Kind::structure:
      return append_structure(message, type, value);
  }
  return 0;
}

int append_output(sd_bus_message* message, const Type& output, const void* value) {
  int done = 0;
  for (const auto& member : output.members)
    if (done >= 0) done = append(message, *member.type, member.in(value));
  return done;
}

Outcome read_input(sd_bus_message* message, const Type& type, void* input,
                   const TakeDescriptor& take) {
  return Reader(message, take).read_input(type, input);
}

}  // namespace reeve::bus
