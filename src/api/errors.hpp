// The description of every error of io.reeve.Registry.
#pragma once

#include "api/types.hpp"

namespace reeve::api {

struct NoSuchRun {
  std::optional<std::string> run;
};

struct NoSuchWorker {
  std::string run;
  std::string worker;
};

struct NotReserved {
  std::string run;
  std::string worker;
};

struct AlreadyReserved {
  std::string run;
  std::string worker;
};

struct AlreadyActive {
  std::string run;
  std::string worker;
  ProcessId process;
};

struct RunAmbiguous {
  std::string run;
  std::vector<std::string> candidates;
};

struct RunClosing {
  std::string run;
};

struct NoSuchProcess {
  ProcessId process;
};

struct ProcessMismatch {
  ProcessId process;
  std::string reason;
};

struct ProcessInOtherRun {
  ProcessId process;
  std::string run;
};

struct InvalidName {
  std::string name;
  std::string reason;
};

struct SpawnFailed {
  std::string step;
  std::int64_t number = 0;
  std::string name;
};

struct LimitUnavailable {
  std::string controller;
};

struct TooMany {
  std::string limit;
  std::int64_t maximum = 0;
};

struct NotDelegated {
  std::string control_group;
};

struct KernelTooOld {
  std::string feature;
  std::string since;
};

struct SystemFailed {
  std::string object;
  std::string attempt;
  std::int64_t number = 0;
  std::string name;
};

struct InvalidMessage {
  std::string reason;
};

// All of them, in the order of the interface description.
template <class... Error>
struct ErrorList {};
using Errors = ErrorList<NoSuchRun, NoSuchWorker, NotReserved, AlreadyReserved, AlreadyActive,
                         RunAmbiguous, RunClosing, NoSuchProcess, ProcessMismatch,
                         ProcessInOtherRun, InvalidName, SpawnFailed, LimitUnavailable, TooMany,
                         NotDelegated, KernelTooOld, SystemFailed, InvalidMessage>;

}  // namespace reeve::api

namespace reeve::json {

template <>
struct Description<api::NoSuchRun> {
  static constexpr std::string_view name = "NoSuchRun";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &api::NoSuchRun::run}};
};

template <>
struct Description<api::NoSuchWorker> {
  static constexpr std::string_view name = "NoSuchWorker";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &api::NoSuchWorker::run},
                                     Field{"worker", &api::NoSuchWorker::worker}};
};

template <>
struct Description<api::NotReserved> {
  static constexpr std::string_view name = "NotReserved";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &api::NotReserved::run},
                                     Field{"worker", &api::NotReserved::worker}};
};

template <>
struct Description<api::AlreadyReserved> {
  static constexpr std::string_view name = "AlreadyReserved";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &api::AlreadyReserved::run},
                                     Field{"worker", &api::AlreadyReserved::worker}};
};

template <>
struct Description<api::AlreadyActive> {
  static constexpr std::string_view name = "AlreadyActive";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &api::AlreadyActive::run},
                                     Field{"worker", &api::AlreadyActive::worker},
                                     Field{"process", &api::AlreadyActive::process}};
};

template <>
struct Description<api::RunAmbiguous> {
  static constexpr std::string_view name = "RunAmbiguous";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &api::RunAmbiguous::run},
                                     Field{"candidates", &api::RunAmbiguous::candidates}};
};

template <>
struct Description<api::RunClosing> {
  static constexpr std::string_view name = "RunClosing";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &api::RunClosing::run}};
};

template <>
struct Description<api::NoSuchProcess> {
  static constexpr std::string_view name = "NoSuchProcess";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"process", &api::NoSuchProcess::process}};
};

template <>
struct Description<api::ProcessMismatch> {
  static constexpr std::string_view name = "ProcessMismatch";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"process", &api::ProcessMismatch::process},
                                     Field{"reason", &api::ProcessMismatch::reason}};
};

template <>
struct Description<api::ProcessInOtherRun> {
  static constexpr std::string_view name = "ProcessInOtherRun";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"process", &api::ProcessInOtherRun::process},
                                     Field{"run", &api::ProcessInOtherRun::run}};
};

template <>
struct Description<api::InvalidName> {
  static constexpr std::string_view name = "InvalidName";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"name", &api::InvalidName::name},
                                     Field{"reason", &api::InvalidName::reason}};
};

template <>
struct Description<api::SpawnFailed> {
  static constexpr std::string_view name = "SpawnFailed";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"step", &api::SpawnFailed::step},
                                     Field{"errno", &api::SpawnFailed::number},
                                     Field{"errnoName", &api::SpawnFailed::name}};
};

template <>
struct Description<api::LimitUnavailable> {
  static constexpr std::string_view name = "LimitUnavailable";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"controller", &api::LimitUnavailable::controller}};
};

template <>
struct Description<api::TooMany> {
  static constexpr std::string_view name = "TooMany";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"limit", &api::TooMany::limit},
                                     Field{"maximum", &api::TooMany::maximum}};
};

template <>
struct Description<api::NotDelegated> {
  static constexpr std::string_view name = "NotDelegated";
  static constexpr std::string_view text =
      "The caller's cgroup is not delegated to it: in systemd, Delegate=yes.";
  static constexpr std::tuple fields{Field{"controlGroup", &api::NotDelegated::control_group}};
};

template <>
struct Description<api::KernelTooOld> {
  static constexpr std::string_view name = "KernelTooOld";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"feature", &api::KernelTooOld::feature},
                                     Field{"since", &api::KernelTooOld::since}};
};

template <>
struct Description<api::SystemFailed> {
  static constexpr std::string_view name = "SystemFailed";
  static constexpr std::string_view text =
      "The system refused what the call needs, for a reason that is not the caller's.";
  static constexpr std::tuple fields{
      Field{"object", &api::SystemFailed::object}, Field{"attempt", &api::SystemFailed::attempt},
      Field{"errno", &api::SystemFailed::number}, Field{"errnoName", &api::SystemFailed::name}};
};

template <>
struct Description<api::InvalidMessage> {
  static constexpr std::string_view name = "InvalidMessage";
  static constexpr std::string_view text =
      "What arrived is not a varlink call. The connection ends with this reply.";
  static constexpr std::tuple fields{Field{"reason", &api::InvalidMessage::reason}};
};

}  // namespace reeve::json
