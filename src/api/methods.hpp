// The description of every method of io.reeve.Registry: its input, its output, its documentation.
#pragma once

#include "api/types.hpp"

namespace reeve::api {

struct OpenRun {
  struct Input {
    std::optional<std::string> name;
    std::optional<ProcessId> owner;
    std::optional<OwnerExitPolicy> on_owner_exit;
    std::optional<Microseconds> grace;
    std::optional<Placement> placement;
    std::optional<Metadata> metadata;
  };
  struct Output {
    Run run;
  };
};

struct CloseRun {
  struct Input {
    std::optional<std::string> run;
    std::optional<OwnerExitPolicy> on_owner_exit;
  };
  struct Output {
    CleanupReport report;
  };
};

struct EnterRun {
  struct Input {
    std::optional<std::string> run;
  };
  struct Output {
    Run run;
  };
};

struct GetRun {
  struct Input {
    std::optional<std::string> run;
  };
  struct Output {
    Run run;
  };
};

struct ListRuns {
  struct Input {};
  struct Output {
    std::vector<Run> runs;
  };
};

struct Reserve {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<Microseconds> timeout;
    std::optional<std::string> fingerprint;
    std::optional<Limits> limits;
    std::optional<Metadata> metadata;
  };
  struct Output {
    Worker worker;
  };
};

struct Activate {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<ProcessId> process;
    std::optional<std::int64_t> process_file_descriptor;
    std::optional<std::string> handle;
    std::optional<std::string> fingerprint;
  };
  struct Output {
    Worker worker;
  };
};

struct Register {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<ProcessId> process;
    std::optional<std::int64_t> process_file_descriptor;
    std::optional<std::string> handle;
    std::optional<std::string> fingerprint;
    std::optional<Limits> limits;
    std::optional<Metadata> metadata;
  };
  struct Output {
    Worker worker;
  };
};

struct Spawn {
  struct Input {
    std::string worker;
    std::vector<std::string> command;
    std::optional<std::string> run;
    std::optional<Metadata> environment;
    std::optional<std::string> working_directory;
    std::optional<std::string> user;
    std::optional<std::int64_t> input_file_descriptor;
    std::optional<std::int64_t> output_file_descriptor;
    std::optional<std::int64_t> error_file_descriptor;
    std::optional<std::string> handle;
    std::optional<std::string> fingerprint;
    std::optional<Limits> limits;
    std::optional<Metadata> metadata;
  };
  struct Output {
    Worker worker;
  };
};

struct Unregister {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
  };
  struct Output {};
};

struct IsRegistered {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
  };
  struct Output {
    bool registered = false;
  };
};

struct GetWorker {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
  };
  struct Output {
    Worker worker;
  };
};

struct ListWorkers {
  struct Input {
    std::optional<std::string> run;
    std::optional<WorkerState> state;
    std::optional<std::string> fingerprint;
  };
  struct Output {
    std::vector<Worker> workers;
  };
};

struct ListProcesses {
  struct Input {
    std::optional<std::string> run;
    std::optional<bool> all;
  };
  struct Output {
    std::vector<ProcessId> processes;
  };
};

struct ValidateWorkers {
  struct Input {
    std::optional<std::string> run;
  };
  struct Output {
    std::vector<Worker> dead;
  };
};

struct CleanupDeadWorkers {
  struct Input {
    std::optional<std::string> run;
  };
  struct Output {
    std::int64_t removed = 0;
  };
};

struct CleanupOrphans {
  struct Input {};
  struct Output {
    CleanupReport report;
  };
};

struct GetStatistics {
  struct Input {
    std::optional<std::string> run;
  };
  struct Output {
    Statistics statistics;
  };
};

struct ListEntries {
  struct Input {};
  struct Output {
    std::vector<Entry> entries;
  };
};

struct CountEntries {
  struct Input {};
  struct Output {
    std::int64_t count = 0;
  };
};

struct Signal {
  struct Input {
    std::string worker;
    std::string signal;
    std::optional<std::string> run;
    std::optional<bool> whole_tree;
  };
  struct Output {};
};

