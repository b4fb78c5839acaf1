// The description of every error of io.reeve.Registry.
#pragma once

#include "api/types.hpp"
#include "reeve/errors.hpp"

namespace reeve {

constexpr auto describe(Of<NoSuchRun>) {
  return structure(NoSuchRun::error, "", member<&NoSuchRun::run>("run"));
}

constexpr auto describe(Of<NoSuchWorker>) {
  return structure(NoSuchWorker::error, "", member<&NoSuchWorker::run>("run"),
                   member<&NoSuchWorker::worker>("worker"));
}

constexpr auto describe(Of<NotReserved>) {
  return structure(NotReserved::error, "", member<&NotReserved::run>("run"),
                   member<&NotReserved::worker>("worker"));
}

constexpr auto describe(Of<AlreadyReserved>) {
  return structure(AlreadyReserved::error, "", member<&AlreadyReserved::run>("run"),
                   member<&AlreadyReserved::worker>("worker"));
}

constexpr auto describe(Of<AlreadyActive>) {
  return structure(AlreadyActive::error, "", member<&AlreadyActive::run>("run"),
                   member<&AlreadyActive::worker>("worker"),
                   member<&AlreadyActive::process>("process"));
}

constexpr auto describe(Of<RunAmbiguous>) {
  return structure(RunAmbiguous::error, "", member<&RunAmbiguous::run>("run"),
                   member<&RunAmbiguous::candidates>("candidates"));
}

constexpr auto describe(Of<RunClosing>) {
  return structure(RunClosing::error, "", member<&RunClosing::run>("run"));
}

constexpr auto describe(Of<NoSuchProcess>) {
  return structure(NoSuchProcess::error, "", member<&NoSuchProcess::process>("process"));
}

constexpr auto describe(Of<ProcessMismatch>) {
  return structure(ProcessMismatch::error, "", member<&ProcessMismatch::process>("process"),
                   member<&ProcessMismatch::reason>("reason"));
}

constexpr auto describe(Of<ProcessInOtherRun>) {
  return structure(ProcessInOtherRun::error, "", member<&ProcessInOtherRun::process>("process"),
                   member<&ProcessInOtherRun::run>("run"));
}

constexpr auto describe(Of<InvalidName>) {
  return structure(InvalidName::error, "", member<&InvalidName::name>("name"),
                   member<&InvalidName::reason>("reason"));
}

constexpr auto describe(Of<SpawnFailed>) {
  return structure(SpawnFailed::error, "", member<&SpawnFailed::step>("step"),
                   member<&SpawnFailed::number>("errno"), member<&SpawnFailed::name>("errnoName"));
}

constexpr auto describe(Of<LimitUnavailable>) {
  return structure(LimitUnavailable::error, "",
                   member<&LimitUnavailable::controller>("controller"));
}

constexpr auto describe(Of<TooMany>) {
  return structure(TooMany::error, "", member<&TooMany::limit>("limit"),
                   member<&TooMany::maximum>("maximum"));
}

constexpr auto describe(Of<NotDelegated>) {
  return structure(NotDelegated::error,
                   "The caller's cgroup is not delegated to it: in systemd, Delegate=yes.",
                   member<&NotDelegated::control_group>("controlGroup"));
}

constexpr auto describe(Of<KernelTooOld>) {
  return structure(KernelTooOld::error, "", member<&KernelTooOld::feature>("feature"),
                   member<&KernelTooOld::since>("since"));
}

constexpr auto describe(Of<SystemFailed>) {
  return structure(
      SystemFailed::error,
      "The system refused what the call needs, for a reason that is not the caller's.",
      member<&SystemFailed::object>("object"), member<&SystemFailed::attempt>("attempt"),
      member<&SystemFailed::number>("errno"), member<&SystemFailed::name>("errnoName"));
}

constexpr auto describe(Of<ConfigurationInvalid>) {
  return structure(ConfigurationInvalid::error,
                   "The configuration that was to be read again: each fault with its place.",
                   member<&ConfigurationInvalid::faults>("faults"));
}

constexpr auto describe(Of<InvalidMessage>) {
  return structure(InvalidMessage::error,
                   "What arrived is not a varlink call. The connection ends with this reply.",
                   member<&InvalidMessage::reason>("reason"));
}

// ---- of org.varlink.service

constexpr auto describe(Of<InterfaceNotFound>) {
  return structure(InterfaceNotFound::error, "",
                   member<&InterfaceNotFound::interface>("interface"));
}

constexpr auto describe(Of<MethodNotFound>) {
  return structure(MethodNotFound::error, "", member<&MethodNotFound::method>("method"));
}

constexpr auto describe(Of<MethodNotImplemented>) {
  return structure(MethodNotImplemented::error, "",
                   member<&MethodNotImplemented::method>("method"));
}

constexpr auto describe(Of<InvalidParameter>) {
  return structure(InvalidParameter::error, "", member<&InvalidParameter::parameter>("parameter"),
                   member<&InvalidParameter::reason>("reason"));
}

constexpr auto describe(Of<PermissionDenied>) {
  return structure(PermissionDenied::error, "", member<&PermissionDenied::reason>("reason"));
}

constexpr auto describe(Of<ExpectedMore>) {
  return structure(ExpectedMore::error, "");
}

}  // namespace reeve
