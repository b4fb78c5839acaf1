#include "api/interface.hpp"

#include <fmt/core.h>

#include "api/errors.hpp"
#include "api/failure.hpp"
#include "api/methods.hpp"
#include "base/text.hpp"

namespace reeve::api {

namespace {

using json::Description;

template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (std::is_integral_v<T> || std::is_same_v<T, Microseconds>)
    return "int";
  else if constexpr (std::is_same_v<T, std::string>)
    return "string";
  else if constexpr (json::is_optional<T>)
    return "?" + type_name<typename T::value_type>();
  else if constexpr (json::is_list<T>)
    return "[]" + type_name<typename T::value_type>();
  else if constexpr (std::is_same_v<T, json::StringMap>)
    return "[string]string";
  else
    return std::string(Description<T>::name);
}

std::string comment(std::string_view text, std::string_view indent = "") {
  std::string out;
  if (text.empty()) return out;
  for (const auto line : split(text, '\n'))
    out += fmt::format("{}#{}{}\n", indent, line.empty() ? "" : " ", line);
  return out;
}

// "(a: int, b: ?string)": the members of an input, an output or an error.
template <class T>
std::string members_in_line() {
  std::string out;
  std::apply(
      [&](const auto&... field) {
        (out.append(out.empty() ? "" : ", ")
             .append(field.name)
             .append(": ")
             .append(type_name<std::remove_cvref_t<decltype(std::declval<T>().*field.pointer)>>()),
         ...);
      },
      Description<T>::fields);
  return "(" + out + ")";
}

template <class T>
std::string type_definition() {
  auto out = comment(Description<T>::text) + fmt::format("type {} (", Description<T>::name);
  if constexpr (json::DescribedEnum<T>) {
    std::string_view separator = "";
    for (const auto value : Description<T>::values) {
      out.append(separator).append(value);
      separator = ", ";
    }
    return out + ")\n\n";
  } else {
    std::string_view separator = "\n";
    std::apply(
        [&](const auto&... field) {
          ((out.append(separator)
                .append(comment(field.text, "  "))
                .append("  ")
                .append(field.name)
                .append(": ")
                .append(
                    type_name<std::remove_cvref_t<decltype(std::declval<T>().*field.pointer)>>()),
            separator = ",\n"),
           ...);
        },
        Description<T>::fields);
    return out + "\n)\n\n";
  }
}

template <class M>
std::string method_definition() {
  return comment(Description<M>::text) + fmt::format("method {}{} -> {}\n\n", Description<M>::name,
                                                     members_in_line<typename M::Input>(),
                                                     members_in_line<typename M::Output>());
}

template <class E>
std::string error_definition() {
  return comment(Description<E>::text) +
         fmt::format("error {} {}\n\n", Description<E>::name, members_in_line<E>());
}

template <class... T, class... M, class... E>
std::string definitions(TypeList<T...>, MethodList<M...>, ErrorList<E...>) {
  std::string out;
  (out.append(type_definition<T>()), ...);
  (out.append(method_definition<M>()), ...);
  (out.append(error_definition<E>()), ...);
  out.pop_back();  // one empty line less at the end
  return out;
}

constexpr std::string_view registry_text =
    "The registry of runs and workers that reeved keeps.\n"
    "\n"
    "A run is one lifetime of an application; its owner is the process whose death\n"
    "ends it. A worker is an external process, with everything it forks, kept in a\n"
    "cgroup of its own below the cgroup of its run. Where a method takes an optional\n"
    "\"run\", leaving it out means the caller's run: the run that the calling process\n"
    "owns or is inside of. A run may be named by any unambiguous prefix of its id.";

}  // namespace

const std::string& registry_description() {
  static const std::string text = comment(registry_text) +
                                  fmt::format("interface {}\n\n", registry_interface) +
                                  definitions(Types{}, Methods{}, Errors{});
  return text;
}

// As in the varlink specification, with PermissionDenied as systemd added it, and with reasons.
const std::string& service_description() {
  static const std::string text =
      "# What every varlink service answers: who it is and what it can do.\n"
      "interface org.varlink.service\n"
      "\n"
      "method GetInfo() -> (vendor: string, product: string, version: string, url: string, "
      "interfaces: []string)\n"
      "\n"
      "method GetInterfaceDescription(interface: string) -> (description: string)\n"
      "\n"
      "error InterfaceNotFound (interface: string)\n"
      "error MethodNotFound (method: string)\n"
      "error MethodNotImplemented (method: string)\n"
      "error InvalidParameter (parameter: string, reason: ?string)\n"
      "error PermissionDenied (reason: ?string)\n"
      "error ExpectedMore ()\n";
  return text;
}

}  // namespace reeve::api
