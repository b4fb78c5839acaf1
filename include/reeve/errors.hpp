// The errors that a call may be answered with, by their names on the wire, and what each says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reeve/types.hpp"

namespace reeve {

// ---- of io.reeve.Registry

struct NoSuchRun {
  static constexpr std::string_view error = "NoSuchRun";
  std::optional<std::string> run = {};
};

struct NoSuchWorker {
  static constexpr std::string_view error = "NoSuchWorker";
  std::string run;
  std::string worker;
};

struct NotReserved {
  static constexpr std::string_view error = "NotReserved";
  std::string run;
  std::string worker;
};

struct AlreadyReserved {
  static constexpr std::string_view error = "AlreadyReserved";
  std::string run;
  std::string worker;
};

struct AlreadyActive {
  static constexpr std::string_view error = "AlreadyActive";
  std::string run;
  std::string worker;
  ProcessId process;
};

struct RunAmbiguous {
  static constexpr std::string_view error = "RunAmbiguous";
  std::string run;
  std::vector<std::string> candidates;
};

struct RunClosing {
  static constexpr std::string_view error = "RunClosing";
  std::string run;
};

struct NoSuchProcess {
  static constexpr std::string_view error = "NoSuchProcess";
  ProcessId process;
};

struct ProcessMismatch {
  static constexpr std::string_view error = "ProcessMismatch";
  ProcessId process;
  std::string reason;
};

struct ProcessInOtherRun {
  static constexpr std::string_view error = "ProcessInOtherRun";
  ProcessId process;
  std::string run;
};

struct InvalidName {
  static constexpr std::string_view error = "InvalidName";
  std::string name;
  std::string reason;
};

struct SpawnFailed {
  static constexpr std::string_view error = "SpawnFailed";
  std::string step;
  std::int64_t number = 0;
  std::string name;
};

struct LimitUnavailable {
  static constexpr std::string_view error = "LimitUnavailable";
  std::string controller;
};

struct TooMany {
  static constexpr std::string_view error = "TooMany";
  std::string limit;
  std::int64_t maximum = 0;
};

struct NotDelegated {
  static constexpr std::string_view error = "NotDelegated";
  std::string control_group;
};

struct KernelTooOld {
  static constexpr std::string_view error = "KernelTooOld";
  std::string feature;
  std::string since;
};

struct SystemFailed {
  static constexpr std::string_view error = "SystemFailed";
  std::string object;
  std::string attempt;
  std::int64_t number = 0;
  std::string name;
};

// The faults of the configuration that was to be read again, each with its place in the file.
struct ConfigurationInvalid {
  static constexpr std::string_view error = "ConfigurationInvalid";
  std::vector<std::string> faults;
};

struct InvalidMessage {
  static constexpr std::string_view error = "InvalidMessage";
  std::string reason;
};

// ---- of org.varlink.service: those of the protocol itself

struct InterfaceNotFound {
  static constexpr std::string_view error = "InterfaceNotFound";
  std::string interface;
};

struct MethodNotFound {
  static constexpr std::string_view error = "MethodNotFound";
  std::string method;
};

struct MethodNotImplemented {
  static constexpr std::string_view error = "MethodNotImplemented";
  std::string method;
};

struct InvalidParameter {
  static constexpr std::string_view error = "InvalidParameter";
  std::string parameter;
  std::optional<std::string> reason = {};
};

struct PermissionDenied {
  static constexpr std::string_view error = "PermissionDenied";
  std::optional<std::string> reason = {};
};

struct ExpectedMore {
  static constexpr std::string_view error = "ExpectedMore";
};

// ---- of the library itself: what stood between the caller and reeved

// The call did not reach reeved, and was not executed.
struct Unreachable {
  static constexpr std::string_view error = "Unreachable";
  std::string place;   // the socket, or what a Connector leads to
  std::string reason;  // with the errno's name
  std::int64_t number = 0;
};

// The connection ended before the reply came: the call may have been executed, or not.
struct ConnectionLost {
  static constexpr std::string_view error = "ConnectionLost";
  std::string method;
};

// reeved replied what this version of the library cannot read.
struct NotUnderstood {
  static constexpr std::string_view error = "NotUnderstood";
  std::string method;
  std::string reason;
};

}  // namespace reeve