struct Stop {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<Microseconds> grace;
  };
  struct Output {
    Worker worker;
  };
};

struct Freeze {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
  };
  struct Output {};
};

struct Thaw {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
  };
  struct Output {};
};

struct Wait {
  struct Input {
    std::string worker;
    std::optional<std::string> run;
  };
  struct Output {
    Worker worker;
  };
};

struct Subscribe {
  struct Input {
    std::optional<std::string> run;
    std::optional<std::int64_t> after;
  };
  struct Output {
    Event event;
  };
};

// All of them, in the order of the interface description.
template <class... Method>
struct MethodList {};
using Methods =
    MethodList<OpenRun, CloseRun, EnterRun, GetRun, ListRuns, Reserve, Activate, Register, Spawn,
               Unregister, IsRegistered, GetWorker, ListWorkers, ListProcesses, ValidateWorkers,
               CleanupDeadWorkers, CleanupOrphans, GetStatistics, ListEntries, CountEntries, Signal,
               Stop, Freeze, Thaw, Wait, Subscribe>;

}  // namespace reeve::api

namespace reeve::json {

template <>
struct Description<api::OpenRun> {
  static constexpr std::string_view name = "OpenRun";
  static constexpr std::string_view text =
      "Opens a run. Without \"owner\" the calling process owns it.";
};
template <>
struct Description<api::OpenRun::Input> {
  static constexpr std::tuple fields{Field{"name", &api::OpenRun::Input::name},
                                     Field{"owner", &api::OpenRun::Input::owner},
                                     Field{"onOwnerExit", &api::OpenRun::Input::on_owner_exit},
                                     Field{"graceUSec", &api::OpenRun::Input::grace},
                                     Field{"placement", &api::OpenRun::Input::placement},
                                     Field{"metadata", &api::OpenRun::Input::metadata}};
};
template <>
struct Description<api::OpenRun::Output> {
  static constexpr std::tuple fields{Field{"run", &api::OpenRun::Output::run}};
};

template <>
struct Description<api::CloseRun> {
  static constexpr std::string_view name = "CloseRun";
  static constexpr std::string_view text =
      "Ends a run and everything in it; replies once its cgroup is empty and gone.";
};
template <>
struct Description<api::CloseRun::Input> {
  static constexpr std::tuple fields{Field{"run", &api::CloseRun::Input::run},
                                     Field{"onOwnerExit", &api::CloseRun::Input::on_owner_exit}};
};
template <>
struct Description<api::CloseRun::Output> {
  static constexpr std::tuple fields{Field{"report", &api::CloseRun::Output::report}};
};

template <>
struct Description<api::EnterRun> {
  static constexpr std::string_view name = "EnterRun";
  static constexpr std::string_view text =
      "Moves the calling process into the run's cgroup, so that all it forks stays there.";
};
template <>
struct Description<api::EnterRun::Input> {
  static constexpr std::tuple fields{Field{"run", &api::EnterRun::Input::run}};
};
template <>
struct Description<api::EnterRun::Output> {
  static constexpr std::tuple fields{Field{"run", &api::EnterRun::Output::run}};
};

template <>
struct Description<api::GetRun> {
  static constexpr std::string_view name = "GetRun";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::GetRun::Input> {
  static constexpr std::tuple fields{Field{"run", &api::GetRun::Input::run}};
};
template <>
struct Description<api::GetRun::Output> {
  static constexpr std::tuple fields{Field{"run", &api::GetRun::Output::run}};
};

template <>
struct Description<api::ListRuns> {
  static constexpr std::string_view name = "ListRuns";
  static constexpr std::string_view text = "With \"more\", one reply for each run.";
};
template <>
struct Description<api::ListRuns::Input> {
  static constexpr std::tuple<> fields{};
};
template <>
struct Description<api::ListRuns::Output> {
  static constexpr std::tuple fields{Field{"runs", &api::ListRuns::Output::runs}};
};

template <>
struct Description<api::Reserve> {
  static constexpr std::string_view name = "Reserve";
  static constexpr std::string_view text =
      "Reserves a worker's slot before its process is spawned. A process can be born\n"
      "inside: clone3(2) with CLONE_INTO_CGROUP on the returned control group.\n"
      "The kernel lets root do that, and the user that runs reeved.";
};
template <>
struct Description<api::Reserve::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::Reserve::Input::worker},
                                     Field{"run", &api::Reserve::Input::run},
                                     Field{"timeoutUSec", &api::Reserve::Input::timeout},
                                     Field{"fingerprint", &api::Reserve::Input::fingerprint},
                                     Field{"limits", &api::Reserve::Input::limits},
                                     Field{"metadata", &api::Reserve::Input::metadata}};
};
template <>
struct Description<api::Reserve::Output> {
  static constexpr std::tuple fields{Field{"worker", &api::Reserve::Output::worker}};
};

