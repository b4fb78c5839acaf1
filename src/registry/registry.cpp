#include "registry/registry.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "process/descendants.hpp"
#include "registry/names.hpp"

namespace reeve::registry {

namespace {
constexpr Microseconds cleanup_patience{10'000'000};
constexpr std::size_t candidates_told = 16;
}  // namespace

Registry::Registry(loop::Loop& loop, spawn::Spawner& spawner, cgroup::Mount mount,
                   cgroup::Directory root)
    : loop_(loop),
      mount_(std::move(mount)),
      root_(std::move(root)),
      surroundings_{
          loop_,   spawner, mount_, root_, events_, totals_, cgroup::controllers_enabled(root_),
          nullptr, nullptr} {}

// ---- recovery

Result<Registry::Recovered> Registry::recover() {
  auto directories = root_.children();
  if (!directories) return directories.error();
  Recovered recovered;
  for (const auto& directory : *directories) {
    const auto id = run_id_of(directory);
    if ((id && runs_.contains(*id)) || is_holders(directory)) continue;
    if (id)
      adopt_run(directory, recovered);
    else
      recovered.foreign.push_back(root_.path_of(directory));
  }
  return recovered;
}

void Registry::adopt_run(const std::string& name, Recovered& recovered) {
  auto directory = root_.open_child(name);
  if (!directory) return;  // gone meanwhile
  if (!directory->lock()) {
    recovered.elsewhere.push_back(directory->path());
    return;
  }
  const auto text = directory->record();
  auto record = text.ok() ? read_run_record(*text) : Result<RunRecord>(text.error());
  if (!record) {
    if (text.error_is(ENODATA)) return remove_unrecorded(name, std::move(*directory), recovered);
    log::error("{}", record.error().message());
    return recovered.foreign.push_back(directory->path());
  }
  const auto id = *run_id_of(name);
  if (!places_well(*record, name)) {
    log::error("run {}: its record places it at {}", name, *record->control_group);
    return recovered.foreign.push_back(directory->path());
  }
  if (record->is_configured && !takes_configured_run_)
    return recovered.elsewhere.push_back(directory->path());
  process::Process owner;
  if (record->is_configured) {
    auto self = process::Process::open(::getpid());
    if (!self) {
      log::error("run {} is not taken up: {}", name, self.error().message());
      return recovered.elsewhere.push_back(directory->path());
    }
    record->owner = recorded(self->identity());
  }
  auto opened = process::Process::reopen(identity_of(record->owner));
  if (!opened && opened.error().number != ESRCH) {
    // No descriptor or memory left is no proof of a death: nothing is ended on a guess.
    log::error("run {} is not taken up: {}", name, opened.error().message());
    recovered.elsewhere.push_back(directory->path());
    return;
  }
  if (opened.ok() && opened->is_alive()) owner = std::move(*opened);
  auto site = Site::find(mount_, *directory, *record);
  if (!site) {
    log::error("run {} is not taken up: {}", name, site.error().message());
    recovered.elsewhere.push_back(directory->path());
    return;
  }
  auto run = std::make_unique<LiveRun>(surroundings_, id, std::move(*record), std::move(owner),
                                       [this](const std::string& gone) { forget_run(gone); });
  LiveRun& adopted = *runs_.emplace(id, std::move(run)).first->second;
  adopted.adopt(std::move(*site));
  if (adopted.is_closing()) {
    ++recovered.stale;
    return;
  }
  ++recovered.adopted;
  recovered.workers += adopted.listed().size();
}

// A crash between mkdir and the record leaves an empty directory. One that another daemon placed
// here is that daemon's, and one that holds processes was not
// made by us, or its record was taken away: there is no proof, so it is left alone.
void Registry::remove_unrecorded(const std::string& name, cgroup::Directory directory,
                                 Recovered& recovered) {
  const auto populated = directory.is_populated();
  const auto children = directory.children();
  if (!populated.ok() || *populated || !children.ok() || !children->empty() ||
      is_placed_tree(directory))
    return recovered.foreign.push_back(directory.path());
  // Locked until it is gone: whoever is just making it sees that it is not to be used.
  const auto locked = std::make_shared<cgroup::Directory>(std::move(directory));
  auto& removal = removals_[name];
  removal = loop_.remove_directory(root_.shared_descriptor(), name,
                                   [this, name, locked](int) { removals_.erase(name); });
}

// ---- runs

// Runs answer whoever still waits when they go; nobody may find a run by then.
Registry::~Registry() {
  const auto gone = std::exchange(runs_, {});
}

void Registry::open_run(OpenRequest request, Answer<reeve::Run> answer) {
  RunRecord record;
  record.phase = RunPhase::opening;
  record.owner = recorded(request.owner.identity());
  record.uid = request.user;
  record.name = std::move(request.name);
  record.policy = request.policy;
  record.grace = request.grace;
  record.placement = request.placement;
  record.opened_at = now();
  record.metadata = std::move(request.metadata);
  if (request.is_configured) record.is_configured = true;
  const auto id = new_run_id();
  auto run =
      std::make_unique<LiveRun>(surroundings_, id, std::move(record), std::move(request.owner),
                                [this](const std::string& gone) { forget_run(gone); });
  runs_.emplace(id, std::move(run))
      .first->second->create(std::move(request.place), std::move(answer));
}

// It is the run that calls: it goes when it has returned.
void Registry::forget_run(const std::string& id) {
  departed_.push_back(id);
  farewell_ = loop_.after(Microseconds{0}, [this] {
    // Out of the map first: in going a run answers callers, who may open another at once.
    for (const auto& departed : std::exchange(departed_, {})) {
      const auto gone = runs_.extract(departed);
    }
    std::vector<std::uint64_t> keys;
    for (const auto& [key, cleanup] : cleanups_)
      keys.push_back(key);
    for (const auto key : keys)
      report_cleanup(key);
    if (run_gone_) run_gone_();
  });
}

api::Outcome<LiveRun*> Registry::find_run(
    const std::string& prefix, const std::function<bool(const LiveRun&)>& may_be_found) const {
  std::vector<LiveRun*> found;
  if (!prefix.empty())
    for (auto each = runs_.lower_bound(prefix);
         each != runs_.end() && each->first.starts_with(prefix); ++each)
      if (each->second->phase() != RunPhase::opening && may_be_found(*each->second))
        found.push_back(each->second.get());
  if (found.empty()) return api::failure(api::NoSuchRun{prefix});
  if (found.size() == 1) return found.front();
  api::RunAmbiguous ambiguous{prefix, {}};
  for (const auto* run : found)
    if (ambiguous.candidates.size() < candidates_told) ambiguous.candidates.push_back(run->id());
  return api::failure(ambiguous);
}

Result<std::optional<std::string>> Registry::run_id_around(const process::Process& process) const {
  const auto path = process.control_group();
  if (!path && path.error().number == ESRCH) return std::optional<std::string>();
  if (!path) return path.error();
  return run_at(root_, mount_.below(*path));
}

api::Outcome<LiveRun*> Registry::run_of(const process::Process& process) const {
  if (!process) return api::failure(api::NoSuchRun{});
  std::vector<LiveRun*> owned;
  for (const auto& [id, run] : runs_)
    if (run->phase() != RunPhase::opening &&
        identity_of(run->record().owner).same_as(process.identity()))
      owned.push_back(run.get());
  if (owned.size() == 1) return owned.front();
  if (owned.size() > 1) {
    api::RunAmbiguous ambiguous;
    for (const auto* run : owned)
      if (ambiguous.candidates.size() < candidates_told) ambiguous.candidates.push_back(run->id());
    return api::failure(ambiguous);
  }
  const auto id = run_id_around(process);
  if (!id) return api::system_failed(id.error());
  if (*id)
    if (const auto found = runs_.find(**id); found != runs_.end()) return found->second.get();
  return api::failure(api::NoSuchRun{});
}

// ---- workers

void Registry::reserve(LiveRun& run, ReserveRequest request, Answer<reeve::Worker> answer) {
  make(run, std::move(request), std::nullopt, std::move(answer));
}

void Registry::spawn(LiveRun& run, ReserveRequest reservation, SpawnRequest request,
                     Answer<reeve::Worker> answer) {
  make(run, std::move(reservation), std::move(request), std::move(answer));
}

void Registry::make(LiveRun& run, ReserveRequest request, std::optional<SpawnRequest> program,
                    Answer<reeve::Worker> answer) {
  if (run.is_closing()) return answer(api::failure(api::RunClosing{run.id()}));
  if (run.is_being_made(request.worker))
    return answer(api::failure(api::AlreadyReserved{run.id(), request.worker}));
  if (const auto* earlier = run.find(request.worker); earlier && earlier->holds_name()) {
    if (earlier->state() == WorkerState::reserved)
      return answer(api::failure(api::AlreadyReserved{run.id(), request.worker}));
    return answer(api::failure(
        api::AlreadyActive{run.id(), request.worker, process_id(*earlier->record().process)}));
  }
  WorkerRecord record;
  record.phase = WorkerPhase::creating;
  record.name = std::move(request.worker);
  record.fingerprint = std::move(request.fingerprint);
  record.limits = request.limits;
  record.metadata = std::move(request.metadata);
  record.stop_signal = std::move(request.stop_signal);
  record.reserved_at = now();
  record.expires_at = record.reserved_at.monotonic + request.timeout;
  run.make(std::move(record), std::move(request.notes), std::move(program), std::move(answer));
}

std::optional<api::Failure> Registry::objection_to(const LiveRun& run,
                                                   const process::Process& process) const {
  const auto id = process_id(recorded(process.identity()));
  const auto mismatch = [&](const char* reason) {
    return api::failure(api::ProcessMismatch{id, reason});
  };
  if (process.pid() == 1) return mismatch("PID 1 cannot be a worker");
  if (process.pid() == ::getpid()) return mismatch("reeved itself cannot be a worker");
  const auto details = process.details();
  if (!details) return api::process_failed(id, details.error());
  if (!process.is_alive()) return api::failure(api::NoSuchProcess{id});
  if (details->kernel_thread) return mismatch("a kernel thread cannot be a worker");
  const auto above_us = process::is_ancestor_or_self(process.pid(), ::getpid());
  if (!above_us) return api::system_failed(above_us.error());
  if (*above_us) return mismatch("an ancestor of reeved cannot be a worker");
  const auto& owner = run.record().owner;
  if (identity_of(owner).same_as(process.identity()))
    return mismatch("the owner of a run cannot be a worker of it");
  // A dead owner has no ancestors, and its pid may be somebody else's.
  if (run.owner().is_alive()) {
    const auto above = process::is_ancestor_or_self(process.pid(), static_cast<pid_t>(owner.pid));
    if (!above) return api::system_failed(above.error());
    if (*above) return mismatch("an ancestor of the run's owner cannot be a worker of the run");
  }
  const auto around = run_id_around(process);
  if (!around) return api::system_failed(around.error());
  if (*around && **around != run.id()) return api::failure(api::ProcessInOtherRun{id, **around});
  if (const auto* worker = run.worker_of(process.identity()))
    return api::failure(api::AlreadyActive{run.id(), worker->name(), id});
  return std::nullopt;
}

void Registry::activate(LiveRun& run, const std::string& name, ActivationRequest request,
                        Answer<reeve::Worker> answer) {
  if (run.is_closing()) return answer(api::failure(api::RunClosing{run.id()}));
  auto* worker = run.find(name);
  if (worker == nullptr || worker->state() == WorkerState::exited)
    return answer(api::failure(api::NotReserved{run.id(), name}));
  if (worker->phase() != WorkerPhase::reserved)
    return answer(
        api::failure(api::AlreadyActive{run.id(), name, process_id(*worker->record().process)}));
  if (const auto objection = objection_to(run, request.process)) return answer(*objection);
  worker->activate(std::move(request), std::move(answer));
}

// ---- cleaning

struct Registry::Cleanup {
  Answer<CleanupReport> answer;
  CleanupReport report;
  std::map<std::string, Waiters<CleanupReport>::Token> awaited;  // by run
  loop::Timer patience;
};

void Registry::cleanup_orphans(const std::function<bool(const LiveRun&)>& may_end,
                               Answer<CleanupReport> answer) {
  const auto key = ++last_cleanup_;
  auto& cleanup = *cleanups_.emplace(key, std::make_unique<Cleanup>()).first->second;
  cleanup.answer = std::move(answer);
  // Runs of a daemon that is gone may have appeared on our root since we started.
  if (const auto recovered = recover()) cleanup.report.foreign = recovered->foreign;
  // Chosen before the first is ended: with it may die the owner of another.
  std::vector<LiveRun*> stale;
  for (const auto& [id, run] : runs_) {
    const bool may_be_kept = run->is_open() && run->record().policy == OwnerExitPolicy::keep;
    if (run->phase() != RunPhase::opening && !run->owner().is_alive() && !may_be_kept &&
        may_end(*run))
      stale.push_back(run.get());
  }
  for (auto* run : stale) {
    // Now: an earlier grace period is cut short.
    cleanup.awaited[run->id()] =
        run->close(OwnerExitPolicy::kill, [this, key](const api::Outcome<CleanupReport>& outcome) {
          const auto found = cleanups_.find(key);
          if (found == cleanups_.end() || !outcome.ok()) return;
          CleanupReport& sum = found->second->report;
          sum.runs_removed += outcome->runs_removed;
          sum.workers_removed += outcome->workers_removed;
          sum.reservations_removed += outcome->reservations_removed;
          sum.processes_killed += outcome->processes_killed;
        });
  }
  cleanup.patience = loop_.after(cleanup_patience, [this, key] {
    auto& late = *cleanups_.at(key);
    for (const auto& [id, token] : late.awaited)
      if (const auto run = runs_.find(id); run != runs_.end()) {
        run->second->forget_waiter(token);
        late.report.stuck.push_back(run->second->directory().path());
      }
    late.awaited.clear();
    report_cleanup(key);
  });
  report_cleanup(key);
}

void Registry::report_cleanup(std::uint64_t key) {
  Cleanup& cleanup = *cleanups_.at(key);
  std::erase_if(cleanup.awaited, [this](const auto& each) { return !runs_.contains(each.first); });
  if (!cleanup.awaited.empty()) return;
  const auto ended = std::move(cleanups_.extract(key).mapped());
  ended->answer(ended->report);
}

bool Registry::has_controller(std::string_view name) const {
  return surroundings_.controllers.find("+" + std::string(name)) != std::string::npos;
}

// ---- counting

Statistics Registry::statistics(const std::vector<LiveRun*>& runs) const {
  Statistics statistics;
  statistics.activated_total = totals_.activated;
  statistics.exited_total = totals_.exited;
  statistics.orphans_killed_total = totals_.orphans_killed;
  for (const auto* run : runs) {
    ++statistics.runs;
    statistics.entries += 1 + static_cast<std::int64_t>(run->workers().size());
    for (const auto& [name, worker] : run->listed()) {
      ++statistics.registered;
      switch (worker->state()) {
        case WorkerState::reserved:
          ++statistics.reserved;
          break;
        case WorkerState::active:
          ++statistics.active;
          break;
        case WorkerState::stopping:
          ++statistics.stopping;
          break;
        case WorkerState::exited:
          ++statistics.exited;
          break;
      }
      if (worker->process_is_alive()) ++statistics.processes;
    }
  }
  return statistics;
}

}  // namespace reeve::registry
