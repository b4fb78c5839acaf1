// The description of every error of io.reeve.Registry.
#pragma once

#include "api/types.hpp"

namespace reeve::api {

struct NoSuchRun {
  std::optional<std::string> run;

  friend constexpr auto describe(Of<NoSuchRun>) {
    return structure("NoSuchRun", "", member<&NoSuchRun::run>("run"));
  }
};

struct NoSuchWorker {
  std::string run;
  std::string worker;

  friend constexpr auto describe(Of<NoSuchWorker>) {
    return structure("NoSuchWorker", "", member<&NoSuchWorker::run>("run"),
                     member<&NoSuchWorker::worker>("worker"));
  }
};

struct NotReserved {
  std::string run;
  std::string worker;

  friend constexpr auto describe(Of<NotReserved>) {
    return structure("NotReserved", "", member<&NotReserved::run>("run"),
                     member<&NotReserved::worker>("worker"));
  }
};

struct AlreadyReserved {
  std::string run;
  std::string worker;

  friend constexpr auto describe(Of<AlreadyReserved>) {
    return structure("AlreadyReserved", "", member<&AlreadyReserved::run>("run"),
                     member<&AlreadyReserved::worker>("worker"));
  }
};

struct AlreadyActive {
  std::string run;
  std::string worker;
  ProcessId process;

  friend constexpr auto describe(Of<AlreadyActive>) {
    return structure("AlreadyActive", "", member<&AlreadyActive::run>("run"),
                     member<&AlreadyActive::worker>("worker"),
                     member<&AlreadyActive::process>("process"));
  }
};

struct RunAmbiguous {
  std::string run;
  std::vector<std::string> candidates;

  friend constexpr auto describe(Of<RunAmbiguous>) {
    return structure("RunAmbiguous", "", member<&RunAmbiguous::run>("run"),
                     member<&RunAmbiguous::candidates>("candidates"));
  }
};

struct RunClosing {
  std::string run;

  friend constexpr auto describe(Of<RunClosing>) {
    return structure("RunClosing", "", member<&RunClosing::run>("run"));
  }
};

struct NoSuchProcess {
  ProcessId process;

  friend constexpr auto describe(Of<NoSuchProcess>) {
    return structure("NoSuchProcess", "", member<&NoSuchProcess::process>("process"));
  }
};

struct ProcessMismatch {
  ProcessId process;
  std::string reason;

  friend constexpr auto describe(Of<ProcessMismatch>) {
    return structure("ProcessMismatch", "", member<&ProcessMismatch::process>("process"),
                     member<&ProcessMismatch::reason>("reason"));
  }
};

struct ProcessInOtherRun {
  ProcessId process;
  std::string run;

  friend constexpr auto describe(Of<ProcessInOtherRun>) {
    return structure("ProcessInOtherRun", "", member<&ProcessInOtherRun::process>("process"),
                     member<&ProcessInOtherRun::run>("run"));
  }
};

struct InvalidName {
  std::string name;
  std::string reason;

  friend constexpr auto describe(Of<InvalidName>) {
    return structure("InvalidName", "", member<&InvalidName::name>("name"),
                     member<&InvalidName::reason>("reason"));
  }
};

struct SpawnFailed {
  std::string step;
  std::int64_t number = 0;
  std::string name;

  friend constexpr auto describe(Of<SpawnFailed>) {
    return structure("SpawnFailed", "", member<&SpawnFailed::step>("step"),
                     member<&SpawnFailed::number>("errno"),
                     member<&SpawnFailed::name>("errnoName"));
  }
};

struct LimitUnavailable {
  std::string controller;

  friend constexpr auto describe(Of<LimitUnavailable>) {
    return structure("LimitUnavailable", "", member<&LimitUnavailable::controller>("controller"));
  }
};

struct TooMany {
  std::string limit;
  std::int64_t maximum = 0;

  friend constexpr auto describe(Of<TooMany>) {
    return structure("TooMany", "", member<&TooMany::limit>("limit"),
                     member<&TooMany::maximum>("maximum"));
  }
};

struct NotDelegated {
  std::string control_group;

  friend constexpr auto describe(Of<NotDelegated>) {
    return structure("NotDelegated",
                     "The caller's cgroup is not delegated to it: in systemd, Delegate=yes.",
                     member<&NotDelegated::control_group>("controlGroup"));
  }
};

struct KernelTooOld {
  std::string feature;
  std::string since;

  friend constexpr auto describe(Of<KernelTooOld>) {
    return structure("KernelTooOld", "", member<&KernelTooOld::feature>("feature"),
                     member<&KernelTooOld::since>("since"));
  }
};

struct SystemFailed {
  std::string object;
  std::string attempt;
  std::int64_t number = 0;
  std::string name;

  friend constexpr auto describe(Of<SystemFailed>) {
    return structure(
        "SystemFailed",
        "The system refused what the call needs, for a reason that is not the caller's.",
        member<&SystemFailed::object>("object"), member<&SystemFailed::attempt>("attempt"),
        member<&SystemFailed::number>("errno"), member<&SystemFailed::name>("errnoName"));
  }
};

struct InvalidMessage {
  std::string reason;

  friend constexpr auto describe(Of<InvalidMessage>) {
    return structure("InvalidMessage",
                     "What arrived is not a varlink call. The connection ends with this reply.",
                     member<&InvalidMessage::reason>("reason"));
  }
};

}  // namespace reeve::api
