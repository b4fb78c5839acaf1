// The calls that change something.
#include <signal.h>

#include "base/text.hpp"
#include "model/model.hpp"
#include "registry/names.hpp"

namespace reeve::model {

namespace {

using Phase = Worker::Phase;

std::optional<Metadata> metadata_of(const Step& step) {
  const auto value = step.long_text("metadata");
  if (!value) return std::nullopt;
  return Metadata{{"key", *value}};
}

Expected worker_output(const Model& model, const Worker& worker) {
  return Expected::success(api::GetWorker::Output{model.described(worker)});
}

}  // namespace

bool is_good_name(const std::string& name) {
  return !name.empty() && name.size() <= 1024 && name.find('/') == std::string::npos &&
         is_printable(name);
}

Microseconds duration_of(const Step& step, const std::string& parameter, Microseconds usual) {
  const auto value = step.text(parameter);
  return !value ? usual : *value == "soon" ? soon : far;
}

// ---- what calls are about

std::optional<std::string> Model::run_text(const Step& step) const {
  if (!step.has("run")) return std::nullopt;
  const int run = step.number("run");
  if (run == 0) return "ffffffffffffffffffffffffffffffff";
  const auto length = step.has("prefix") ? static_cast<std::size_t>(step.number("prefix")) : 32;
  return ids.at(run).substr(0, length);
}

int Model::target(const Step& step, Expected& expected) const {
  std::vector<int> found;
  const auto prefix = run_text(step);
  const int caller = step.number("by");
  for (const auto& [key, run] : runs)
    if (prefix ? !prefix->empty() && run.id.starts_with(*prefix) : run.owner == caller)
      found.push_back(key);
  if (!prefix && found.empty() && runs.contains(processes.at(caller).place.run))
    found.push_back(processes.at(caller).place.run);
  if (found.size() == 1) return found.front();
  expected.errors.insert(found.empty() ? "NoSuchRun" : "RunAmbiguous");
  return 0;
}

std::optional<std::vector<int>> Model::targets(const Step& step, Expected& expected) const {
  Expected own;
  if (const int run = target(step, own)) return std::vector{run};
  if (step.has("run") || own.errors.contains("RunAmbiguous")) {
    expected.errors.merge(own.errors);
    return std::nullopt;
  }
  std::vector<int> all;
  for (const auto& [key, run] : runs)
    all.push_back(key);
  return all;
}

int Model::target_to_change(const Step& step, Expected& expected) const {
  const int run = target(step, expected);
  if (run == 0) return 0;
  const auto user = processes.at(step.number("by")).user;
  if (user != 0 && user != runs.at(run).user) expected.errors.insert("PermissionDenied");
  return run;
}

int Model::named_process(const Step& step, const std::string& parameter, Expected& expected) const {
  const auto as = step.text("as").value_or("id");
  const auto refuse = [&](const char* error) {
    expected.errors.insert(error);
    return 0;
  };
  if (as == "nothing" || as == "pid-0") return refuse("InvalidParameter");
  if (as == "pid-1" || as == "daemon" || as == "other-boot") return refuse("ProcessMismatch");
  const int key = step.number(parameter);
  const auto& process = processes.at(key);
  if (as == "pidfd" || as == "both") return process.is_reaped ? refuse("NoSuchProcess") : key;
  int bearer = -1;
  for (const auto& [each, candidate] : processes)
    if (!candidate.is_reaped && candidate.id.pid == process.id.pid) bearer = each;
  if (bearer < 0) return refuse("NoSuchProcess");
  if (as == "id" && bearer != key) return refuse("ProcessMismatch");
  if (bearer == 0) return refuse("ProcessMismatch");  // the program is an ancestor of reeved
  return bearer;
}

// ---- runs

Expected Model::open_run(const Step& step) {
  Expected expected;
  const int caller = step.number("by");
  const auto user = processes.at(caller).user;
  if (user != 0) expected.errors.insert("PermissionDenied");
  const auto name = step.long_text("name");
  if (name && !is_good_name(*name)) expected.errors.insert("InvalidName");
  const int owner = step.has("owner") ? named_process(step, "owner", expected) : caller;
  if (owner != 0 && !processes.at(owner).is_alive) expected.errors.insert("NoSuchProcess");
  const bool can_be_placed = owner != 0 && is_in_service(owner);
  auto placement = schema::value_named<Placement>(step.text("placement").value_or(""));
  if (placement == Placement::caller && !can_be_placed) expected.errors.insert("NotDelegated");
  if (!expected.errors.empty()) return expected;
  if (!placement && can_be_placed) placement = Placement::caller;
  Run run;
  run.owner = owner;
  run.placement = placement;
  run.user = processes.at(owner).user;
  run.name = name;
  run.policy = schema::value_named<OwnerExitPolicy>(step.text("policy").value_or("kill")).value();
  run.grace = duration_of(step, "grace", far);
  run.metadata = metadata_of(step);
  const int key = step.number("new");
  runs[key] = run;
  if (placement == Placement::caller) placed.insert(key);
  announce_run(EventKind::run_opened, key);
  return Expected::success(api::OpenRun::Output{described(run)});
}

void Model::close_run(const Step& step) {
  Expected expected;
  const int key = target_to_change(step, expected);
  const auto policy = step.text("policy");
  if (policy == "keep") expected.errors.insert("InvalidParameter");
  const int call = step.number("call");
  if (!expected.errors.empty()) return (void)(answers[call] = expected);
  pending[call] = {key, 0};
  auto& run = runs.at(key);
  const bool gently = policy ? policy == "terminate" : run.policy == OwnerExitPolicy::terminate;
  if (!gently) return (void)end_run(key);
  if (!run.is_closing) begin_closing(key);
}

Expected Model::enter_run(const Step& step) {
  Expected expected;
  const int key = target_to_change(step, expected);
  auto& caller = processes.at(step.number("by"));
  if (!caller.is_alive) expected.errors.insert("NoSuchProcess");
  if (key != 0 && runs.at(key).is_closing) expected.errors.insert("RunClosing");
  if (key != 0 && caller.place.run != 0 && caller.place.run != key)
    expected.errors.insert("ProcessInOtherRun");
  // It would leave its service, and nobody has said that it may.
  if (key != 0 && !runs.at(key).placement && is_in_service(step.number("by")))
    expected.errors.insert("ProcessMismatch");
  if (!expected.errors.empty()) return expected;
  if (caller.place.run == 0) caller.place = {key, 0};
  return Expected::success(api::EnterRun::Output{described(runs.at(key))});
}

void Model::cleanup_orphans(const Step& step) {
  const auto user = processes.at(step.number("by")).user;
  Report sum;
  std::vector<int> stale;  // before the first one ends, for that may end the owner of another
  for (const auto& [key, run] : runs) {
    const bool is_kept = !run.is_closing && run.policy == OwnerExitPolicy::keep;
    if (processes.at(run.owner).is_alive || is_kept || (user != 0 && user != run.user)) continue;
    stale.push_back(key);
  }
  for (const int key : stale) {
    const auto report = end_run(key);
    ++sum.report.runs_removed;
    sum.report.workers_removed += report.report.workers_removed;
    sum.report.reservations_removed += report.report.reservations_removed;
    sum.report.processes_killed += report.report.processes_killed;
    sum.killed_at_most += report.killed_at_most;
  }
  answers[step.number("call")] = Expected::success(sum);
}

// ---- workers

void Model::object_to_name(const Step& step, Expected& expected) const {
  if (!is_good_name(step.long_text("worker").value_or(""))) expected.errors.insert("InvalidName");
}

// What keeps this name of this run from being reserved.
void Model::object_to_reserving(const Step& step, int run, Expected& expected) const {
  object_to_name(step, expected);
  if (step.long_text("fingerprint").value_or("").size() > 4096) expected.errors.insert("TooMany");
  if (run == 0) return;
  if (runs.at(run).is_closing) expected.errors.insert("RunClosing");
  const auto* holder = find(run, step.long_text("worker").value_or(""));
  if (holder == nullptr || holder->phase == Phase::exited) return;
  expected.errors.insert(holder->phase == Phase::reserved ? "AlreadyReserved" : "AlreadyActive");
}

void Model::object_to_process(const Step& step, int run, int process, Expected& expected) const {
  if (step.long_text("handle").value_or("").size() > 4096) expected.errors.insert("TooMany");
  if (run == 0 || process == 0) return;
  const auto& candidate = processes.at(process);
  const auto& owner = processes.at(runs.at(run).owner);
  if (!candidate.is_alive) expected.errors.insert("NoSuchProcess");
  if (process == runs.at(run).owner ||
      (owner.is_alive && is_ancestor_or_self(process, runs.at(run).owner)))
    expected.errors.insert("ProcessMismatch");
  if (candidate.place.run != 0 && candidate.place.run != run)
    expected.errors.insert("ProcessInOtherRun");
  for (const auto& [leaf, worker] : workers)
    if (worker.run == run && worker.has_live_process() && worker.process == process)
      expected.errors.insert("AlreadyActive");
  const auto user = processes.at(step.number("by")).user;
  if (user == 0) return;
  for (const auto& [key, each] : processes)
    if (each.is_alive && each.user != user && is_ancestor_or_self(process, key))
      expected.errors.insert("PermissionDenied");
}

int Model::reserve_leaf(const Step& step, int run) {
  Worker worker;
  worker.run = run;
  worker.leaf = ++last_leaf_;
  worker.name = *step.long_text("worker");
  worker.fingerprint = step.long_text("fingerprint");
  worker.metadata = metadata_of(step);
  worker.is_over_soon = step.text("timeout") == "soon";
  if (const auto* earlier = find(run, worker.name)) forget(earlier->leaf, {"NoSuchWorker"});
  announce(EventKind::reserved, worker);
  workers[worker.leaf] = worker;
  return worker.leaf;
}

// The process comes in with all its descendants that are not in a place of their own.
void Model::bind(const Step& step, int leaf, int process) {
  auto& worker = workers.at(leaf);
  if (step.has("handle")) worker.handle = step.long_text("handle");
  if (step.has("fingerprint")) worker.fingerprint = step.long_text("fingerprint");
  worker.process = process;
  worker.phase = Phase::active;
  worker.is_over_soon = false;
  for (auto& [key, each] : processes) {
    if (!each.is_alive || !is_ancestor_or_self(process, key)) continue;
    const bool is_free = each.place.run == 0 || each.place == Place{worker.run, 0};
    if (key == process || is_free) each.place = {worker.run, leaf};
  }
  announce(EventKind::activated, worker);
}

Expected Model::reserve(const Step& step) {
  Expected expected;
  const int run = target_to_change(step, expected);
  object_to_reserving(step, run, expected);
  if (step.long_text("metadata").value_or("").size() > 16000) expected.errors.insert("TooMany");
  if (!expected.errors.empty()) return expected;
  return worker_output(*this, workers.at(reserve_leaf(step, run)));
}

Expected Model::activate(const Step& step) {
  Expected expected;
  const int run = target_to_change(step, expected);
  object_to_name(step, expected);
  const int process = named_process(step, "process", expected);
  object_to_process(step, run, process, expected);
  if (step.long_text("fingerprint").value_or("").size() > 4096) expected.errors.insert("TooMany");
  const Worker* worker = nullptr;
  if (run != 0) {
    if (runs.at(run).is_closing) expected.errors.insert("RunClosing");
    worker = find(run, step.long_text("worker").value_or(""));
    if (worker == nullptr || worker->phase == Phase::exited)
      expected.errors.insert("NotReserved");
    else if (worker->phase != Phase::reserved)
      expected.errors.insert("AlreadyActive");
  }
  if (!expected.errors.empty()) return expected;
  bind(step, worker->leaf, process);
  return worker_output(*this, *worker);
}

Expected Model::register_worker(const Step& step) {
  Expected expected;
  const int run = target_to_change(step, expected);
  object_to_reserving(step, run, expected);
  const int process = named_process(step, "process", expected);
  object_to_process(step, run, process, expected);
  if (!expected.errors.empty()) return expected;
  const int leaf = reserve_leaf(step, run);
  bind(step, leaf, process);
  return worker_output(*this, workers.at(leaf));
}

// Of a program that is there, or of none.
Expected Model::spawn(const Step& step) {
  Expected expected;
  const int run = target_to_change(step, expected);
  object_to_reserving(step, run, expected);
  if (step.long_text("handle").value_or("").size() > 4096) expected.errors.insert("TooMany");
  if (!expected.errors.empty()) return expected;
  const int leaf = reserve_leaf(step, run);
  if (step.has("nonesuch")) {
    announce(EventKind::unregistered, workers.at(leaf));
    workers.erase(leaf);
    return Expected::failure("SpawnFailed");
  }
  const int key = step.number("new");
  processes[key].ignores_term = step.has("ignores-term");
  processes[key].place = {run, leaf};
  bind(step, leaf, key);
  return worker_output(*this, workers.at(leaf));
}

Expected Model::unregister(const Step& step) {
  Expected expected;
  const int run = target_to_change(step, expected);
  expected.errors.erase("NoSuchRun");
  if (!expected.errors.empty()) return expected;
  const auto* found = run == 0 ? nullptr : find(run, step.long_text("worker").value_or(""));
  if (found == nullptr) return {};
  auto& worker = workers.at(found->leaf);
  if (worker.phase == Phase::active || worker.phase == Phase::stopping) {
    worker.phase = Phase::detached;
    announce(EventKind::unregistered, worker);
    return {};
  }
  announce(EventKind::unregistered, worker);
  kill_place(run, worker.leaf);
  forget(worker.leaf, {"NoSuchWorker"});
  return {};
}

Expected Model::signal(const Step& step) {
  Expected expected;
  const int run = target_to_change(step, expected);
  const auto number = signal_number(step.text("signal").value_or(""));
  if (!number) expected.errors.insert("InvalidParameter");
  const auto* worker = run == 0 ? nullptr : find(run, step.long_text("worker").value_or(""));
  const bool whole_tree = step.has("whole-tree");
  if (run != 0 && worker == nullptr) expected.errors.insert("NoSuchWorker");
  if (worker != nullptr && !whole_tree && !worker->has_live_process())
    expected.errors.insert("NoSuchProcess");
  if (!expected.errors.empty()) return expected;
  for (auto& [key, process] : processes) {
    const bool is_meant =
        whole_tree ? process.place == Place{run, worker->leaf} : key == worker->process;
    const bool is_ignored = *number == SIGCONT || (*number == SIGTERM && process.ignores_term);
    if (!is_meant || is_ignored) continue;
    // Of a tree, whoever ends with the main process may do so before its own signal comes.
    die(key, whole_tree ? std::set{*number, SIGKILL} : std::set{*number});
  }
  return {};
}

Expected Model::freeze(const Step& step, bool frozen) {
  Expected expected;
  const int run = target_to_change(step, expected);
  const auto* found = run == 0 ? nullptr : find(run, step.long_text("worker").value_or(""));
  if (run != 0 && found == nullptr) expected.errors.insert("NoSuchWorker");
  if (found != nullptr && found->phase == Phase::exited) expected.errors.insert("NoSuchProcess");
  if (!expected.errors.empty()) return expected;
  workers.at(found->leaf).is_frozen = frozen;
  return {};
}

void Model::stop(const Step& step) {
  Expected expected;
  const int call = step.number("call");
  const int run = target_to_change(step, expected);
  const auto* found = run == 0 ? nullptr : find(run, step.long_text("worker").value_or(""));
  if (run != 0 && found == nullptr) expected.errors.insert("NoSuchWorker");
  if (!expected.errors.empty()) return (void)(answers[call] = expected);
  auto& worker = workers.at(found->leaf);
  if (worker.phase == Phase::exited) return (void)(answers[call] = worker_output(*this, worker));
  if (worker.phase == Phase::reserved) {
    announce(EventKind::unregistered, worker);
    kill_place(run, worker.leaf);
    answers[call] = worker_output(*this, worker);
    return forget(worker.leaf, {"NoSuchWorker"});
  }
  pending[call] = {0, worker.leaf};
  worker.is_frozen = false;
  worker.is_over_soon |= duration_of(step, "grace", runs.at(run).grace) <= soon;
  if (worker.phase == Phase::stopping) return;
  worker.phase = Phase::stopping;
  if (!processes.at(worker.process).ignores_term) die(worker.process, {SIGTERM, SIGKILL});
}

void Model::wait(const Step& step) {
  Expected expected;
  const int call = step.number("call");
  const int run = target(step, expected);
  const auto* worker = run == 0 ? nullptr : find(run, step.long_text("worker").value_or(""));
  if (run != 0 && worker == nullptr) expected.errors.insert("NoSuchWorker");
  if (!expected.errors.empty()) return (void)(answers[call] = expected);
  if (worker->phase == Phase::exited)
    answers[call] = worker_output(*this, *worker);
  else
    pending[call] = {0, worker->leaf};
}

Expected Model::cleanup_dead_workers(const Step& step) {
  Expected expected;
  const auto user = processes.at(step.number("by")).user;
  const auto chosen = targets(step, expected);
  if (!chosen) return expected;
  std::vector<int> dead;
  for (const int key : *chosen) {
    if (user != 0 && user != runs.at(key).user) {
      if (step.has("run")) return Expected::failure("PermissionDenied");
      continue;
    }
    for (const auto& [leaf, worker] : workers)
      if (worker.run == key && worker.phase == Phase::exited && !runs.at(key).is_closing)
        dead.push_back(leaf);
  }
  for (const int leaf : dead)
    forget(leaf, {"NoSuchWorker"});
  return Expected::success(api::CleanupDeadWorkers::Output{static_cast<std::int64_t>(dead.size())});
}

}  // namespace reeve::model