template <>
struct Description<api::Activate> {
  static constexpr std::string_view name = "Activate";
  static constexpr std::string_view text =
      "Binds a spawned process, and every process below it, to its reservation. The\n"
      "process is named by id, or by the index of a pidfd passed with the message.\n"
      "Replies once the process is in the worker's cgroup and watched.";
};
template <>
struct Description<api::Activate::Input> {
  static constexpr std::tuple fields{
      Field{"worker", &api::Activate::Input::worker},
      Field{"run", &api::Activate::Input::run},
      Field{"process", &api::Activate::Input::process},
      Field{"processFileDescriptor", &api::Activate::Input::process_file_descriptor},
      Field{"handle", &api::Activate::Input::handle},
      Field{"fingerprint", &api::Activate::Input::fingerprint}};
};
template <>
struct Description<api::Activate::Output> {
  static constexpr std::tuple fields{Field{"worker", &api::Activate::Output::worker}};
};

template <>
struct Description<api::Register> {
  static constexpr std::string_view name = "Register";
  static constexpr std::string_view text =
      "Reserve and Activate in one call, for a process that already runs.";
};
template <>
struct Description<api::Register::Input> {
  static constexpr std::tuple fields{
      Field{"worker", &api::Register::Input::worker},
      Field{"run", &api::Register::Input::run},
      Field{"process", &api::Register::Input::process},
      Field{"processFileDescriptor", &api::Register::Input::process_file_descriptor},
      Field{"handle", &api::Register::Input::handle},
      Field{"fingerprint", &api::Register::Input::fingerprint},
      Field{"limits", &api::Register::Input::limits},
      Field{"metadata", &api::Register::Input::metadata}};
};
template <>
struct Description<api::Register::Output> {
  static constexpr std::tuple fields{Field{"worker", &api::Register::Output::worker}};
};

template <>
struct Description<api::Spawn> {
  static constexpr std::string_view name = "Spawn";
  static constexpr std::string_view text =
      "Reserves, spawns inside the worker's cgroup and activates.";
};
template <>
struct Description<api::Spawn::Input> {
  static constexpr std::tuple fields{
      Field{"worker", &api::Spawn::Input::worker},
      Field{"command", &api::Spawn::Input::command},
      Field{"run", &api::Spawn::Input::run},
      Field{"environment", &api::Spawn::Input::environment},
      Field{"workingDirectory", &api::Spawn::Input::working_directory},
      Field{"user", &api::Spawn::Input::user},
      Field{"inputFileDescriptor", &api::Spawn::Input::input_file_descriptor},
      Field{"outputFileDescriptor", &api::Spawn::Input::output_file_descriptor},
      Field{"errorFileDescriptor", &api::Spawn::Input::error_file_descriptor},
      Field{"handle", &api::Spawn::Input::handle},
      Field{"fingerprint", &api::Spawn::Input::fingerprint},
      Field{"limits", &api::Spawn::Input::limits},
      Field{"metadata", &api::Spawn::Input::metadata}};
};
template <>
struct Description<api::Spawn::Output> {
  static constexpr std::tuple fields{Field{"worker", &api::Spawn::Output::worker}};
};

