// What reeved promises, as a model: runs, workers and processes without a kernel, a daemon or time.
//
// Each call is a function that says how it must end, and changes the model as the call changes the
// world. settle() then draws the consequences, such as that what sits in a worker's cgroup ends
// with its main process, until nothing more follows. The daemon, being asked after it has come to
// rest, must say what the model says.
//
// Where an order is nobody's promise the model allows several: which of the errors that apply is
// told, which of two signals a process dies of, whether the last words of somebody who is being
// removed are still heard.
//
// Times are either `soon`, over before the step is, or far beyond the end of any sequence.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/interfaces.hpp"
#include "json/codec.hpp"
#include "model/scrub.hpp"
#include "model/step.hpp"
#include "reeve/types.hpp"

namespace reeve::model {

inline constexpr Microseconds soon{1000};
inline constexpr Microseconds far{3'600'000'000};
inline constexpr uid_t nobody = 65534;

// Outside of the registry, in a service or not; or in a run: in `entered`, or in the leaf of that
// worker.
struct Place {
  int run = 0;
  int leaf = 0;
  bool in_service = false;
  bool operator==(const Place&) const = default;
};

struct Process {
  int parent = 0;
  uid_t user = 0;
  bool ignores_term = false;
  bool is_lazy = false;  // when it is the program's own, it is reaped by a step and not before
  Place place;
  bool is_alive = true;
  bool is_reaped = false;
  bool was_reaped_unseen = false;  // while no daemon watched: its status is lost
  std::set<int> signals;           // it died of one of these
  std::optional<int> code;         // or exited with this
  // As the world has it.
  ProcessId id;
  std::optional<int> wait_status;
};

struct Worker {
  enum class Phase { reserved, active, stopping, detached, exited };
  int run = 0;
  int leaf = 0;
  std::string name;
  Phase phase = Phase::reserved;
  int process = 0;
  bool is_frozen = false;
  bool is_over_soon = false;  // its reservation, or the grace period of its stopping
  bool reaping_is_told = false;
  std::optional<std::string> handle, fingerprint;
  std::optional<Metadata> metadata;

  [[nodiscard]] bool is_listed() const { return phase != Phase::detached; }
  [[nodiscard]] bool has_live_process() const {
    return phase == Phase::active || phase == Phase::stopping || phase == Phase::detached;
  }
};

struct Run {
  std::string id;
  std::optional<std::string> name;
  int owner = 0;
  uid_t user = 0;
  OwnerExitPolicy policy = OwnerExitPolicy::kill;
  Microseconds grace{};
  std::optional<Placement> placement;
  std::optional<Metadata> metadata;
  bool is_closing = false;
  bool is_over_soon = false;      // the grace period of its closing
  bool owner_was_missed = false;  // its death was noticed
};

struct Report {
  CleanupReport report;  // with the least number of processes that may have been killed
  std::int64_t killed_at_most = 0;
};

struct ExpectedEvent {
  EventKind kind = EventKind::gap;
  int run = 0;
  Worker worker;  // as it was then
  Report report;
  bool may_be_missing = false;

  [[nodiscard]] bool is_about_worker() const { return worker.leaf != 0; }
};

// How a call must end: with success and this output, or with one of these errors.
struct Expected {
  std::set<std::string> errors;
  bool may_succeed = false;  // for all these errors
  std::string output = "{}";
  std::int64_t killed_at_least = 0, killed_at_most = 0;  // in the output's report
  Exits exits = Exits::known;

  static Expected failure(std::string error) { return {{std::move(error)}, false, {}, 0, 0, {}}; }
  static Expected success(const Report& report) {
    auto expected = success(api::CloseRun::Output{report.report});
    expected.killed_at_least = report.report.processes_killed;
    expected.killed_at_most = report.killed_at_most;
    return expected;
  }
  template <class Output>
  static Expected success(Output output, Exits exits = Exits::known) {
    scrub(output, exits);
    return {{}, true, json::encoded(output), 0, 0, exits};
  }
};

class Model {
 public:
  std::map<int, Process> processes{{0, {}}};  // 0: the program that runs the sequence
  std::map<int, Run> runs;
  std::map<int, std::string> ids;  // of all runs there ever were
  std::map<int, Worker> workers;   // by leaf
  std::set<int> placed;            // of all runs there ever were, those in the service's cgroup
  std::string root;                // the cgroup of the registry
  std::string service;             // and that of a service, which is delegated to it
  bool is_down = false;            // the daemon was killed and not yet started again
  std::int64_t activated_total = 0, exited_total = 0;
  std::int64_t orphans_killed_total = 0;  // as the events say

  // What this step has brought.
  std::vector<ExpectedEvent> events;
  std::map<int, Expected> answers;  // by call
  // The calls that are not answered yet, and the run whose end or the leaf whose they await.
  struct Pending {
    int run = 0;
    int leaf = 0;
  };
  std::map<int, Pending> pending;

  void begin_step();

  // ---- calls. Those without a result are answered by way of `answers`.
  Expected open_run(const Step& step);
  void close_run(const Step& step);
  Expected enter_run(const Step& step);
  Expected reserve(const Step& step);
  Expected activate(const Step& step);
  Expected register_worker(const Step& step);
  Expected spawn(const Step& step);
  Expected unregister(const Step& step);
  Expected signal(const Step& step);
  Expected freeze(const Step& step, bool frozen);
  void stop(const Step& step);
  void wait(const Step& step);
  Expected cleanup_dead_workers(const Step& step);
  void cleanup_orphans(const Step& step);
  [[nodiscard]] Expected get_run(const Step& step) const;
  [[nodiscard]] Expected get_worker(const Step& step) const;
  [[nodiscard]] Expected is_registered(const Step& step) const;
  [[nodiscard]] Expected list_runs() const;
  [[nodiscard]] Expected list_workers(const Step& step) const;
  [[nodiscard]] Expected list_processes(const Step& step) const;
  [[nodiscard]] Expected validate_workers(const Step& step) const;
  [[nodiscard]] Expected get_statistics(const Step& step) const;
  [[nodiscard]] Expected list_entries() const;
  [[nodiscard]] Expected count_entries() const;
  // What a subscription begins with.
  [[nodiscard]] std::vector<ExpectedEvent> snapshot(int only_run) const;

  // ---- what happens outside of the daemon
  void die(int process, std::set<int> signals, std::optional<int> code = {});
  void reap(int process);
  void kill_daemon();
  void start_daemon();

  // Until nothing more follows.
  void settle();

  // ---- looking
  [[nodiscard]] const Worker* find(int run, const std::string& name) const;  // a listed one
  [[nodiscard]] const Worker* worker_of(int process) const;
  // How the step names a run on the wire.
  [[nodiscard]] std::optional<std::string> run_text(const Step& step) const;
  // The run that a call is about, or 0 with the error.
  [[nodiscard]] int target(const Step& step, Expected& expected) const;
  [[nodiscard]] std::string control_group_of(int run) const;
  // Itself, or as what is in a run placed there.
  [[nodiscard]] bool is_in_service(int process) const;
  [[nodiscard]] reeve::Run described(const Run& run) const;
  [[nodiscard]] reeve::Worker described(const Worker& worker) const;
  [[nodiscard]] bool is_ancestor_or_self(int process, int of) const;
  // It does nothing more, and hears of no signal but SIGKILL.
  [[nodiscard]] bool is_frozen(int process) const;

 private:
  [[nodiscard]] int target_to_change(const Step& step, Expected& expected) const;
  // Those of a call over many; nothing if the call must fail.
  [[nodiscard]] std::optional<std::vector<int>> targets(const Step& step, Expected& expected) const;
  // The process that a step names by that parameter and `as`, or 0 with the error.
  [[nodiscard]] int named_process(const Step& step, const std::string& parameter,
                                  Expected& expected) const;
  void object_to_name(const Step& step, Expected& expected) const;
  void object_to_reserving(const Step& step, int run, Expected& expected) const;
  void object_to_process(const Step& step, int run, int process, Expected& expected) const;
  [[nodiscard]] std::vector<const Worker*> listed(const std::vector<int>& of) const;
  [[nodiscard]] std::vector<int> inside(int run) const;  // the living

  int reserve_leaf(const Step& step, int run);
  void bind(const Step& step, int leaf, int process);
  void announce(EventKind kind, const Worker& worker);
  void announce_run(EventKind kind, int run, Report report = {});
  void answer_about(int leaf, const Expected& expected);
  void kill_place(int run, int leaf);  // leaf 0: the whole run
  void terminate(int run);
  void process_exited(int leaf);
  void forget(int leaf, std::set<std::string> waiters_get);
  void begin_closing(int run);
  Report end_run(int run);
  bool settle_processes();
  bool settle_workers();
  bool settle_runs();

  int last_leaf_ = 0;
  std::map<int, int> fallen_;    // in this step, by run
  std::set<int> just_died_;      // in this step
  std::map<int, Worker> faded_;  // gone, but of their reaping may still be told
};

bool is_good_name(const std::string& name);
Microseconds duration_of(const Step& step, const std::string& parameter, Microseconds usual);

}  // namespace reeve::model
