#include "registry/live_run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "registry/names.hpp"

namespace reeve::registry {

namespace {
constexpr Microseconds removal_retry{100'000};
}  // namespace

// A process on its way into the run.
struct LiveRun::Entering {
  process::Process process;
  cgroup::Directory target;
  Answer<reeve::Run> answer;
  loop::Operation making;
  std::unique_ptr<Move> move;
};

api::Failure refusal_of_move(const Error& error, const ProcessId& process) {
  switch (error.number) {
    case ESRCH:
      return api::failure(api::NoSuchProcess{process});
    case EPERM:
      return api::permission_denied(error.object + ", a descendant, belongs to another user");
    case EACCES:
      return api::permission_denied(
          "process " + std::to_string(process.pid) +
          " sits outside of the cgroups that are delegated to reeved's user, who may not move it "
          "from there: have it born inside, with Spawn (reevectl spawn) or reevectl exec");
    case EBUSY:
      return api::failure(
          api::ProcessMismatch{process, "it was moved elsewhere while it was being activated"});
    default:
      return api::system_failed(error);
  }
}

LiveRun::LiveRun(const Surroundings& surroundings, std::string id, RunRecord record,
                 process::Process owner, Forget forget)
    : surroundings_(surroundings),
      id_(std::move(id)),
      record_(std::move(record)),
      owner_(std::move(owner)),
      forget_(std::move(forget)),
      directories_(surroundings.loop) {}

LiveRun::~LiveRun() {
  const auto closing = api::failure(api::RunClosing{id_});
  if (opening_answer_) opening_answer_(closing);
  for (const auto& [key, entering] : entering_)
    entering->answer(closing);
  closing_waiters_.answer(report_);
}

reeve::Run LiveRun::described() const {
  reeve::Run run;
  run.run = id_;
  run.name = record_.name;
  run.state = state_of(phase());
  run.owner = process_id(record_.owner);
  run.owner_user_id = record_.uid;
  run.on_owner_exit = record_.policy;
  run.grace = record_.grace;
  run.placement = record_.placement.value_or(Placement::registry);
  run.control_group = record_.control_group.value_or(directory().path());
  run.opened_at = record_.opened_at;
  run.workers = static_cast<std::int64_t>(listed_.size());
  run.metadata = record_.metadata;
  return run;
}

LiveWorker* LiveRun::find(const std::string& name) const {
  const auto found = listed_.find(name);
  return found == listed_.end() ? nullptr : found->second;
}

LiveWorker* LiveRun::worker_around(std::string_view path) const {
  const auto& own = directory().path();
  if (!path.starts_with(own) || !path.substr(own.size()).starts_with('/')) return nullptr;
  path.remove_prefix(own.size() + 1);
  const auto leaf = path.substr(0, path.find('/'));
  if (auto* worker = find(plain_name_of(leaf)); worker != nullptr && worker->directory() == leaf)
    return worker;
  const auto found = std::find_if(listed_.begin(), listed_.end(), [&](const auto& each) {
    return each.second->directory() == leaf;
  });
  return found == listed_.end() ? nullptr : found->second;
}

const LiveWorker* LiveRun::worker_of(const process::Identity& process) const {
  const auto found = by_process_.find(process.pid);
  if (found == by_process_.end()) return nullptr;
  return identity_of(*found->second->record().process).same_as(process) ? found->second : nullptr;
}

void LiveRun::release_process(pid_t pid, const LiveWorker& worker) {
  const auto found = by_process_.find(pid);
  if (found != by_process_.end() && found->second == &worker) by_process_.erase(found);
}

// ---- what the lifecycle asks for

void LiveRun::apply(RunEvent event) {
  const auto [phase, actions] = step(record_.phase, event);
  record_.phase = phase;
  perform(actions);
}

void LiveRun::perform(RunActions actions) {
  using enum RunAction;
  if (actions.has(disarm_timer)) timer_.disarm();
  if (actions.has(write_record))
    if (const auto written = this->write_record(phase()); !written)
      log::warning("run {}: {}", id_, written.error().message());
  if (actions.has(watch_owner)) this->watch_owner();
  if (actions.has(announce_opened)) surroundings_.events.announce(EventKind::run_opened, id_);
  if (actions.has(signal_all)) {
    signal_tree(directory(), surroundings_.mount, SIGTERM);
    for (const auto& [key, worker] : workers_)
      worker->thaw_to_be_heard();
  }
  if (actions.has(arm_grace))
    timer_ = surroundings_.loop.at(*record_.kill_at, [this] { apply(RunEvent::grace_over); });
  if (actions.has(watch_emptiness)) empty_tree(false);
  if (actions.has(condemn_workers)) this->condemn_workers();
  if (actions.has(kill_tree)) empty_tree(true);
  if (actions.has(remove_tree)) this->remove_tree();
  if (actions.has(announce_closed)) this->announce_closed();
  if (actions.has(forget)) {
    const auto forget = forget_;
    forget(id_);
  }
}

Status LiveRun::write_record(RunPhase phase) const {
  auto record = record_;
  record.phase = phase;
  return site_.entry.write_record(json::encoded(record));
}

// ---- opening

void LiveRun::create(std::optional<cgroup::Directory> place, Answer<reeve::Run> answer) {
  opening_answer_ = std::move(answer);
  founding_ = std::make_unique<Founding>(
      surroundings_, run_directory(id_), std::move(place), site_,
      [this](RunPhase phase) {
        if (site_.place) record_.control_group = site_.place->path_of(run_directory(id_));
        if (site_.place && site_.tree)
          record_.control_group_id = static_cast<std::int64_t>(site_.tree.id());
        return write_record(phase);
      },
      [this](const Status& status) {
        founding_.reset();
        opening_ended(status);
      });
}

void LiveRun::opening_ended(const Status& status) {
  const auto answer = std::exchange(opening_answer_, nullptr);
  if (!status) {
    answer(api::system_failed(status.error()));
    return apply(RunEvent::opening_failed);
  }
  apply(RunEvent::opened);
  answer(described());
}

void LiveRun::watch_owner() {
  owner_watch_ = surroundings_.loop.poll(owner_.pidfd(), POLLIN, [this](int) { owner_died(); });
}

void LiveRun::owner_died() {
  // What is ending gently goes on so, unless the owner's death means a kill.
  if (is_closing() && record_.policy != OwnerExitPolicy::kill) return;
  switch (record_.policy) {
    case OwnerExitPolicy::kill:
      log::debug("owner {} of run {} is gone: killing what it left", record_.owner.pid, id_);
      return apply(RunEvent::kill);
    case OwnerExitPolicy::terminate:
      log::debug("owner {} of run {} is gone: terminating what it left", record_.owner.pid, id_);
      record_.kill_at = monotonic_now() + record_.grace;
      return apply(RunEvent::terminate);
    case OwnerExitPolicy::keep:
      log::notice("owner {} of run {} is gone: its workers are kept", record_.owner.pid, id_);
      return apply(RunEvent::keep);
  }
}

// ---- adoption

void LiveRun::adopt(Site site) {
  site_ = std::move(site);
  if (!site_.tree) return end_without_tree();
  if (site_.place)
    if (const auto shown = directory().copy_mode_of(surroundings_.root); !shown)
      log::warning("{}", shown.error().message());
  auto children = directory().children();
  if (!children)
    log::warning("run {}: {}", id_, children.error().message());
  else
    for (const auto& name : *children) {
      if (const auto child = directory().open_child(name))
        return_strangers(surroundings_.mount, *child);
      if (is_worker_directory(name)) adopt_worker(name);
    }
  for (const auto& [key, worker] : workers_)
    worker->adopt();
  // Two of one name are there if the daemon died while a new one took an ended one's place.
  for (const auto& [key, worker] : workers_)
    if (is_listed(worker->phase())) list(*worker);
  switch (phase()) {
    case RunPhase::terminating:
      if (!record_.kill_at) record_.kill_at = monotonic_now();
      // The daemon may have died before it had sent the signals that the record promises.
      perform(RunActions(RunAction::signal_all, RunAction::arm_grace, RunAction::watch_emptiness));
      return owner_ ? watch_owner() : owner_died();
    case RunPhase::killing:
    case RunPhase::removing:
      record_.phase = RunPhase::killing;
      return perform(RunActions(RunAction::condemn_workers, RunAction::kill_tree));
    case RunPhase::ownerless:
      return;
    default:
      record_.phase = RunPhase::open;
      if (is_configured()) return perform(RunActions(RunAction::write_record));
      if (owner_) return watch_owner();
      return owner_died();
  }
}

// Removed together with the unit it was placed in, or the daemon died before it was made. What was
// in it is gone, for only an empty cgroup can be removed.
void LiveRun::end_without_tree() {
  log::notice("run {} has no cgroup {} any more: it is ended", id_, *record_.control_group);
  record_.phase = RunPhase::killing;
  perform(RunActions(RunAction::kill_tree));
}

void LiveRun::adopt_worker(const std::string& name) {
  const auto leaf = directory().open_child(name);
  if (!leaf) return;
  const auto text = leaf->record();
  auto record = text.ok() ? read_worker_record(*text) : Result<WorkerRecord>(text.error());
  if (!record) {
    // A reservation cut short between mkdir and record. Populated, it dies with its run.
    const auto populated = leaf->is_populated();
    if (text.error_is(ENODATA) && populated.ok() && !*populated)
      (void)surroundings_.loop.remove_directory(directory().shared_descriptor(), name, nullptr);
    else
      log::warning("cgroup {} has no record of a worker that can be read: it ends with its run",
                   leaf->path());
    return;
  }
  auto worker = std::make_unique<LiveWorker>(surroundings_, *this, name, std::move(*record));
  directories_.take_over(name);
  workers_.emplace(worker.get(), std::move(worker));
}

// ---- closing

Status LiveRun::set_grace(Microseconds grace) {
  if (record_.grace == grace) return Done{};
  record_.grace = grace;
  return write_record(phase());
}

Waiters<CleanupReport>::Token LiveRun::close(OwnerExitPolicy policy, Answer<CleanupReport> answer) {
  const auto token = closing_waiters_.add(std::move(answer));
  if (policy == OwnerExitPolicy::terminate) {
    const auto kill_at = monotonic_now() + record_.grace;
    if (!record_.kill_at) record_.kill_at = kill_at;
    apply(RunEvent::terminate);
  } else {
    apply(RunEvent::kill);
  }
  return token;
}

void LiveRun::condemn_workers() {
  for (const auto& [name, worker] : listed_) {
    const auto state = worker->state();
    if (worker->phase() == WorkerPhase::condemned) continue;
    ++(state == WorkerState::reserved ? report_.reservations_removed : report_.workers_removed);
  }
  for (const auto& [key, worker] : workers_)
    worker->condemn();
}

void LiveRun::empty_tree(bool kill) {
  if (kill) {
    // Counted before, for afterwards there is nothing to count.
    if (report_.processes_killed == 0)
      report_.processes_killed = static_cast<std::int64_t>(directory().processes_in_tree().size());
    for (const auto& [key, worker] : workers_)
      worker->kill_process();
  }
  if (!site_.tree) {
    soon_ = surroundings_.loop.after(Microseconds{0}, [this] { settle(); });
    return;
  }
  if (!emptying_)
    emptying_ = std::make_unique<Emptying>(surroundings_.loop, surroundings_.mount, directory(),
                                           [this](Emptying::News news) { emptying_told(news); });
  kill ? emptying_->kill() : emptying_->watch();
}

void LiveRun::emptying_told(Emptying::News news) {
  if (news == Emptying::News::empty) {
    emptying_.reset();
    return settle();
  }
  if (!std::exchange(stuck_, true))
    log::tell(log::Level::warning, log::topic::tree_stuck, {id_},
              "run {} cannot be emptied: a process in {} is stuck in the kernel; trying on", id_,
              directory().path());
  apply(RunEvent::still_populated);
}

void LiveRun::settle() {
  if (is_open() || emptying_) return;
  // A main process that somebody moved out of the run is waited for as well.
  if (std::any_of(workers_.begin(), workers_.end(), [](const auto& each) {
        const auto& worker = *each.second;
        return worker.process_is_alive() || worker.is_being_spawned() || worker.is_to_be_reaped();
      }))
    return;
  stuck_ = false;
  apply(RunEvent::emptied);
}

void LiveRun::remove_tree() {
  for (const auto& [key, worker] : workers_)
    worker->notice_end_of_run();
  clearing_ = std::make_unique<Clearing>(
      surroundings_.loop, surroundings_.root, run_directory(id_), site_, [this](int result) {
        clearing_.reset();
        if (result == -EBUSY || result == -ENOTEMPTY) {
          soon_ =
              surroundings_.loop.after(removal_retry, [this] { apply(RunEvent::removal_refused); });
          return;
        }
        if (result < 0)
          log::warning("cannot remove cgroup {}: {}; remove it by hand", site_.entry.path(),
                       errno_name(-result));
        apply(RunEvent::removed);
      });
}

void LiveRun::announce_closed() {
  report_.runs_removed = 1;
  const bool by_owner = !owner_ || !owner_.is_alive();
  if (by_owner) {
    surroundings_.totals.orphans_killed += report_.processes_killed;
    surroundings_.events.announce(EventKind::orphans_killed, id_, {}, report_);
    log::tell(log::Level::notice, log::topic::run_ended, {id_},
              "run {} is gone: {} processes killed, {} workers and {} reservations removed", id_,
              report_.processes_killed, report_.workers_removed, report_.reservations_removed);
  }
  surroundings_.events.announce(EventKind::run_closed, id_, {}, report_);
}

// ---- entering

void LiveRun::enter(process::Process process, Answer<reeve::Run> answer) {
  const auto key = ++last_entering_;
  auto& entering = *entering_.emplace(key, std::make_unique<Entering>()).first->second;
  entering.process = std::move(process);
  entering.answer = std::move(answer);
  const auto finish = [this, key](const api::Outcome<reeve::Run>& outcome) {
    const auto ended = std::move(entering_.extract(key).mapped());
    ended->answer(outcome);
  };
  entering.making = surroundings_.loop.make_directory(
      directory().shared_descriptor(), std::string(entered_directory),
      [this, &entering, finish](int result) {
        if (result < 0 && result != -EEXIST)
          return finish(api::system_failed(Error{-result, directory().path(), "make a cgroup in"}));
        auto target = directory().open_child(std::string(entered_directory));
        if (!target) return finish(api::system_failed(target.error()));
        entering.target = std::move(*target);
        entering.move = std::make_unique<Move>(
            surroundings_.loop, surroundings_.mount, entering.target, entering.process,
            Move::Where::into_registry, [this, &entering, finish](const Status& status) {
              if (is_closing()) {
                kill_again();
                return finish(api::failure(api::RunClosing{id_}));
              }
              if (status.ok()) return finish(described());
              finish(refusal_of_move(status.error(),
                                     process_id(recorded(entering.process.identity()))));
            });
      });
}

// ---- workers

void LiveRun::make(WorkerRecord record, Notes notes, std::optional<SpawnRequest> program,
                   Answer<reeve::Worker> answer) {
  auto worker =
      std::make_unique<LiveWorker>(surroundings_, *this, std::string(), std::move(record));
  auto& created = *worker;
  births_.try_emplace(created.name());
  workers_.emplace(&created, std::move(worker));
  if (program)
    created.create_and_spawn(std::move(notes), std::move(*program), std::move(answer));
  else
    created.create(std::move(notes), std::move(answer));
}

void LiveRun::after_birth_of(const std::string& name, std::function<void()> then) {
  const auto birth = births_.find(name);
  if (birth == births_.end()) return then();
  birth->second.push_back(std::move(then));
  surroundings_.loop.submit();
}

void LiveRun::end_birth_of(const std::string& name) {
  const auto ended = births_.extract(name);
  for (const auto& then : ended.mapped())
    then();
}

void LiveRun::list(LiveWorker& worker) {
  LiveWorker*& place = listed_[worker.name()];
  LiveWorker* const earlier = std::exchange(place, &worker);
  if (earlier == nullptr || earlier == &worker) return;
  if (holds_name(earlier->phase()) && !holds_name(worker.phase())) {
    place = earlier;
    (void)worker.collect();
    return;
  }
  (void)earlier->collect();
}

void LiveRun::unlist(const LiveWorker& worker) {
  const auto found = listed_.find(worker.name());
  if (found == listed_.end() || found->second != &worker) return;
  listed_.erase(found);
  if (surroundings_.unlisted) surroundings_.unlisted(id_, worker.name());
}

void LiveRun::forget(const LiveWorker& worker) {
  unlist(worker);
  directories_.release(worker.directory());
  // It is calling: it goes when it has returned.
  departed_.push_back(&worker);
  farewell_ = surroundings_.loop.after(Microseconds{0}, [this] {
    for (const auto* departed : std::exchange(departed_, {})) {
      const auto gone = workers_.extract(departed);
    }
  });
}

}  // namespace reeve::registry
