// The calls that only look.
#include "model/model.hpp"

namespace reeve::model {

namespace {
using Phase = Worker::Phase;
}

Expected Model::get_run(const Step& step) const {
  Expected expected;
  const int run = target(step, expected);
  if (run == 0) return expected;
  return Expected::success(api::GetRun::Output{described(runs.at(run))});
}

Expected Model::get_worker(const Step& step) const {
  Expected expected;
  const int run = target(step, expected);
  if (run == 0) return expected;
  const auto* worker = find(run, step.long_text("worker").value_or(""));
  if (worker == nullptr) return Expected::failure("NoSuchWorker");
  return Expected::success(api::GetWorker::Output{described(*worker)});
}

Expected Model::is_registered(const Step& step) const {
  Expected expected;
  const int run = target(step, expected);
  if (run == 0) return expected;
  const auto* worker = find(run, step.long_text("worker").value_or(""));
  return Expected::success(
      api::IsRegistered::Output{worker != nullptr && worker->phase != Phase::reserved});
}

Expected Model::list_runs() const {
  api::ListRuns::Output output;
  for (const auto& [key, run] : runs)
    output.runs.push_back(described(run));
  return Expected::success(std::move(output));
}

Expected Model::list_workers(const Step& step) const {
  Expected expected;
  const int run = step.has("run") ? target(step, expected) : 0;
  if (!expected.errors.empty()) return expected;
  api::ListWorkers::Output output;
  for (const auto& [leaf, worker] : workers) {
    const auto described_worker = described(worker);
    const auto state = step.text("state");
    if (!worker.is_listed() || (run != 0 && worker.run != run)) continue;
    if (state && schema::name_of(described_worker.state) != *state) continue;
    if (step.has("fingerprint") && worker.fingerprint != step.long_text("fingerprint")) continue;
    output.workers.push_back(described_worker);
  }
  return Expected::success(std::move(output));
}

std::vector<const Worker*> Model::listed(const std::vector<int>& of) const {
  std::vector<const Worker*> found;
  for (const auto& [leaf, worker] : workers)
    if (worker.is_listed() && std::find(of.begin(), of.end(), worker.run) != of.end())
      found.push_back(&worker);
  return found;
}

Expected Model::list_processes(const Step& step) const {
  Expected expected;
  const auto chosen = targets(step, expected);
  if (!chosen) return expected;
  api::ListProcesses::Output output;
  for (const auto* worker : listed(*chosen))
    if (worker->phase == Phase::active || (step.has("all") && worker->phase != Phase::reserved))
      output.processes.push_back(processes.at(worker->process).id);
  return Expected::success(std::move(output));
}

Expected Model::validate_workers(const Step& step) const {
  Expected expected;
  const auto chosen = targets(step, expected);
  if (!chosen) return expected;
  api::ValidateWorkers::Output output;
  for (const auto* worker : listed(*chosen))
    if (worker->phase == Phase::exited) output.dead.push_back(described(*worker));
  return Expected::success(std::move(output));
}

Expected Model::get_statistics(const Step& step) const {
  Expected expected;
  const auto chosen = targets(step, expected);
  if (!chosen) return expected;
  Statistics statistics;
  statistics.runs = static_cast<std::int64_t>(chosen->size());
  statistics.entries = statistics.runs;
  for (const auto& [leaf, worker] : workers)
    if (std::find(chosen->begin(), chosen->end(), worker.run) != chosen->end())
      ++statistics.entries;
  for (const auto* worker : listed(*chosen)) {
    ++statistics.registered;
    ++(worker->phase == Phase::reserved   ? statistics.reserved
       : worker->phase == Phase::active   ? statistics.active
       : worker->phase == Phase::stopping ? statistics.stopping
                                          : statistics.exited);
    if (worker->has_live_process()) ++statistics.processes;
  }
  statistics.activated_total = activated_total;
  statistics.exited_total = exited_total;
  statistics.orphans_killed_total = orphans_killed_total;
  return Expected::success(api::GetStatistics::Output{statistics});
}

Expected Model::list_entries() const {
  api::ListEntries::Output output;
  for (const auto& [key, run] : runs) {
    Entry entry;
    entry.run = run.id;
    entry.process = processes.at(run.owner).id;
    entry.run_is_alive = entry.process_is_alive = processes.at(run.owner).is_alive;
    entry.control_group = control_group_of(key);
    output.entries.push_back(entry);
  }
  for (const auto& [leaf, worker] : workers) {
    const auto shown = described(worker);
    Entry entry;
    entry.run = shown.run;
    entry.worker = shown.worker;
    entry.state = shown.state;
    entry.process = shown.process;
    entry.run_is_alive = processes.at(runs.at(worker.run).owner).is_alive;
    entry.process_is_alive = worker.has_live_process();
    entry.control_group = shown.control_group;
    output.entries.push_back(entry);
  }
  return Expected::success(std::move(output));
}

Expected Model::count_entries() const {
  return Expected::success(
      api::CountEntries::Output{static_cast<std::int64_t>(runs.size() + workers.size())});
}

std::vector<ExpectedEvent> Model::snapshot(int only) const {
  std::vector<ExpectedEvent> shown;
  for (const auto& [key, run] : runs)
    if (only == 0 || key == only) shown.push_back({EventKind::run_opened, key, {}, {}, false});
  for (const auto& [leaf, worker] : workers) {
    if (!worker.is_listed() || (only != 0 && worker.run != only)) continue;
    const auto kind = worker.phase == Phase::reserved ? EventKind::reserved
                      : worker.phase == Phase::exited ? EventKind::exited
                                                      : EventKind::activated;
    shown.push_back({kind, worker.run, worker, {}, false});
  }
  return shown;
}

}  // namespace reeve::model
