#include "reeve/failure.hpp"

#include <fmt/format.h>

#include <map>

#include "base/result.hpp"
#include "client/errors.hpp"

namespace reeve {

namespace {

using Errors = std::map<std::string, const schema::Type*, std::less<>>;

template <class Interface, class... E>
void add(Errors& errors, api::List<E...>) {
  (errors.emplace(fmt::format("{}.{}", Interface::name, E::error), &schema::type<E>), ...);
}

// By their full names.
const Errors& known_errors() {
  static const auto all = [] {
    Errors errors;
    add<api::Registry>(errors, api::Registry::Errors{});
    add<api::Pools>(errors, api::Pools::Errors{});
    add<api::VarlinkService>(errors, api::VarlinkService::Errors{});
    add<client::Interface>(errors, client::Interface::Errors{});
    return errors;
  }();
  return all;
}

// ---- one sentence for each

std::string brief(const std::string& run) {
  return run.substr(0, 12);
}

std::string told(const NoSuchRun& error) {
  if (error.run) return fmt::format("there is no run {}; `reevectl runs` lists them", *error.run);
  return "this process owns no run and is inside of none; name one";
}

std::string told(const NoSuchWorker& error) {
  return fmt::format("run {} has no worker {}; `reevectl list` shows them", brief(error.run),
                     error.worker);
}

std::string told(const NotReserved& error) {
  return fmt::format("worker {} is not reserved in run {}; reserve it first, or use register",
                     error.worker, brief(error.run));
}

std::string told(const AlreadyReserved& error) {
  return fmt::format("worker {} is already reserved in run {}; activate or unregister it",
                     error.worker, brief(error.run));
}

std::string told(const AlreadyActive& error) {
  return fmt::format("worker {} of run {} is already active with process {}; stop it first",
                     error.worker, brief(error.run), error.process.pid);
}

std::string told(const RunAmbiguous& error) {
  std::string text = "more than one run fits; name one of:";
  for (const auto& candidate : error.candidates)
    text += " " + brief(candidate);
  return text;
}

std::string told(const RunClosing& error) {
  return fmt::format("run {} is being closed", brief(error.run));
}

std::string told(const NoSuchProcess& error) {
  return fmt::format("process {} does not run", error.process.pid);
}

std::string told(const ProcessMismatch& error) {
  return fmt::format("process {}: {}", error.process.pid, error.reason);
}

std::string told(const ProcessInOtherRun& error) {
  return fmt::format("process {} belongs to run {}; name that run", error.process.pid,
                     brief(error.run));
}

std::string told(const InvalidName& error) {
  return "that name will not do: " + error.reason;
}

std::string told(const SpawnFailed& error) {
  return fmt::format("the command could not be started: {} failed with {}", error.step, error.name);
}

std::string told(const LimitUnavailable& error) {
  return fmt::format("the {} controller is not available for workers here", error.controller);
}

std::string told(const TooMany& error) {
  return fmt::format("too much: the limit of {} is {}", error.limit, error.maximum);
}

std::string told(const NotDelegated& error) {
  const std::string_view path = error.control_group;
  const auto unit = path.substr(path.rfind('/') + 1);
  if (!unit.ends_with(".service"))
    return fmt::format("the cgroup {} is not delegated: it takes a unit with Delegate=yes", path);
  const bool of_user = path.find("/user@") != std::string_view::npos;
  return fmt::format(
      "the unit {} does not delegate its cgroup: say Delegate=yes and, from systemd 254 on, "
      "DelegateSubgroup=main, in its section [Service], then systemctl{} daemon-reload, and "
      "restart it",
      unit, of_user ? " --user" : "");
}

std::string told(const KernelTooOld& error) {
  return fmt::format("this kernel is too old for {}: it came with Linux {}", error.feature,
                     error.since);
}

std::string told(const SystemFailed& error) {
  return fmt::format("reeved cannot {} {}: {}; see its log", error.attempt, error.object,
                     error.name);
}

std::string told(const ConfigurationInvalid& error) {
  return fmt::format("the configuration is wrong, and the one before stays in force:\n  {}",
                     fmt::join(error.faults, "\n  "));
}

std::string told(const InvalidMessage& error) {
  return "reeved did not understand the message: " + error.reason;
}

std::string told(const PermissionDenied& error) {
  return "not permitted: " + error.reason.value_or("no reason given");
}

std::string told(const InvalidParameter& error) {
  return fmt::format("{} {}", error.parameter, error.reason.value_or("will not do"));
}

std::string told(const InterfaceNotFound& error) {
  return fmt::format("this reeved has no interface {}", error.interface);
}

std::string told(const MethodNotFound& error) {
  return fmt::format("this reeved has no method {}", error.method);
}

std::string told(const MethodNotImplemented& error) {
  return fmt::format("this reeved has no method {}", error.method);
}

std::string told(const ExpectedMore&) {
  return "this method replies more than once: call it with \"more\"";
}

std::string told(const Unreachable& error) {
  if (!error.place.starts_with('/')) return error.reason;
  if (error.number == ENOENT || error.number == ECONNREFUSED)
    return error.reason + "; reeved does not run there: `systemctl start reeved`";
  if (error.number == EACCES) return error.reason + "; this user may not connect to it";
  return error.reason + "; see reeved's log";
}

std::string told(const ConnectionLost& error) {
  return fmt::format(
      "the connection to reeved ended before {} was answered: it may have been executed, or not",
      error.method);
}

std::string told(const NotUnderstood& error) {
  return fmt::format("reeved answered {} with what this version does not understand: {}",
                     error.method, error.reason);
}

// Of the one that it is; empty if it is none of these.
std::string told(const NoSuchPool& error) {
  return fmt::format("there is no pool {}; `reevectl pools` lists them", error.pool);
}

std::string told(const PoolHalted& error) {
  return fmt::format(
      "the change of pool {} was stopped, the other workers are as they were: worker {} failed: "
      "{}; "
      "mend the configuration and `reevectl reload`, or `reevectl restart {}` if something else "
      "was wrong",
      error.pool, error.worker, error.reason, error.pool);
}

template <class... E>
std::string explained(const Failure& failure, api::List<E...>) {
  std::string text;
  const auto explain = [&]<class One>(schema::Of<One>) {
    if (const auto error = failure.as<One>()) text = told(*error);
  };
  (explain(schema::Of<E>{}), ...);
  return text;
}

}  // namespace

bool Failure::is(std::string_view name) const {
  const auto found = known_errors().find(error);
  return found != known_errors().end() && found->second->name == name;
}

bool Failure::read(std::string_view name, void* into) const {
  if (!is(name)) return false;
  json::Parser parser;
  // A newer reeved may say more than this library knows, and an older one less.
  if (const auto parsed = parser.parse(parameters))
    (void)json::decode(*parsed, *known_errors().find(error)->second, into,
                       json::UnknownMembers::ignored);
  return true;
}

std::string Failure::message() const {
  for (const auto& text :
       {explained(*this, api::Registry::Errors{}), explained(*this, api::Pools::Errors{}),
        explained(*this, api::VarlinkService::Errors{}),
        explained(*this, client::Interface::Errors{})})
    if (!text.empty()) return text;
  return fmt::format("{} {}", error, parameters);
}

}  // namespace reeve