template <>
struct Description<api::Unregister> {
  static constexpr std::string_view name = "Unregister";
  static constexpr std::string_view text =
      "Always succeeds, also for an unknown worker. A live worker leaves the listings\n"
      "at once, yet stays in its cgroup and still ends with its run.";
};
template <>
struct Description<api::Unregister::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::Unregister::Input::worker},
                                     Field{"run", &api::Unregister::Input::run}};
};
template <>
struct Description<api::Unregister::Output> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Description<api::IsRegistered> {
  static constexpr std::string_view name = "IsRegistered";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::IsRegistered::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::IsRegistered::Input::worker},
                                     Field{"run", &api::IsRegistered::Input::run}};
};
template <>
struct Description<api::IsRegistered::Output> {
  static constexpr std::tuple fields{Field{"registered", &api::IsRegistered::Output::registered}};
};

template <>
struct Description<api::GetWorker> {
  static constexpr std::string_view name = "GetWorker";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::GetWorker::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::GetWorker::Input::worker},
                                     Field{"run", &api::GetWorker::Input::run}};
};
template <>
struct Description<api::GetWorker::Output> {
  static constexpr std::tuple fields{Field{"worker", &api::GetWorker::Output::worker}};
};

template <>
struct Description<api::ListWorkers> {
  static constexpr std::string_view name = "ListWorkers";
  static constexpr std::string_view text =
      "With \"more\", one reply for each worker. Without \"run\", the workers of all runs.";
};
template <>
struct Description<api::ListWorkers::Input> {
  static constexpr std::tuple fields{Field{"run", &api::ListWorkers::Input::run},
                                     Field{"state", &api::ListWorkers::Input::state},
                                     Field{"fingerprint", &api::ListWorkers::Input::fingerprint}};
};
template <>
struct Description<api::ListWorkers::Output> {
  static constexpr std::tuple fields{Field{"workers", &api::ListWorkers::Output::workers}};
};

template <>
struct Description<api::ListProcesses> {
  static constexpr std::string_view name = "ListProcesses";
  static constexpr std::string_view text =
      "The main processes of active workers; with \"all\", of every registered worker.";
};
template <>
struct Description<api::ListProcesses::Input> {
  static constexpr std::tuple fields{Field{"run", &api::ListProcesses::Input::run},
                                     Field{"all", &api::ListProcesses::Input::all}};
};
template <>
struct Description<api::ListProcesses::Output> {
  static constexpr std::tuple fields{Field{"processes", &api::ListProcesses::Output::processes}};
};

template <>
struct Description<api::ValidateWorkers> {
  static constexpr std::string_view name = "ValidateWorkers";
  static constexpr std::string_view text =
      "The registered workers whose process is gone; changes nothing.";
};
template <>
struct Description<api::ValidateWorkers::Input> {
  static constexpr std::tuple fields{Field{"run", &api::ValidateWorkers::Input::run}};
};
template <>
struct Description<api::ValidateWorkers::Output> {
  static constexpr std::tuple fields{Field{"dead", &api::ValidateWorkers::Output::dead}};
};

template <>
struct Description<api::CleanupDeadWorkers> {
  static constexpr std::string_view name = "CleanupDeadWorkers";
  static constexpr std::string_view text = "Drops the records of dead workers.";
};
template <>
struct Description<api::CleanupDeadWorkers::Input> {
  static constexpr std::tuple fields{Field{"run", &api::CleanupDeadWorkers::Input::run}};
};
template <>
struct Description<api::CleanupDeadWorkers::Output> {
  static constexpr std::tuple fields{Field{"removed", &api::CleanupDeadWorkers::Output::removed}};
};

template <>
struct Description<api::CleanupOrphans> {
  static constexpr std::string_view name = "CleanupOrphans";
  static constexpr std::string_view text =
      "Kills every run whose owner is dead and every expired reservation, now.";
};
template <>
struct Description<api::CleanupOrphans::Input> {
  static constexpr std::tuple<> fields{};
};
template <>
struct Description<api::CleanupOrphans::Output> {
  static constexpr std::tuple fields{Field{"report", &api::CleanupOrphans::Output::report}};
};

