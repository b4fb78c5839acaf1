// The methods that look, and those that clean up what is dead.
#include "service/service.hpp"
#include "service/subscription.hpp"

namespace reeve::service {

void Service::is_registered(api::IsRegistered::Input input, Responder<api::IsRegistered> respond) {
  const auto run = run_for(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  const auto* worker = (*run)->find(input.worker);
  // A reservation is not yet a registration.
  respond.reply({worker != nullptr && worker->state() != WorkerState::reserved});
}

void Service::get_worker(api::GetWorker::Input input, Responder<api::GetWorker> respond) {
  const auto run = run_for(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  const auto worker = worker_in(**run, input.worker);
  if (!worker) return respond.fail(worker.error());
  respond.reply({(*worker)->described(registry::LiveWorker::WithUsage::current)});
}

void Service::list_workers(api::ListWorkers::Input input, Responder<api::ListWorkers> respond) {
  std::vector<Worker> workers;
  const auto collect = [&](const registry::LiveRun& run) {
    for (const auto& [name, worker] : run.listed()) {
      if (input.state && worker->state() != *input.state) continue;
      if (input.fingerprint && worker->record().fingerprint != input.fingerprint) continue;
      workers.push_back(worker->described());
    }
  };
  if (input.run) {
    const auto run = run_for(input.run, respond.caller());
    if (!run) return respond.fail(run.error());
    collect(**run);
  } else {
    for (const auto* run : runs_shown_to(respond.caller()))
      collect(*run);
  }
  if (!respond.call().more() || workers.empty()) return respond.reply({std::move(workers)});
  for (std::size_t i = 0; i + 1 < workers.size(); ++i)
    respond.stream({{workers[i]}});
  respond.reply({{workers.back()}});
}

void Service::list_processes(api::ListProcesses::Input input,
                             Responder<api::ListProcesses> respond) {
  const auto runs = runs_for(input.run, respond.caller());
  if (!runs) return respond.fail(runs.error());
  const bool all = input.all.value_or(false);
  std::vector<ProcessId> processes;
  for (const auto* run : *runs)
    for (const auto& [name, worker] : run->listed()) {
      const auto& process = worker->record().process;
      if (!process || worker->state() == WorkerState::reserved) continue;
      const bool active = worker->state() == WorkerState::active && worker->process_is_alive();
      if (all || active) processes.push_back(registry::process_id(*process));
    }
  respond.reply({std::move(processes)});
}

void Service::validate_workers(api::ValidateWorkers::Input input,
                               Responder<api::ValidateWorkers> respond) {
  const auto runs = runs_for(input.run, respond.caller());
  if (!runs) return respond.fail(runs.error());
  std::vector<Worker> dead;
  for (const auto* run : *runs)
    for (const auto& [name, worker] : run->listed())
      if (worker->state() != WorkerState::reserved && !worker->process_is_alive())
        dead.push_back(worker->described());
  respond.reply({std::move(dead)});
}

void Service::cleanup_dead_workers(api::CleanupDeadWorkers::Input input,
                                   Responder<api::CleanupDeadWorkers> respond) {
  const auto runs = runs_for(input.run, respond.caller());
  if (!runs) return respond.fail(runs.error());
  std::int64_t removed = 0;
  for (auto* run : *runs) {
    if (const auto objection = objection_to_changing(rules_, respond.caller(), *run)) {
      if (input.run) return respond.fail(*objection);
      continue;
    }
    // How the last worker of a slot ended says when there is another.
    if (run->is_configured()) continue;
    std::vector<registry::LiveWorker*> dead;
    for (const auto& [name, worker] : run->listed())
      if (worker->state() == WorkerState::exited && !run->is_closing()) dead.push_back(worker);
    for (auto* worker : dead) {
      if (const auto collected = worker->collect(); !collected)
        return respond.fail(api::system_failed(collected.error()));
      ++removed;
    }
  }
  respond.reply({removed});
}

void Service::cleanup_orphans(api::CleanupOrphans::Input, Responder<api::CleanupOrphans> respond) {
  const auto user = respond.caller().user;
  const bool privileged = is_privileged(rules_, respond.caller());
  registry_.cleanup_orphans(
      [user, privileged](const registry::LiveRun& run) {
        return privileged || run.record().uid == user;
      },
      [respond](const api::Outcome<CleanupReport>& report) { respond.reply({*report}); });
}

void Service::get_statistics(api::GetStatistics::Input input,
                             Responder<api::GetStatistics> respond) {
  const auto runs = runs_for(input.run, respond.caller());
  if (!runs) return respond.fail(runs.error());
  respond.reply({registry_.statistics(*runs)});
}

void Service::list_entries(api::ListEntries::Input, Responder<api::ListEntries> respond) {
  if (const auto objection = objection_to_looking_at_all(rules_, respond.caller()))
    return respond.fail(*objection);
  const auto user = respond.caller().user;
  const auto key = ++last_entry_call_;
  auto& calls = entry_calls_[user];
  calls.line.emplace_back(key, respond);
  respond.call().on_abandoned([this, user, key] {
    const auto found = entry_calls_.find(user);
    if (found == entry_calls_.end() || found->second.line.front().first == key) return;
    std::erase_if(found->second.line, [key](const auto& each) { return each.first == key; });
  });
  if (calls.line.size() == 1) walk_entries_for(user);
}

void Service::walk_entries_for(uid_t user) {
  entry_calls_[user].walk = std::make_unique<registry::EntryWalk>(
      loop_, registry_.mount(), registry_.root(), [this, user](std::vector<Entry> entries) {
        auto& calls = entry_calls_.at(user);
        const auto respond = calls.line.front().second;
        calls.line.pop_front();
        if (calls.line.empty())
          entry_calls_.erase(user);
        else
          walk_entries_for(user);
        respond.reply({std::move(entries)});
      });
}

void Service::count_entries(api::CountEntries::Input, Responder<api::CountEntries> respond) {
  if (const auto objection = objection_to_looking_at_all(rules_, respond.caller()))
    return respond.fail(*objection);
  respond.reply({registry::EntryWalk::count(registry_.mount(), registry_.root())});
}

void Service::subscribe(api::Subscribe::Input input, Responder<api::Subscribe> respond) {
  if (!respond.call().more()) return respond.fail(api::failure(api::ExpectedMore{}));
  std::optional<std::string> only;
  if (const auto run = run_for(input.run, respond.caller()))
    only = (*run)->id();
  else if (input.run || !api::is<api::NoSuchRun>(run.error()))
    return respond.fail(run.error());
  else if (const auto objection = objection_to_looking_at_all(rules_, respond.caller()))
    return respond.fail(*objection);
  Subscription::start(registry_, std::move(only), input.after, respond);
}

}  // namespace reeve::service
