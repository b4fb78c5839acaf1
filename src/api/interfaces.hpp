// The interfaces that reeved serves: everything in them, in the order in which they are described.
#pragma once

#include "api/errors.hpp"
#include "api/pools.hpp"
#include "api/query_methods.hpp"
#include "api/run_methods.hpp"
#include "api/systemd_service.hpp"
#include "api/varlink_service.hpp"
#include "api/worker_methods.hpp"

namespace reeve::api {

template <class... Each>
struct List {};

template <class T, class... Each>
constexpr bool contains(List<Each...>) {
  return (std::is_same_v<T, Each> || ...);
}

struct VarlinkService {
  static constexpr std::string_view name = "org.varlink.service";
  static constexpr std::string_view text =
      "What every varlink service answers: who it is and what it can do.";
  using Types = List<>;
  using Methods = List<GetInfo, GetInterfaceDescription>;
  using Errors = List<InterfaceNotFound, MethodNotFound, MethodNotImplemented, InvalidParameter,
                      PermissionDenied, ExpectedMore>;
};

struct SystemdService {
  static constexpr std::string_view name = "io.systemd.service";
  static constexpr std::string_view text = "For the administrator of a service.";
  using Types = List<>;
  using Methods = List<Ping, Reload, SetLogLevel, GetEnvironment>;
  using Errors = List<InconsistentEnvironment>;
};

struct Registry {
  static constexpr std::string_view name = "io.reeve.Registry";
  static constexpr std::string_view text =
      "The registry of runs and workers that reeved keeps.\n"
      "\n"
      "A run is one lifetime of an application; its owner is the process whose death\n"
      "ends it. A worker is an external process, with everything it forks, kept in a\n"
      "cgroup of its own below the cgroup of its run. Where a method takes an optional\n"
      "\"run\", leaving it out means the caller's run: the run that the calling process\n"
      "owns or is inside of. A run may be named by any unambiguous prefix of its id.";
  using Types =
      List<ProcessId, Timestamp, OwnerExitPolicy, RunState, Placement, Run, WorkerState, ExitCause,
           Exit, Usage, Limits, Worker, Entry, CleanupReport, Statistics, EventKind, Event>;
  using Methods = List<OpenRun, CloseRun, EnterRun, GetRun, ListRuns, Reserve, Activate, Register,
                       Spawn, Unregister, IsRegistered, GetWorker, ListWorkers, ListProcesses,
                       ValidateWorkers, CleanupDeadWorkers, CleanupOrphans, GetStatistics,
                       ListEntries, CountEntries, Signal, Stop, Freeze, Thaw, Wait, Subscribe>;
  using Errors = List<NoSuchRun, NoSuchWorker, NotReserved, AlreadyReserved, AlreadyActive,
                      RunAmbiguous, RunClosing, NoSuchProcess, ProcessMismatch, ProcessInOtherRun,
                      InvalidName, SpawnFailed, LimitUnavailable, TooMany, NotDelegated,
                      KernelTooOld, SystemFailed, InvalidMessage, ConfigurationInvalid>;
};

struct Pools {
  static constexpr std::string_view name = "io.reeve.Pools";
  static constexpr std::string_view text =
      "The pools of workers that the configuration names: reeve.toml(5). Each slot of a\n"
      "pool is filled with a worker POOL@SLOT, in a run that belongs to the configuration.\n"
      "What is asked for survives the daemon; who follows it goes on with it.";
  using Types = List<ProcessId, Timestamp, ExitCause, Exit, Usage, SlotState, Slot, EndedWorker,
                     PoolState, Pool>;
  using Methods = List<ListPools, GetPool, WatchPools, ScalePool, RestartPool>;
  using Errors = List<NoSuchPool, PoolHalted>;
};

// In the order in which they are listed.
using Interfaces = List<VarlinkService, SystemdService, Registry, Pools>;

template <class T, class... Each>
constexpr std::string_view interface_among(List<Each...>) {
  std::string_view name;
  ((contains<T>(typename Each::Methods{}) || contains<T>(typename Each::Errors{})
        ? void(name = Each::name)
        : void()),
   ...);
  return name;
}

// The interface of a method or an error.
template <class T>
constexpr std::string_view interface_of() {
  static_assert(!interface_among<T>(Interfaces{}).empty());
  return interface_among<T>(Interfaces{});
}

// As it is called over varlink: "io.reeve.Registry.GetRun".
std::string full_name(std::string_view interface, std::string_view name);

template <class Method>
std::string full_name() {
  return full_name(interface_of<Method>(), Method::name);
}

}  // namespace reeve::api
