// The description of every type of io.reeve.Registry: names on the wire, order and documentation.
// Codecs, interface description and command line all come from here.
#pragma once

#include "reeve/methods.hpp"
#include "reeve/types.hpp"
#include "schema/type.hpp"

namespace reeve {

// Descriptions are found by their argument, so they stand in the namespace of what they describe.
using schema::descriptor_member;
using schema::enumeration;
using schema::member;
using schema::members;
using schema::Of;
using schema::structure;

// What is public is this room's, too: api::GetRun.
namespace api {
using namespace reeve;
}

constexpr auto describe(Of<ProcessId>) {
  return structure(
      "ProcessId", "A process, named so that a recycled PID can never be mistaken for it.",
      member<&ProcessId::pid>("pid"),
      member<&ProcessId::pidfd_id>(
          "pidfdId", "Inode of the process on pidfs: unique until the next boot (Linux 6.9)."),
      member<&ProcessId::boot_id>("bootId"),
      member<&ProcessId::start_time>(
          "startTime",
          "Where there is no pidfdId: clock ticks from boot to its start, proc_pid_stat(5)."));
}

constexpr auto describe(Of<Timestamp>) {
  return structure(
      "Timestamp", "Microseconds, as in clock_gettime(2): CLOCK_REALTIME and CLOCK_MONOTONIC.",
      member<&Timestamp::realtime>("realtime"), member<&Timestamp::monotonic>("monotonic"));
}

constexpr auto describe(Of<OwnerExitPolicy>) {
  return enumeration("OwnerExitPolicy",
                     "What happens to a run's workers when its owner exits: killed at once with\n"
                     "cgroup.kill; sent SIGTERM and killed after the run's grace period; or left.",
                     "kill", "terminate", "keep");
}

constexpr auto describe(Of<RunState>) {
  return enumeration("RunState", "", "open", "closing");
}

constexpr auto describe(Of<Placement>) {
  return enumeration(
      "Placement",
      "Where a run's cgroup is made: below the registry's root, or below the caller's\n"
      "own delegated cgroup, so that limits, accounting and journal stay with its unit.",
      "registry", "caller");
}

constexpr auto describe(Of<Run>) {
  return structure("Run", "", member<&Run::run>("run"), member<&Run::name>("name"),
                   member<&Run::state>("state"), member<&Run::owner>("owner"),
                   member<&Run::owner_user_id>("ownerUserId"),
                   member<&Run::on_owner_exit>("onOwnerExit"), member<&Run::grace>("graceUSec"),
                   member<&Run::placement>("placement"),
                   member<&Run::control_group>("controlGroup",
                                               "Path of the run's cgroup below the cgroup2 mount."),
                   member<&Run::opened_at>("openedAt"), member<&Run::workers>("workers"),
                   member<&Run::metadata>("metadata"));
}

constexpr auto describe(Of<WorkerState>) {
  return enumeration("WorkerState",
                     "reserved: the cgroup exists, no process yet. active: its process runs.\n"
                     "stopping: asked to end, or unregistered while alive. exited: the process is\n"
                     "gone and its record waits to be collected.",
                     "reserved", "active", "stopping", "exited");
}

constexpr auto describe(Of<ExitCause>) {
  return enumeration(
      "ExitCause",
      "unknown until the parent of a worker that reeved did not spawn has reaped it,\n"
      "and for good on kernels older than 6.15.",
      "exited", "signaled", "dumped", "oomKilled", "unknown");
}

constexpr auto describe(Of<Exit>) {
  return structure("Exit", "", member<&Exit::cause>("cause"), member<&Exit::code>("code"),
                   member<&Exit::signal>("signal"),
                   member<&Exit::reaped>("reaped", "True once the status above is final."),
                   member<&Exit::at>("at"));
}

constexpr auto describe(Of<Usage>) {
  return structure("Usage",
                   "What the worker's cgroup had used; members are absent where the kernel's\n"
                   "controller is.",
                   member<&Usage::processor_user>("processorUserUSec"),
                   member<&Usage::processor_system>("processorSystemUSec"),
                   member<&Usage::memory_current_bytes>("memoryCurrentBytes"),
                   member<&Usage::memory_peak_bytes>("memoryPeakBytes"),
                   member<&Usage::tasks_peak>("tasksPeak"),
                   member<&Usage::out_of_memory_kills>("outOfMemoryKills"));
}

constexpr auto describe(Of<Limits>) {
  return structure("Limits", "Settings of the worker's cgroup; absent means unlimited.",
                   member<&Limits::memory_max_bytes>("memoryMaxBytes"),
                   member<&Limits::memory_high_bytes>("memoryHighBytes"),
                   member<&Limits::processor_quota_percent>("processorQuotaPercent"),
                   member<&Limits::processor_weight>("processorWeight"),
                   member<&Limits::tasks_max>("tasksMax"), member<&Limits::io_weight>("ioWeight"),
                   member<&Limits::out_of_memory_group>(
                       "oomGroup",
                       "When memory is out the kernel kills all of the worker at once, "
                       "as memory.oom.group of a cgroup says."));
}

constexpr auto describe(Of<Worker>) {
  return structure(
      "Worker", "", member<&Worker::run>("run"), member<&Worker::worker>("worker"),
      member<&Worker::state>("state"), member<&Worker::process>("process"),
      member<&Worker::handle>(
          "handle", "The application's own handle for the worker, stored and returned as given."),
      member<&Worker::fingerprint>("fingerprint"), member<&Worker::control_group>("controlGroup"),
      member<&Worker::reserved_at>("reservedAt"), member<&Worker::activated_at>("activatedAt"),
      member<&Worker::exit>("exit"), member<&Worker::usage>("usage"),
      member<&Worker::limits>("limits"), member<&Worker::metadata>("metadata"),
      member<&Worker::frozen>("frozen", "True while it is frozen; absent otherwise."),
      member<&Worker::status_text>("statusText", "What it said of itself last, sd_notify(3)."));
}

constexpr auto describe(Of<Entry>) {
  return structure(
      "Entry", "One record as it stands in the kernel, whether or not its run is alive.",
      member<&Entry::run>("run"), member<&Entry::worker>("worker"), member<&Entry::state>("state"),
      member<&Entry::process>("process"), member<&Entry::control_group>("controlGroup"),
      member<&Entry::run_is_alive>("runIsAlive"),
      member<&Entry::process_is_alive>("processIsAlive"),
      member<&Entry::record>("record",
                             "The raw record, as read from the cgroup's extended attribute."));
}

constexpr auto describe(Of<CleanupReport>) {
  return structure(
      "CleanupReport", "", member<&CleanupReport::runs_removed>("runsRemoved"),
      member<&CleanupReport::workers_removed>("workersRemoved"),
      member<&CleanupReport::reservations_removed>("reservationsRemoved"),
      member<&CleanupReport::processes_killed>("processesKilled"),
      member<&CleanupReport::stuck>(
          "stuck", "Control groups that could not be emptied: a process is stuck in the kernel."),
      member<&CleanupReport::foreign>(
          "foreign",
          "Control groups found below the registry's root without its record: untouched."));
}

constexpr auto describe(Of<Statistics>) {
  return structure(
      "Statistics", "Counts of the present; the totals count from the start of reeved.",
      member<&Statistics::runs>("runs"), member<&Statistics::registered>("registered"),
      member<&Statistics::reserved>("reserved"), member<&Statistics::active>("active"),
      member<&Statistics::stopping>("stopping"), member<&Statistics::exited>("exited"),
      member<&Statistics::processes>("processes"), member<&Statistics::entries>("entries"),
      member<&Statistics::activated_total>("activatedTotal"),
      member<&Statistics::exited_total>("exitedTotal"),
      member<&Statistics::orphans_killed_total>("orphansKilledTotal"));
}

constexpr auto describe(Of<EventKind>) {
  return enumeration("EventKind", "", "runOpened", "runClosed", "reserved", "reservationExpired",
                     "activated", "ready", "exited", "reaped", "unregistered", "orphansKilled",
                     "gap");
}

constexpr auto describe(Of<Event>) {
  return structure(
      "Event", "",
      member<&Event::sequence>(
          "sequence", "Counts up by one; a subscriber that missed some gets one \"gap\" event."),
      member<&Event::at>("at"), member<&Event::kind>("kind"), member<&Event::run>("run"),
      member<&Event::worker>("worker"), member<&Event::report>("report"),
      member<&Event::missed>("missed"));
}

// ---- what several methods take

constexpr auto describe(Of<NamedRun>) {
  return members(member<&NamedRun::run>("run"));
}

constexpr auto describe(Of<NamedWorker>) {
  return members(member<&NamedWorker::worker>("worker"), member<&NamedWorker::run>("run"));
}

}  // namespace reeve
