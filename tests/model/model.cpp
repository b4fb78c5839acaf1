// The consequences: what follows from deaths, deadlines and closings.
#include "model/model.hpp"

#include <signal.h>
#include <sys/wait.h>

#include "base/text.hpp"

namespace reeve::model {

namespace {

using Phase = Worker::Phase;

WorkerState state_of(Phase phase) {
  switch (phase) {
    case Phase::reserved:
      return WorkerState::reserved;
    case Phase::active:
      return WorkerState::active;
    case Phase::stopping:
    case Phase::detached:
      return WorkerState::stopping;
    case Phase::exited:
      return WorkerState::exited;
  }
  return WorkerState::exited;
}

// From the wait(2) status; unknown where no daemon was there to hear of it.
Exit exit_of(const Process& process) {
  Exit exit;
  exit.reaped = process.is_reaped;
  if (!process.wait_status || process.was_reaped_unseen) return exit;
  const int status = *process.wait_status;
  exit.cause = WIFEXITED(status)     ? ExitCause::exited
               : WCOREDUMP(status)   ? ExitCause::dumped
               : WIFSIGNALED(status) ? ExitCause::signaled
                                     : ExitCause::unknown;
  if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit.signal = signal_name(WTERMSIG(status));
  return exit;
}

}  // namespace

std::string Model::control_group_of(int run) const {
  return (placed.contains(run) ? service : root) + "/run-" + ids.at(run);
}

bool Model::is_in_service(int process) const {
  const auto& place = processes.at(process).place;
  return place.in_service || placed.contains(place.run);
}

reeve::Run Model::described(const Run& run) const {
  reeve::Run out;
  out.run = run.id;
  out.name = run.name;
  out.state = run.is_closing ? RunState::closing : RunState::open;
  out.owner = processes.at(run.owner).id;
  out.owner_user_id = run.user;
  out.on_owner_exit = run.policy;
  out.grace = run.grace;
  out.placement = run.placement.value_or(Placement::registry);
  out.control_group = (out.placement == Placement::caller ? service : root) + "/run-" + run.id;
  for (const auto& [leaf, worker] : workers)
    if (worker.is_listed() && &runs.at(worker.run) == &run) ++out.workers;
  out.metadata = run.metadata;
  return out;
}

reeve::Worker Model::described(const Worker& worker) const {
  reeve::Worker out;
  out.run = ids.at(worker.run);
  out.worker = worker.name;
  out.state = state_of(worker.phase);
  out.handle = worker.handle;
  out.fingerprint = worker.fingerprint;
  out.metadata = worker.metadata;
  if (worker.is_frozen && worker.phase != Phase::exited) out.frozen = true;
  out.control_group = control_group_of(worker.run) + "/leaf";
  if (worker.process != 0) {
    const auto& process = processes.at(worker.process);
    out.process = process.id;
    out.activated_at.emplace();
    if (worker.phase == Phase::exited) out.exit = exit_of(process);
  }
  return out;
}

const Worker* Model::find(int run, const std::string& name) const {
  for (const auto& [leaf, worker] : workers)
    if (worker.run == run && worker.is_listed() && worker.name == name) return &worker;
  return nullptr;
}

const Worker* Model::worker_of(int process) const {
  for (const auto& [leaf, worker] : workers)
    if (worker.process == process) return &worker;
  return nullptr;
}

bool Model::is_ancestor_or_self(int process, int of) const {
  for (int each = of;; each = processes.at(each).parent) {
    if (each == process) return true;
    if (each == 0) return false;
  }
}

bool Model::is_frozen(int process) const {
  const auto found = workers.find(processes.at(process).place.leaf);
  return found != workers.end() && found->second.is_frozen;
}

std::vector<int> Model::inside(int run) const {
  std::vector<int> found;
  for (const auto& [key, process] : processes)
    if (process.is_alive && process.place.run == run && run != 0) found.push_back(key);
  return found;
}

// ---- telling

void Model::announce(EventKind kind, const Worker& worker) {
  events.push_back({kind, worker.run, worker, {}, false});
  if (kind == EventKind::activated) ++activated_total;
  if (kind == EventKind::exited) ++exited_total;
}

void Model::announce_run(EventKind kind, int run, Report report) {
  events.push_back({kind, run, {}, std::move(report), false});
}

// Everybody who waits for this worker.
void Model::answer_about(int leaf, const Expected& expected) {
  for (auto each = pending.begin(); each != pending.end();) {
    if (each->second.leaf == leaf) {
      answers[each->first] = expected;
      each = pending.erase(each);
    } else {
      ++each;
    }
  }
}

// ---- deaths

void Model::die(int key, std::set<int> signals, std::optional<int> code) {
  auto& process = processes.at(key);
  if (!process.is_alive) return;
  process.is_alive = false;
  process.signals = std::move(signals);
  process.code = code;
  ++fallen_[process.place.run];
  just_died_.insert(key);
}

void Model::kill_place(int run, int leaf) {
  for (const int key : inside(run))
    if (leaf == 0 || processes.at(key).place.leaf == leaf) die(key, {SIGKILL});
}

// SIGTERM to all; a signal that overtakes it, from a grace period that ends, is as good.
void Model::terminate(int run) {
  for (auto& [leaf, worker] : workers)
    if (worker.run == run) worker.is_frozen = false;
  for (const int key : inside(run))
    if (!processes.at(key).ignores_term) die(key, {SIGTERM, SIGKILL});
  for (const int key : just_died_) {
    auto& process = processes.at(key);
    if (process.place.run == run && !process.code && !process.ignores_term)
      process.signals.insert(SIGTERM);
  }
}

void Model::reap(int key) {
  auto& process = processes.at(key);
  process.is_reaped = true;
  process.was_reaped_unseen = is_down;
}

void Model::kill_daemon() {
  is_down = true;
  pending.clear();
  activated_total = exited_total = 0;
}

// It may have died before it had sent the signals that its records promise: they are sent again.
void Model::start_daemon() {
  is_down = false;
  for (const auto& [key, run] : runs)
    if (run.is_closing) terminate(key);
  for (auto& [leaf, worker] : workers) {
    if (worker.phase != Phase::stopping) continue;
    worker.is_frozen = false;
    if (!processes.at(worker.process).ignores_term) die(worker.process, {SIGTERM, SIGKILL});
  }
}

void Model::begin_step() {
  fallen_.clear();
  just_died_.clear();
  events.clear();
  answers.clear();
}

// ---- what follows

void Model::settle() {
  while (settle_processes() || (!is_down && (settle_workers() || settle_runs()))) {
  }
}

bool Model::settle_processes() {
  bool changed = false;
  for (auto& [key, process] : processes) {
    if (process.parent != 0 && !processes.at(process.parent).is_alive) {
      process.parent = 0;  // the program is their subreaper
      changed = true;
    }
    if (!process.is_alive && !process.is_reaped && process.parent == 0 && !process.is_lazy) {
      reap(key);
      changed = true;
    }
  }
  return changed;
}

void Model::forget(int leaf, std::set<std::string> waiters_get) {
  const auto worker = workers.extract(leaf).mapped();
  // Whichever comes first, the end of the worker's cgroup or that of the run.
  if (waiters_get.contains("NoSuchWorker") && runs.at(worker.run).is_closing)
    waiters_get.insert("RunClosing");
  answer_about(leaf, {std::move(waiters_get), false, {}, 0, 0, {}});
  if (worker.process != 0 && !worker.reaping_is_told) faded_[leaf] = worker;
}

void Model::process_exited(int leaf) {
  auto& worker = workers.at(leaf);
  const bool was_listed = worker.is_listed();
  worker.phase = Phase::exited;
  announce(EventKind::exited, worker);
  kill_place(worker.run, leaf);
  answer_about(leaf, Expected::success(api::Wait::Output{described(worker)}, Exits::happening));
  if (!was_listed) forget(leaf, {});
}

bool Model::settle_workers() {
  for (auto each = faded_.begin(); each != faded_.end();) {
    if (processes.at(each->second.process).is_reaped) {
      announce(EventKind::reaped, each->second);
      events.back().may_be_missing = true;
      each = faded_.erase(each);
    } else {
      ++each;
    }
  }
  for (auto& [leaf, worker] : workers) {
    if (worker.has_live_process() && !processes.at(worker.process).is_alive)
      return process_exited(leaf), true;
    if (worker.phase == Phase::exited && !worker.reaping_is_told &&
        processes.at(worker.process).is_reaped) {
      worker.reaping_is_told = true;
      return announce(EventKind::reaped, worker), true;
    }
    if (!worker.is_over_soon) continue;
    if (worker.phase == Phase::reserved) {
      announce(EventKind::reservation_expired, worker);
      kill_place(worker.run, leaf);
      return forget(leaf, {"NoSuchWorker"}), true;
    }
    worker.is_over_soon = false;
    kill_place(worker.run, leaf);
    die(worker.process, {SIGKILL});
    return true;
  }
  return false;
}

bool Model::settle_runs() {
  for (auto& [key, run] : runs) {
    if (!processes.at(run.owner).is_alive && !run.owner_was_missed) {
      run.owner_was_missed = true;
      if (run.policy == OwnerExitPolicy::kill) return (void)end_run(key), true;
      if (run.policy == OwnerExitPolicy::terminate && !run.is_closing)
        return begin_closing(key), true;
    }
    if (run.is_closing && (run.is_over_soon || inside(key).empty()))
      return (void)end_run(key), true;
  }
  return false;
}

void Model::begin_closing(int key) {
  auto& run = runs.at(key);
  run.is_closing = true;
  run.is_over_soon = run.grace <= soon;
  terminate(key);
}

Report Model::end_run(int key) {
  const auto run = runs.at(key);
  const auto victims = inside(key);
  Report report;
  report.report.runs_removed = 1;
  report.report.processes_killed = static_cast<std::int64_t>(victims.size());
  // Those that fell just now may have been counted, too.
  report.killed_at_most = report.report.processes_killed + fallen_[key];
  // Of an owner that ends while its run does, the end may be noticed after the run's own.
  const bool ends_with_it = run.is_closing && just_died_.contains(run.owner);
  const bool was_orphaned = !processes.at(run.owner).is_alive && !ends_with_it;
  kill_place(key, 0);
  const auto ending = [&] {
    std::vector<int> leaves;
    for (const auto& [leaf, worker] : workers)
      if (worker.run == key) leaves.push_back(leaf);
    return leaves;
  }();
  for (const int leaf : ending) {
    auto& worker = workers.at(leaf);
    if (worker.is_listed())
      ++(worker.phase == Phase::reserved ? report.report.reservations_removed
                                         : report.report.workers_removed);
    if (worker.has_live_process()) {
      die(worker.process, {SIGKILL});
      worker.phase = Phase::exited;
      announce(EventKind::exited, worker);
      answer_about(leaf, Expected::success(api::Wait::Output{described(worker)}, Exits::happening));
    }
    forget(leaf, {"RunClosing"});
  }
  for (auto& event : events)
    if (event.run == key && event.kind == EventKind::reaped) event.may_be_missing = true;
  // An owner that still lives may yet end with it, or with another run that this one's end ends.
  announce_run(EventKind::orphans_killed, key, report);
  events.back().may_be_missing = !was_orphaned;
  announce_run(EventKind::run_closed, key, report);
  runs.erase(key);
  for (auto each = pending.begin(); each != pending.end();) {
    if (each->second.run == key) {
      answers[each->first] = Expected::success(report);
      each = pending.erase(each);
    } else {
      ++each;
    }
  }
  return report;
}

}  // namespace reeve::model