template <>
struct Description<api::GetStatistics> {
  static constexpr std::string_view name = "GetStatistics";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::GetStatistics::Input> {
  static constexpr std::tuple fields{Field{"run", &api::GetStatistics::Input::run}};
};
template <>
struct Description<api::GetStatistics::Output> {
  static constexpr std::tuple fields{Field{"statistics", &api::GetStatistics::Output::statistics}};
};

template <>
struct Description<api::ListEntries> {
  static constexpr std::string_view name = "ListEntries";
  static constexpr std::string_view text =
      "Every record in the kernel, stale runs included: for debugging.";
};
template <>
struct Description<api::ListEntries::Input> {
  static constexpr std::tuple<> fields{};
};
template <>
struct Description<api::ListEntries::Output> {
  static constexpr std::tuple fields{Field{"entries", &api::ListEntries::Output::entries}};
};

template <>
struct Description<api::CountEntries> {
  static constexpr std::string_view name = "CountEntries";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::CountEntries::Input> {
  static constexpr std::tuple<> fields{};
};
template <>
struct Description<api::CountEntries::Output> {
  static constexpr std::tuple fields{Field{"count", &api::CountEntries::Output::count}};
};

template <>
struct Description<api::Signal> {
  static constexpr std::string_view name = "Signal";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::Signal::Input> {
  static constexpr std::tuple fields{
      Field{"worker", &api::Signal::Input::worker}, Field{"signal", &api::Signal::Input::signal},
      Field{"run", &api::Signal::Input::run}, Field{"wholeTree", &api::Signal::Input::whole_tree}};
};
template <>
struct Description<api::Signal::Output> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Description<api::Stop> {
  static constexpr std::string_view name = "Stop";
  static constexpr std::string_view text =
      "SIGTERM, then cgroup.kill after the grace period; replies once the tree is gone.";
};
template <>
struct Description<api::Stop::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::Stop::Input::worker},
                                     Field{"run", &api::Stop::Input::run},
                                     Field{"graceUSec", &api::Stop::Input::grace}};
};
template <>
struct Description<api::Stop::Output> {
  static constexpr std::tuple fields{Field{"worker", &api::Stop::Output::worker}};
};

template <>
struct Description<api::Freeze> {
  static constexpr std::string_view name = "Freeze";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::Freeze::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::Freeze::Input::worker},
                                     Field{"run", &api::Freeze::Input::run}};
};
template <>
struct Description<api::Freeze::Output> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Description<api::Thaw> {
  static constexpr std::string_view name = "Thaw";
  static constexpr std::string_view text = "";
};
template <>
struct Description<api::Thaw::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::Thaw::Input::worker},
                                     Field{"run", &api::Thaw::Input::run}};
};
template <>
struct Description<api::Thaw::Output> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Description<api::Wait> {
  static constexpr std::string_view name = "Wait";
  static constexpr std::string_view text = "Replies once the worker has exited.";
};
template <>
struct Description<api::Wait::Input> {
  static constexpr std::tuple fields{Field{"worker", &api::Wait::Input::worker},
                                     Field{"run", &api::Wait::Input::run}};
};
template <>
struct Description<api::Wait::Output> {
  static constexpr std::tuple fields{Field{"worker", &api::Wait::Output::worker}};
};

template <>
struct Description<api::Subscribe> {
  static constexpr std::string_view name = "Subscribe";
  static constexpr std::string_view text =
      "Requires \"more\". Without \"after\", a snapshot of the present comes first.";
};
template <>
struct Description<api::Subscribe::Input> {
  static constexpr std::tuple fields{Field{"run", &api::Subscribe::Input::run},
                                     Field{"after", &api::Subscribe::Input::after}};
};
template <>
struct Description<api::Subscribe::Output> {
  static constexpr std::tuple fields{Field{"event", &api::Subscribe::Output::event}};
};

}  // namespace reeve::json
