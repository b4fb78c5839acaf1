#include "api/interface.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/interfaces.hpp"
#include "base/text.hpp"

namespace reeve::api {

namespace {

using schema::Kind;
using schema::Type;

template <class... T, class... M, class... E>
Interface interface(std::string_view name, std::string_view text, List<T...>, List<M...>,
                    List<E...>) {
  return {name,
          text,
          {&schema::type<T>...},
          {{M::name, M::text, &schema::type<typename M::Input>, &schema::type<typename M::Output>,
            RequiresMore<M>}...},
          {&schema::type<E>...}};
}

template <class Described>
Interface interface() {
  return interface(Described::name, Described::text, typename Described::Types{},
                   typename Described::Methods{}, typename Described::Errors{});
}

std::string name_of(const Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      return "bool";
    case Kind::integer:
    case Kind::microseconds:
    case Kind::descriptor:
      return "int";
    case Kind::string:
      return "string";
    case Kind::string_map:
      return "[string]string";
    case Kind::optional:
      return "?" + name_of(*type.element);
    case Kind::list:
      return "[]" + name_of(*type.element);
    case Kind::enumeration:
    case Kind::structure:
      break;
  }
  return std::string(type.name);
}

std::string comment(std::string_view text, std::string_view indent = "") {
  std::string out;
  if (text.empty()) return out;
  for (const auto line : split(text, '\n'))
    out += fmt::format("{}#{}{}\n", indent, line.empty() ? "" : " ", line);
  return out;
}

// "(a: int, b: ?string)": the members of an input, an output or an error.
std::string members_in_line(const Type& structure) {
  std::string out;
  for (const auto& member : structure.members)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", member.name, name_of(*member.type));
  return "(" + out + ")";
}

std::string definition_of_type(const Type& type) {
  std::string out = comment(type.text) + fmt::format("type {} (", type.name);
  if (type.kind == Kind::enumeration)
    return out + fmt::format("{})\n", fmt::join(type.names, ", "));
  std::string_view separator = "\n";
  for (const auto& member : type.members) {
    out += fmt::format("{}{}  {}: {}", separator, comment(member.text, "  "), member.name,
                       name_of(*member.type));
    separator = ",\n";
  }
  return out + "\n)\n";
}

}  // namespace

std::string full_name(std::string_view interface, std::string_view name) {
  return fmt::format("{}.{}", interface, name);
}

const Method* Interface::find(std::string_view method) const {
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [method](const auto& each) { return each.name == method; });
  return found == methods.end() ? nullptr : &*found;
}

std::span<const Interface> interfaces() {
  static const auto all = []<class... Each>(List<Each...>) {
    return std::array{interface<Each>()...};
  }(Interfaces{});
  return all;
}

const Interface* find_interface(std::string_view name) {
  const auto all = interfaces();
  const auto found =
      std::find_if(all.begin(), all.end(), [name](const auto& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string definition_of(const Interface& interface) {
  auto out = comment(interface.text) + fmt::format("interface {}\n", interface.name);
  for (const auto* type : interface.types)
    out += "\n" + definition_of_type(*type);
  for (const auto& method : interface.methods)
    out += "\n" + comment(method.text) +
           fmt::format("method {}{} -> {}\n", method.name, members_in_line(*method.input),
                       members_in_line(*method.output));
  for (const auto* error : interface.errors)
    out += "\n" + comment(error->text) +
           fmt::format("error {} {}\n", error->name, members_in_line(*error));
  return out;
}

}  // namespace reeve::api
