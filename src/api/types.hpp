// The description of every type of io.reeve.Registry: names on the wire, order and documentation.
// Codec, interface description and command line all come from here.
#pragma once

#include <array>

#include "json/description.hpp"
#include "reeve/types.hpp"

namespace reeve::api {

// All of them, in the order of the interface description.
template <class... Type>
struct TypeList {};
using Types = TypeList<ProcessId, Timestamp, OwnerExitPolicy, RunState, Placement, Run, WorkerState,
                       ExitCause, Exit, Usage, Limits, Worker, Entry, CleanupReport, Statistics,
                       EventKind, Event>;

}  // namespace reeve::api

namespace reeve::json {

template <>
struct Description<ProcessId> {
  static constexpr std::string_view name = "ProcessId";
  static constexpr std::string_view text =
      "A process, named so that a recycled PID can never be mistaken for it.";
  static constexpr std::tuple fields{
      Field{"pid", &ProcessId::pid},
      Field{"pidfdId", &ProcessId::pidfd_id,
            "Inode of the process on pidfs: unique until the next boot (Linux 6.9)."},
      Field{"bootId", &ProcessId::boot_id},
      Field{"startTime", &ProcessId::start_time,
            "Where there is no pidfdId: clock ticks from boot to its start, proc_pid_stat(5)."}};
};

template <>
struct Description<Timestamp> {
  static constexpr std::string_view name = "Timestamp";
  static constexpr std::string_view text =
      "Microseconds, as in clock_gettime(2): CLOCK_REALTIME and CLOCK_MONOTONIC.";
  static constexpr std::tuple fields{Field{"realtime", &Timestamp::realtime},
                                     Field{"monotonic", &Timestamp::monotonic}};
};

template <>
struct Description<OwnerExitPolicy> {
  static constexpr std::string_view name = "OwnerExitPolicy";
  static constexpr std::string_view text =
      "What happens to a run's workers when its owner exits: killed at once with\n"
      "cgroup.kill; sent SIGTERM and killed after the run's grace period; or left.";
  static constexpr std::array<std::string_view, 3> values{"kill", "terminate", "keep"};
};

template <>
struct Description<RunState> {
  static constexpr std::string_view name = "RunState";
  static constexpr std::string_view text = "";
  static constexpr std::array<std::string_view, 2> values{"open", "closing"};
};

template <>
struct Description<Placement> {
  static constexpr std::string_view name = "Placement";
  static constexpr std::string_view text =
      "Where a run's cgroup is made: below the registry's root, or below the caller's\n"
      "own delegated cgroup, so that limits, accounting and journal stay with its unit.";
  static constexpr std::array<std::string_view, 2> values{"registry", "caller"};
};

template <>
struct Description<Run> {
  static constexpr std::string_view name = "Run";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{Field{"run", &Run::run},
                                     Field{"name", &Run::name},
                                     Field{"state", &Run::state},
                                     Field{"owner", &Run::owner},
                                     Field{"ownerUserId", &Run::owner_user_id},
                                     Field{"onOwnerExit", &Run::on_owner_exit},
                                     Field{"graceUSec", &Run::grace},
                                     Field{"placement", &Run::placement},
                                     Field{"controlGroup", &Run::control_group,
                                           "Path of the run's cgroup below the cgroup2 mount."},
                                     Field{"openedAt", &Run::opened_at},
                                     Field{"workers", &Run::workers},
                                     Field{"metadata", &Run::metadata}};
};

template <>
struct Description<WorkerState> {
  static constexpr std::string_view name = "WorkerState";
  static constexpr std::string_view text =
      "reserved: the cgroup exists, no process yet. active: its process runs.\n"
      "stopping: asked to end, or unregistered while alive. exited: the process is\n"
      "gone and its record waits to be collected.";
  static constexpr std::array<std::string_view, 4> values{"reserved", "active", "stopping",
                                                          "exited"};
};

template <>
struct Description<ExitCause> {
  static constexpr std::string_view name = "ExitCause";
  static constexpr std::string_view text =
      "unknown until the parent of a worker that reeved did not spawn has reaped it,\n"
      "and for good on kernels older than 6.15.";
  static constexpr std::array<std::string_view, 5> values{"exited", "signaled", "dumped",
                                                          "oomKilled", "unknown"};
};

template <>
struct Description<Exit> {
  static constexpr std::string_view name = "Exit";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{
      Field{"cause", &Exit::cause}, Field{"code", &Exit::code}, Field{"signal", &Exit::signal},
      Field{"reaped", &Exit::reaped, "True once the status above is final."},
      Field{"at", &Exit::at}};
};

template <>
struct Description<Usage> {
  static constexpr std::string_view name = "Usage";
  static constexpr std::string_view text =
      "What the worker's cgroup had used; members are absent where the kernel's\n"
      "controller is.";
  static constexpr std::tuple fields{Field{"processorUserUSec", &Usage::processor_user},
                                     Field{"processorSystemUSec", &Usage::processor_system},
                                     Field{"memoryCurrentBytes", &Usage::memory_current_bytes},
                                     Field{"memoryPeakBytes", &Usage::memory_peak_bytes},
                                     Field{"tasksPeak", &Usage::tasks_peak},
                                     Field{"outOfMemoryKills", &Usage::out_of_memory_kills}};
};

template <>
struct Description<Limits> {
  static constexpr std::string_view name = "Limits";
  static constexpr std::string_view text =
      "Settings of the worker's cgroup; absent means unlimited.";
  static constexpr std::tuple fields{
      Field{"memoryMaxBytes", &Limits::memory_max_bytes},
      Field{"memoryHighBytes", &Limits::memory_high_bytes},
      Field{"processorQuotaPercent", &Limits::processor_quota_percent},
      Field{"processorWeight", &Limits::processor_weight}, Field{"tasksMax", &Limits::tasks_max}};
};

template <>
struct Description<Worker> {
  static constexpr std::string_view name = "Worker";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{
      Field{"run", &Worker::run},
      Field{"worker", &Worker::worker},
      Field{"state", &Worker::state},
      Field{"process", &Worker::process},
      Field{"handle", &Worker::handle,
            "The application's own handle for the worker, stored and returned as given."},
      Field{"fingerprint", &Worker::fingerprint},
      Field{"controlGroup", &Worker::control_group},
      Field{"reservedAt", &Worker::reserved_at},
      Field{"activatedAt", &Worker::activated_at},
      Field{"exit", &Worker::exit},
      Field{"usage", &Worker::usage},
      Field{"limits", &Worker::limits},
      Field{"metadata", &Worker::metadata}};
};

template <>
struct Description<Entry> {
  static constexpr std::string_view name = "Entry";
  static constexpr std::string_view text =
      "One record as it stands in the kernel, whether or not its run is alive.";
  static constexpr std::tuple fields{
      Field{"run", &Entry::run},
      Field{"worker", &Entry::worker},
      Field{"state", &Entry::state},
      Field{"process", &Entry::process},
      Field{"controlGroup", &Entry::control_group},
      Field{"runIsAlive", &Entry::run_is_alive},
      Field{"processIsAlive", &Entry::process_is_alive},
      Field{"record", &Entry::record,
            "The raw record, as read from the cgroup's extended attribute."}};
};

template <>
struct Description<CleanupReport> {
  static constexpr std::string_view name = "CleanupReport";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{
      Field{"runsRemoved", &CleanupReport::runs_removed},
      Field{"workersRemoved", &CleanupReport::workers_removed},
      Field{"reservationsRemoved", &CleanupReport::reservations_removed},
      Field{"processesKilled", &CleanupReport::processes_killed},
      Field{"stuck", &CleanupReport::stuck,
            "Control groups that could not be emptied: a process is stuck in the kernel."},
      Field{"foreign", &CleanupReport::foreign,
            "Control groups found below the registry's root without its record: untouched."}};
};

template <>
struct Description<Statistics> {
  static constexpr std::string_view name = "Statistics";
  static constexpr std::string_view text =
      "Counts of the present; the totals count from the start of reeved.";
  static constexpr std::tuple fields{
      Field{"runs", &Statistics::runs},
      Field{"registered", &Statistics::registered},
      Field{"reserved", &Statistics::reserved},
      Field{"active", &Statistics::active},
      Field{"stopping", &Statistics::stopping},
      Field{"exited", &Statistics::exited},
      Field{"processes", &Statistics::processes},
      Field{"entries", &Statistics::entries},
      Field{"activatedTotal", &Statistics::activated_total},
      Field{"exitedTotal", &Statistics::exited_total},
      Field{"orphansKilledTotal", &Statistics::orphans_killed_total}};
};

template <>
struct Description<EventKind> {
  static constexpr std::string_view name = "EventKind";
  static constexpr std::string_view text = "";
  static constexpr std::array<std::string_view, 11> values{
      "runOpened", "runClosed", "reserved",     "reservationExpired", "activated", "ready",
      "exited",    "reaped",    "unregistered", "orphansKilled",      "gap"};
};

template <>
struct Description<Event> {
  static constexpr std::string_view name = "Event";
  static constexpr std::string_view text = "";
  static constexpr std::tuple fields{
      Field{"sequence", &Event::sequence,
            "Counts up by one; a subscriber that missed some gets one \"gap\" event."},
      Field{"at", &Event::at},
      Field{"kind", &Event::kind},
      Field{"run", &Event::run},
      Field{"worker", &Event::worker},
      Field{"report", &Event::report},
      Field{"missed", &Event::missed}};
};

}  // namespace reeve::json
