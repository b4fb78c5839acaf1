#include "ctl/session.hpp"

#include <fmt/core.h>

#include <cerrno>

namespace reeve::ctl {

namespace {

template <class Described>
bool is(const std::string& error) {
  return error == api::name_of_error<Described>();
}

template <class Described>
Described read(const std::string& parameters) {
  json::Parser parser;
  Described described{};
  if (const auto parsed = parser.parse(parameters))
    (void)json::decode(*parsed, described, json::UnknownMembers::ignored);
  return described;
}

std::string brief(const std::string& run) {
  return run.substr(0, 12);
}

std::string no_method(const std::string& method) {
  return fmt::format("this reeved has no method {}", method);
}

std::string registry_explanation(const std::string& error, const std::string& parameters) {
  if (is<api::NoSuchRun>(error)) {
    const auto run = read<api::NoSuchRun>(parameters).run;
    if (run) return fmt::format("there is no run {}; `reevectl runs` lists them", *run);
    return "this process owns no run and is inside of none; name one with --run or REEVE_RUN_ID";
  }
  if (is<api::NoSuchWorker>(error)) {
    const auto at = read<api::NoSuchWorker>(parameters);
    return fmt::format("run {} has no worker {}; `reevectl list` shows them", brief(at.run),
                       at.worker);
  }
  if (is<api::NotReserved>(error)) {
    const auto at = read<api::NotReserved>(parameters);
    return fmt::format("worker {} is not reserved in run {}; reserve it first, or use register",
                       at.worker, brief(at.run));
  }
  if (is<api::AlreadyReserved>(error)) {
    const auto at = read<api::AlreadyReserved>(parameters);
    return fmt::format("worker {} is already reserved in run {}; activate or unregister it",
                       at.worker, brief(at.run));
  }
  if (is<api::AlreadyActive>(error)) {
    const auto at = read<api::AlreadyActive>(parameters);
    return fmt::format("worker {} of run {} is already active with process {}; stop it first",
                       at.worker, brief(at.run), at.process.pid);
  }
  if (is<api::RunAmbiguous>(error)) {
    std::string text = "more than one run fits; name one of:";
    for (const auto& candidate : read<api::RunAmbiguous>(parameters).candidates)
      text += " " + brief(candidate);
    return text;
  }
  if (is<api::RunClosing>(error))
    return fmt::format("run {} is being closed", brief(read<api::RunClosing>(parameters).run));
  if (is<api::NoSuchProcess>(error))
    return fmt::format("process {} does not run", read<api::NoSuchProcess>(parameters).process.pid);
  if (is<api::ProcessMismatch>(error)) {
    const auto at = read<api::ProcessMismatch>(parameters);
    return fmt::format("process {}: {}", at.process.pid, at.reason);
  }
  if (is<api::ProcessInOtherRun>(error)) {
    const auto at = read<api::ProcessInOtherRun>(parameters);
    return fmt::format("process {} belongs to run {}; name that run with --run", at.process.pid,
                       brief(at.run));
  }
  if (is<api::InvalidName>(error))
    return fmt::format("that name will not do: {}", read<api::InvalidName>(parameters).reason);
  if (is<api::TooMany>(error)) {
    const auto at = read<api::TooMany>(parameters);
    return fmt::format("too much: the limit of {} is {}", at.limit, at.maximum);
  }
  if (is<api::LimitUnavailable>(error))
    return fmt::format("the {} controller is not available for workers here",
                       read<api::LimitUnavailable>(parameters).controller);
  if (is<api::SystemFailed>(error)) {
    const auto at = read<api::SystemFailed>(parameters);
    return fmt::format("reeved cannot {} {}: {}; see its log", at.attempt, at.object, at.name);
  }
  return {};
}

}  // namespace

std::string explanation(const std::string& error, const std::string& parameters) {
  if (auto text = registry_explanation(error, parameters); !text.empty()) return text;
  if (is<api::PermissionDenied>(error))
    return fmt::format("not permitted: {}",
                       read<api::PermissionDenied>(parameters).reason.value_or("no reason given"));
  if (is<api::InvalidParameter>(error)) {
    const auto at = read<api::InvalidParameter>(parameters);
    return fmt::format("{} {}", at.parameter, at.reason.value_or("will not do"));
  }
  if (is<api::MethodNotFound>(error))
    return no_method(read<api::MethodNotFound>(parameters).method);
  if (is<api::MethodNotImplemented>(error))
    return no_method(read<api::MethodNotImplemented>(parameters).method);
  return fmt::format("{} {}", error, parameters);
}

Told<Session> Session::open(const Options& options) {
  auto client = varlink::Client::connect(options.socket);
  if (client.ok()) return Session(std::move(*client));
  const int number = client.error().number;
  const char* advice =
      number == ENOENT || number == ECONNREFUSED
          ? "reeved does not run there: `systemctl start reeved`, or name its socket with --socket"
      : number == EACCES ? "this user may not connect to it"
                         : "see reeved's log";
  fmt::print(stderr, "reevectl: {}; {}\n", client.error().message(), advice);
  return exit_no_daemon;
}

ExitCode Session::tell(const Error& error) {
  fmt::print(stderr, "reevectl: {}\n", error.message());
  return error.number == 0 ? exit_failure : exit_no_daemon;
}

ExitCode Session::tell(const varlink::Reply& failure) {
  fmt::print(stderr, "reevectl: {}\n", explanation(failure.error, failure.parameters));
  return exit_failure;
}

}  // namespace reeve::ctl
