// Why a call failed, ready for any face: the error's full name and its parameters as JSON.
#pragma once

#include <string>

#include "api/interfaces.hpp"
#include "base/result.hpp"
#include "json/codec.hpp"
#include "reeve/failure.hpp"

namespace reeve::api {

template <class Described>
std::string name_of_error() {
  return full_name(interface_of<Described>(), schema::type<Described>.name);
}

template <class Described>
Failure failure(const Described& error) {
  return {name_of_error<Described>(), json::encoded(error)};
}

template <class Described>
bool is(const Failure& failure) {
  return failure.error == name_of_error<Described>();
}

Failure invalid_parameter(std::string_view parameter, std::string_view reason);
Failure permission_denied(std::string_view reason);

// A system call that failed for reasons the caller cannot mend by another parameter.
Failure system_failed(const Error& error);
// A process that could not be looked at: only ESRCH says that it is gone.
Failure process_failed(const ProcessId& process, const Error& error);

}  // namespace reeve::api
