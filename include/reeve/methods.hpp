// The methods of io.reeve.Registry: what each takes and returns, and its documentation. Their names
// on the wire stand in reeve's own src/api/; how they are called, in client.hpp.
//
// Every optional member of an input can be left out: {.worker = "worker-1"}. Times are
// std::chrono::microseconds. A "…_file_descriptor" is an index into the descriptors that are passed
// along with the call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reeve/types.hpp"

namespace reeve {

// It does no harm to call such a method once more.
template <class Method>
concept ChangesNothing = requires {
  Method::changes_nothing;
};
// It replies again and again: Client::stream() calls it, and call() does not.
template <class Method>
concept RequiresMore = requires {
  Method::requires_more;
};

// ---- what several methods take

struct NamedRun {
  std::optional<std::string> run = {};
};

struct NamedWorker {
  std::string worker;
  std::optional<std::string> run = {};
};

// ---- on runs

struct OpenRun {
  static constexpr std::string_view name = "OpenRun";
  static constexpr std::string_view text =
      "Opens a run. Without \"owner\" the calling process owns it. Without \"placement\" it is in\n"
      "the owner's unit if that is a service that delegates its cgroup, else in the registry.";

  struct Input {
    std::optional<std::string> name = {};
    std::optional<ProcessId> owner = {};
    std::optional<OwnerExitPolicy> on_owner_exit = {};
    std::optional<Microseconds> grace = {};
    std::optional<Placement> placement = {};
    std::optional<Metadata> metadata = {};
  };

  struct Output {
    Run run;
  };
};

struct CloseRun {
  static constexpr std::string_view name = "CloseRun";
  static constexpr std::string_view text =
      "Ends a run and everything in it; replies once its cgroup is empty and gone.";

  struct Input {
    std::optional<std::string> run = {};
    std::optional<OwnerExitPolicy> on_owner_exit = {};
  };

  struct Output {
    CleanupReport report;
  };
};

struct EnterRun {
  static constexpr std::string_view name = "EnterRun";
  static constexpr std::string_view text =
      "Moves the calling process into the run's cgroup, so that all it forks stays there.";

  using Input = NamedRun;

  struct Output {
    Run run;
  };
};

struct GetRun {
  static constexpr std::string_view name = "GetRun";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "";

  using Input = NamedRun;

  struct Output {
    Run run;
  };
};

struct ListRuns {
  static constexpr std::string_view name = "ListRuns";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "With \"more\", one reply for each run.";

  struct Input {};

  struct Output {
    std::vector<Run> runs;
  };
};

// ---- those that change a worker, or wait for it

struct Reserve {
  static constexpr std::string_view name = "Reserve";
  static constexpr std::string_view text =
      "Reserves a worker's slot before its process is spawned. A process can be born\n"
      "inside: clone3(2) with CLONE_INTO_CGROUP on the returned control group.\n"
      "The kernel lets root do that, and the user that runs reeved.";

  struct Input {
    std::string worker;
    std::optional<std::string> run = {};
    std::optional<Microseconds> timeout = {};
    std::optional<std::string> fingerprint = {};
    std::optional<Limits> limits = {};
    std::optional<Metadata> metadata = {};
  };

  struct Output {
    Worker worker;
  };
};

struct Activate {
  static constexpr std::string_view name = "Activate";
  static constexpr std::string_view text =
      "Binds a spawned process, and every process below it, to its reservation. The\n"
      "process is named by id, or by the index of a pidfd passed with the message.\n"
      "Replies once the process is in the worker's cgroup and watched.";

  struct Input {
    std::string worker;
    std::optional<std::string> run = {};
    std::optional<ProcessId> process = {};
    std::optional<std::int64_t> process_file_descriptor = {};
    std::optional<std::string> handle = {};
    std::optional<std::string> fingerprint = {};
  };

  struct Output {
    Worker worker;
  };
};

struct Register {
  static constexpr std::string_view name = "Register";
  static constexpr std::string_view text =
      "Reserve and Activate in one call, for a process that already runs.";

  struct Input {
    std::string worker;
    std::optional<std::string> run = {};
    std::optional<ProcessId> process = {};
    std::optional<std::int64_t> process_file_descriptor = {};
    std::optional<std::string> handle = {};
    std::optional<std::string> fingerprint = {};
    std::optional<Limits> limits = {};
    std::optional<Metadata> metadata = {};
  };

  struct Output {
    Worker worker;
  };
};

struct Spawn {
  static constexpr std::string_view name = "Spawn";
  static constexpr std::string_view text =
      "Reserves, spawns inside the worker's cgroup and activates. Only root chooses user and\n"
      "groups, and asks for more than it has itself: a lower \"nice\", less than 0 for\n"
      "\"oomScoreAdjust\", a higher hard limit. \"resourceLimits\" are as in setrlimit(2):\n"
      "{\"NOFILE\": \"1024:4096\", \"CORE\": \"infinity\"}; \"umask\" is a number, 18 for 022.";

