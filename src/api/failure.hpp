// Why a call failed, ready for any face: the error's full name and its parameters as JSON.
#pragma once

#include <string>

#include "api/codec.hpp"
#include "api/errors.hpp"
#include "base/result.hpp"

namespace reeve::api {

inline constexpr std::string_view registry_interface = "io.reeve.Registry";
inline constexpr std::string_view service_interface = "org.varlink.service";

struct Failure {
  std::string error;
  std::string parameters;
};

template <class T>
using Outcome = Result<T, Failure>;

template <json::DescribedStruct Described>
std::string name_of_error() {
  return std::string(registry_interface) + "." + std::string(json::Description<Described>::name);
}

template <json::DescribedStruct Described>
Failure failure(const Described& error) {
  return {name_of_error<Described>(), json::encoded(error)};
}

template <json::DescribedStruct Described>
bool is(const Failure& failure) {
  return failure.error == name_of_error<Described>();
}

// The errors that the varlink protocol itself defines.
Failure invalid_parameter(std::string_view parameter, std::string_view reason);
Failure permission_denied(std::string_view reason);
Failure method_not_found(std::string_view method);
Failure method_not_implemented(std::string_view method);
Failure interface_not_found(std::string_view interface);
Failure expected_more();

// A system call that failed for reasons the caller cannot mend by another parameter.
Failure system_failed(const Error& error);
// A process that could not be looked at: only ESRCH says that it is gone.
Failure process_failed(const ProcessId& process, const Error& error);

}  // namespace reeve::api
