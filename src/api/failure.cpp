#include "api/failure.hpp"

#include <cerrno>

namespace reeve::api {

Failure invalid_parameter(std::string_view parameter, std::string_view reason) {
  return failure(InvalidParameter{std::string(parameter), std::string(reason)});
}

Failure permission_denied(std::string_view reason) {
  return failure(PermissionDenied{std::string(reason)});
}

Failure system_failed(const Error& error) {
  return failure(SystemFailed{error.object, error.attempt, error.number, errno_name(error.number)});
}

Failure process_failed(const ProcessId& process, const Error& error) {
  return error.number == ESRCH ? failure(NoSuchProcess{process}) : system_failed(error);
}

}  // namespace reeve::api
