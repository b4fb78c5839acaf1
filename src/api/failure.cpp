#include "api/failure.hpp"

#include <cerrno>

namespace reeve::api {

namespace {

Failure of_the_protocol(
    std::string_view name,
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters) {
  std::string json = "{";
  for (const auto& [key, value] : parameters) {
    if (json.size() > 1) json += ',';
    json::write_string(json, key);
    json += ':';
    json::write_string(json, value);
  }
  return {std::string(service_interface) + "." + std::string(name), json + "}"};
}

}  // namespace

Failure invalid_parameter(std::string_view parameter, std::string_view reason) {
  return of_the_protocol("InvalidParameter", {{"parameter", parameter}, {"reason", reason}});
}
Failure permission_denied(std::string_view reason) {
  return of_the_protocol("PermissionDenied", {{"reason", reason}});
}
Failure method_not_found(std::string_view method) {
  return of_the_protocol("MethodNotFound", {{"method", method}});
}
Failure method_not_implemented(std::string_view method) {
  return of_the_protocol("MethodNotImplemented", {{"method", method}});
}
Failure interface_not_found(std::string_view interface) {
  return of_the_protocol("InterfaceNotFound", {{"interface", interface}});
}
Failure expected_more() {
  return of_the_protocol("ExpectedMore", {});
}

Failure system_failed(const Error& error) {
  return failure(SystemFailed{error.object, error.attempt, error.number, errno_name(error.number)});
}

Failure process_failed(const ProcessId& process, const Error& error) {
  return error.number == ESRCH ? failure(NoSuchProcess{process}) : system_failed(error);
}

}  // namespace reeve::api