  struct Input {
    std::string worker;
    std::vector<std::string> command;
    std::optional<std::string> run = {};
    std::optional<Metadata> environment = {};
    std::optional<std::string> working_directory = {};
    std::optional<std::string> user = {};
    std::optional<std::string> group = {};
    std::optional<std::vector<std::string>> supplementary_groups = {};
    std::optional<std::int64_t> file_mode_mask = {};
    std::optional<std::int64_t> nice = {};
    std::optional<std::int64_t> out_of_memory_score_adjust = {};
    std::optional<Metadata> resource_limits = {};
    std::optional<std::int64_t> input_file_descriptor = {};
    std::optional<std::int64_t> output_file_descriptor = {};
    std::optional<std::int64_t> error_file_descriptor = {};
    std::optional<std::string> handle = {};
    std::optional<std::string> fingerprint = {};
    std::optional<Limits> limits = {};
    std::optional<Metadata> metadata = {};
  };

  struct Output {
    Worker worker;
  };
};

struct Unregister {
  static constexpr std::string_view name = "Unregister";
  static constexpr std::string_view text =
      "Always succeeds, also for an unknown worker. A live worker leaves the listings\n"
      "at once, yet stays in its cgroup and still ends with its run.";

  using Input = NamedWorker;

  struct Output {};
};

struct Signal {
  static constexpr std::string_view name = "Signal";
  static constexpr std::string_view text = "";

  struct Input {
    std::string worker;
    std::string signal;
    std::optional<std::string> run = {};
    std::optional<bool> whole_tree = {};
  };

  struct Output {};
};

struct Stop {
  static constexpr std::string_view name = "Stop";
  static constexpr std::string_view text =
      "SIGTERM, then cgroup.kill after the grace period; replies once the tree is gone.";

  struct Input {
    std::string worker;
    std::optional<std::string> run = {};
    std::optional<Microseconds> grace = {};
  };

  struct Output {
    Worker worker;
  };
};

struct Freeze {
  static constexpr std::string_view name = "Freeze";
  static constexpr std::string_view text =
      "Stops everything in the worker's cgroup where it is; replies once all of it stands\n"
      "still. It can still be killed, and is thawed by what asks it to end: Stop, and the\n"
      "policy \"terminate\". Of a reservation, what is born or moved inside is frozen.";

  using Input = NamedWorker;

  struct Output {};
};

struct Thaw {
  static constexpr std::string_view name = "Thaw";
  static constexpr std::string_view text = "Lets a frozen worker go on; replies once it does.";

  using Input = NamedWorker;

  struct Output {};
};

struct Wait {
  static constexpr std::string_view name = "Wait";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "Replies once the worker has exited.";

  using Input = NamedWorker;

  struct Output {
    Worker worker;
  };
};

// ---- those that look, and those that clean up what is dead

struct IsRegistered {
  static constexpr std::string_view name = "IsRegistered";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "";

  using Input = NamedWorker;

  struct Output {
    bool registered = false;
  };
};

struct GetWorker {
  static constexpr std::string_view name = "GetWorker";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "";

  using Input = NamedWorker;

  struct Output {
    Worker worker;
  };
};

struct ListWorkers {
  static constexpr std::string_view name = "ListWorkers";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text =
      "With \"more\", one reply for each worker. Without \"run\", the workers of all runs.";

  struct Input {
    std::optional<std::string> run = {};
    std::optional<WorkerState> state = {};
    std::optional<std::string> fingerprint = {};
  };

  struct Output {
    std::vector<Worker> workers;
  };
};

struct ListProcesses {
  static constexpr std::string_view name = "ListProcesses";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text =
      "The main processes of active workers; with \"all\", of every registered worker.";

  struct Input {
    std::optional<std::string> run = {};
    std::optional<bool> all = {};
  };

  struct Output {
    std::vector<ProcessId> processes;
  };
};

struct ValidateWorkers {
  static constexpr std::string_view name = "ValidateWorkers";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text =
      "The registered workers whose process is gone; changes nothing.";

  using Input = NamedRun;

  struct Output {
    std::vector<Worker> dead;
  };
};

struct CleanupDeadWorkers {
  static constexpr std::string_view name = "CleanupDeadWorkers";
  static constexpr std::string_view text = "Drops the records of dead workers.";

  using Input = NamedRun;

  struct Output {
    std::int64_t removed = 0;
  };
};

struct CleanupOrphans {
  static constexpr std::string_view name = "CleanupOrphans";
  static constexpr std::string_view text =
      "Kills every run whose owner is dead and every expired reservation, now.";

  struct Input {};

  struct Output {
    CleanupReport report;
  };
};

struct GetStatistics {
  static constexpr std::string_view name = "GetStatistics";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "";

  using Input = NamedRun;

  struct Output {
    Statistics statistics;
  };
};

struct ListEntries {
  static constexpr std::string_view name = "ListEntries";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text =
      "Every record in the kernel, stale runs included: for debugging.";

  struct Input {};

  struct Output {
    std::vector<Entry> entries;
  };
};

struct CountEntries {
  static constexpr std::string_view name = "CountEntries";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "";

  struct Input {};

  struct Output {
    std::int64_t count = 0;
  };
};

struct Subscribe {
  static constexpr std::string_view name = "Subscribe";
  static constexpr bool changes_nothing = true;
  static constexpr bool requires_more = true;
  static constexpr std::string_view text =
      "Requires \"more\". Without \"after\", a snapshot of the present comes first.";

  struct Input {
    std::optional<std::string> run = {};
    std::optional<std::int64_t> after = {};
  };

  struct Output {
    Event event;
  };
};

}  // namespace reeve
