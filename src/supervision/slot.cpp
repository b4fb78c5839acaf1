#include "supervision/slot.hpp"

#include <fmt/core.h>

#include "base/log.hpp"
#include "base/quantities.hpp"
#include "registry/live_run.hpp"
#include "supervision/pool.hpp"

namespace reeve::supervision {

namespace {

// A zombie that nobody reaps does not tell how it ended: it is not waited for longer.
constexpr Microseconds reaping_patience{1'000'000};

std::string told(const Exit& exit) {
  switch (exit.cause) {
    case ExitCause::exited:
      return fmt::format("it exited with status {}", exit.code.value_or(0));
    case ExitCause::oom_killed:
      return "it was killed, as memory was out";
    case ExitCause::dumped:
      return fmt::format("it was killed by {} and dumped core", exit.signal.value_or("a signal"));
    case ExitCause::signaled:
      return fmt::format("it was killed by {}", exit.signal.value_or("a signal"));
    case ExitCause::unknown:
      break;
  }
  return "it ended, and nobody knows how";
}

SlotState state_of(SlotPhase phase) {
  switch (phase) {
    case SlotPhase::empty:
      return SlotState::empty;
    case SlotPhase::starting:
      return SlotState::starting;
    case SlotPhase::ready:
      return SlotState::ready;
    case SlotPhase::failing:
    case SlotPhase::leaving:
      return SlotState::stopping;
    case SlotPhase::over:
    case SlotPhase::waiting:
      return SlotState::waiting;
    case SlotPhase::held:
      return SlotState::held;
    case SlotPhase::done:
      return SlotState::finished;
    case SlotPhase::replacing:
      return SlotState::replacing;
  }
  return SlotState::empty;
}

bool is_success(const std::optional<Exit>& exit) {
  return exit && exit->cause == ExitCause::exited && exit->code == 0;
}

}  // namespace

Slot::Slot(Pool& pool, std::int64_t number)
    : pool_(pool),
      number_(number),
      schedule_(pool.configuration().backoff, pool.configuration().start_limit) {}

auto Slot::of_this_worker(Step step) {
  return while_alive(shared_from_this(),
                     [step, incarnation = incarnation_](Slot& slot, const auto&...) {
                       if (slot.incarnation_ == incarnation) (slot.*step)();
                     });
}

std::string Slot::worker_name() const {
  return supervision::worker_name(pool_.name(), number_);
}

registry::LiveWorker* Slot::worker() const {
  const auto* run = pool_.context().run();
  return run == nullptr ? nullptr : run->find(worker_name());
}

reeve::Slot Slot::described() const {
  reeve::Slot slot;
  slot.worker = worker_name();
  slot.slot = number_;
  slot.state =
      said_stopping_ && phase_ == SlotPhase::ready ? SlotState::stopping : state_of(phase_);
  slot.generation = generation_;
  slot.restarts = restarts_;
  if (!reason_.empty()) slot.reason = reason_;
  if (phase_ == SlotPhase::waiting) slot.next_start = due_at_;
  const auto* present = worker();
  if (present != nullptr && !is_spawning_) slot.status_text = present->record().status_text;
  if (present != nullptr && has_worker(phase_) && !is_spawning_) {
    const auto worker = present->described();
    slot.process = worker.process;
    slot.started_at = worker.activated_at;
  }
  return slot;
}

void Slot::follow_configuration() {
  const auto& pool = pool_.configuration();
  schedule_ = RestartSchedule(pool.backoff, pool.start_limit, schedule_.history());
}

// ---- what the lifecycle asks for

void Slot::apply(SlotEvent event) {
  const auto before = phase_;
  const auto [phase, actions] = step(before, event);
  phase_ = phase;
  if (event == SlotEvent::due && phase == SlotPhase::starting) ++restarts_;
  // Before it is acted upon: whoever comes after this reeved has to know why the worker ends.
  const bool is_about_to_end =
      phase != before &&
      (phase == SlotPhase::failing || phase == SlotPhase::leaving || phase == SlotPhase::replacing);
  if (is_about_to_end) write_note();
  perform(actions);
  if (!has_worker(phase_) && phase_ != SlotPhase::over && phase_ != SlotPhase::waiting)
    if (auto* run = pool_.context().run()) run->drop_prepared(worker_name());
  if (phase_ == SlotPhase::empty && before != SlotPhase::empty)
    if (auto* last = worker(); last != nullptr && last->state() == WorkerState::exited)
      (void)last->collect();
  pool_.slot_changed();
}

void Slot::perform(SlotActions actions) {
  using enum SlotAction;
  const auto& configuration = pool_.configuration();
  if (actions.has(disarm_timers)) {
    deadline_.disarm();
    lifetime_.disarm();
    patience_.disarm();
  }
  if (actions.has(announce_ready)) {
    reason_.clear();
    if (configuration.readiness == config::Readiness::notify) write_note();
    if (const auto* ready = worker(); ready != nullptr)
      pool_.context().registry.events().announce(EventKind::ready, pool_.context().run_id,
                                                 ready->described());
  }
  if (actions.has(announce_held))
    log::tell(log::Level::error, log::topic::slot_held, {pool_.context().run_id, worker_name()},
              "worker {} is held: {} starts in {}, {}; reevectl restart {} starts it again",
              worker_name(), configuration.start_limit.burst,
              format_duration(configuration.start_limit.interval), reason_, pool_.name());
  if (actions.has(stop_worker)) end_worker(configuration.stop_timeout);
  if (actions.has(kill_worker)) end_worker(Microseconds{0});
  if (actions.has(spawn_worker)) start();
  if (actions.has(arm_start_timeout)) this->arm_start_timeout();
  if (actions.has(arm_watchdog)) feed_watchdog();
  if (actions.has(arm_lifetime)) this->arm_lifetime();
  if (actions.has(arm_backoff))
    deadline_ = pool_.context().loop.at(due_at_, [this] { apply(SlotEvent::due); });
  if (actions.has(decide)) this->decide();
}

void Slot::replace() {
  schedule_.forgive();
  apply(SlotEvent::replace);
}

// ---- starting

void Slot::start() {
  auto& context = pool_.context();
  ++incarnation_;
  generation_ = pool_.generation();
  is_due_ = false;
  was_asked_to_end_ = false;
  said_ready_ = said_stopping_ = false;
  watchdog_interval_.reset();
  is_spawning_ = true;
  schedule_.note_start(monotonic_now());
  auto* run = context.run();
  if (run == nullptr) return;  // it is ending, and this slot with it
  auto request = spawn_request(pool_.configuration(), context.host, context.run_id, number_);
  if (!request) return fail(request.error().message());
  auto reserved = reservation(pool_.configuration(), context.host, number_);
  reserved.notes[slot_note] = written(note());
  context.registry.spawn(*run, std::move(reserved), std::move(*request),
                         while_alive(shared_from_this(),
                                     [incarnation = incarnation_](Slot& slot, const auto& outcome) {
                                       if (slot.incarnation_ == incarnation) slot.spawned(outcome);
                                     }));
}

void Slot::spawned(const api::Outcome<reeve::Worker>& outcome) {
  if (!outcome.ok()) return fail(outcome.error().message());
  auto* started = worker();
  if (started == nullptr) return;  // its run is ending
  is_spawning_ = false;
  attend(*started);
  if (phase_ == SlotPhase::starting) {
    if (pool_.configuration().readiness == config::Readiness::exec || said_ready_)
      apply(SlotEvent::became_ready);
    return;
  }
  // Decided upon while it was being started.
  write_note();
  end_worker(phase_ == SlotPhase::failing ? Microseconds{0} : pool_.configuration().stop_timeout);
}

// Not from inside the caller, who is in the middle of a step.
void Slot::fail(std::string reason) {
  is_spawning_ = false;
  reason_ = std::move(reason);
  exit_.reset();
  ended_at_ = monotonic_now();
  pool_.context().loop.defer(of_this_worker(&Slot::be_over));
}

void Slot::arm_start_timeout() {
  const auto* present = worker();
  const auto since = !is_spawning_ && present != nullptr && present->record().activated_at
                         ? present->record().activated_at->monotonic
                         : monotonic_now();
  start_until_ = since + pool_.configuration().start_timeout;
  deadline_ =
      pool_.context().loop.at(start_until_, [this] { be_late("it was not ready in time"); });
}

void Slot::arm_lifetime() {
  const auto& configuration = pool_.configuration();
  const auto* present = worker();
  if (!configuration.max_lifetime || present == nullptr || !present->record().activated_at) return;
  const double part = 1 - configuration.recycle_jitter * Context::chance();
  const auto lifetime = Microseconds(
      static_cast<std::int64_t>(static_cast<double>(configuration.max_lifetime->count()) * part));
  lifetime_ = pool_.context().loop.at(present->record().activated_at->monotonic + lifetime, [this] {
    is_due_ = true;
    pool_.slot_changed();
  });
}

void Slot::feed_watchdog() {
  const auto configured = pool_.configuration().watchdog;
  const auto interval = watchdog_interval_ ? watchdog_interval_ : configured;
  // Who has no watchdog does not get one by asking for another interval.
  if (!configured || phase_ != SlotPhase::ready || said_stopping_) return;
  deadline_ =
      pool_.context().loop.after(*interval, [this] { be_late("it did not feed its watchdog"); });
}

void Slot::be_late(const char* reason) {
  reason_ = reason;
  log::warning("worker {}: {}: killed", worker_name(), reason);
  apply(SlotEvent::was_late);
}

// ---- what its worker says

void Slot::hear(const Notification& said) {
  auto* present = worker();
  if (present == nullptr) return;
  if (said.main_process) take_main_process(*said.main_process);
  if (said.status) present->take_status_text(*said.status);
  if (said.watchdog_interval) watchdog_interval_ = said.watchdog_interval;
  if (said.is_ready) {
    said_ready_ = true;
    // Its program may have been executed, and said so, before reeved knows of that.
    if (phase_ == SlotPhase::starting && !is_spawning_) apply(SlotEvent::became_ready);
  }
  if (said.watchdog == Notification::Watchdog::triggered && phase_ == SlotPhase::ready)
    return be_late("it says that it hangs");
  if (said.watchdog == Notification::Watchdog::fed || said.watchdog_interval) feed_watchdog();
  if (said.is_stopping && phase_ == SlotPhase::ready && !std::exchange(said_stopping_, true)) {
    lifetime_.disarm();
    deadline_ = pool_.context().loop.after(pool_.configuration().stop_timeout, [this] {
      be_late("it said that it stops, and did not");
    });
  }
  if (said.more_time) extend(*said.more_time);
  pool_.slot_changed();
}

void Slot::extend(Microseconds more) {
  const auto until = monotonic_now() + more;
  if (phase_ == SlotPhase::starting && until > start_until_) {
    start_until_ = until;
    deadline_ = pool_.context().loop.at(until, [this] { be_late("it was not ready in time"); });
  }
  if (phase_ == SlotPhase::leaving || phase_ == SlotPhase::replacing)
    if (auto* present = worker()) present->extend_grace(until);
}

void Slot::take_main_process(pid_t pid) {
  auto process = process::Process::open(pid);
  const auto taken =
      process.ok() ? worker()->take_main_process(std::move(*process)) : Status(process.error());
  if (!taken)
    log::warning("worker {} names another main process: {}", worker_name(),
                 taken.error().message());
}

// ---- ending

// One that is being started is ended as soon as that can be done: see spawned().
void Slot::end_worker(Microseconds grace) {
  if (is_spawning_) return;
  auto* present = worker();
  if (present == nullptr || present->state() == WorkerState::exited) return;
  present->stop(grace, [](const api::Outcome<reeve::Worker>&) {});
}

void Slot::attend(registry::LiveWorker& worker) {
  // While it is reaped and what it has used is written down, the next one's cgroup can be made.
  worker.before_end(of_this_worker(&Slot::prepare));
  worker.wait(of_this_worker(&Slot::worker_ended));
}

// What it had forked has to be gone, too: it may hold what the next one needs.
void Slot::worker_ended() {
  auto* dead = worker();
  if (dead == nullptr) return;  // with its run
  const auto& record = dead->record();
  if (phase_ == SlotPhase::starting || phase_ == SlotPhase::ready)
    was_asked_to_end_ = record.kill_at.has_value();
  if (record.phase == registry::WorkerPhase::emptying && dead->is_populated()) {
    dead->await_emptiness(of_this_worker(&Slot::worker_ended));
    return;
  }
  const auto exit = dead->described().exit;
  if (exit) ended_at_ = exit->at.monotonic;
  const bool depends = pool_.configuration().restart == config::Restart::on_failure;
  if (depends && exit && !exit->reaped) {
    dead->await_reaping(of_this_worker(&Slot::conclude));
    patience_ = pool_.context().loop.after(reaping_patience, [this] { conclude(); });
    return;
  }
  conclude();
}

void Slot::prepare() {
  const bool is_refilled =
      phase_ == SlotPhase::replacing ||
      (phase_ == SlotPhase::ready && pool_.configuration().restart != config::Restart::no);
  if (auto* run = pool_.context().run(); run != nullptr && is_refilled)
    run->prepare_directory(worker_name());
}

void Slot::conclude() {
  const auto* dead = worker();
  exit_ = dead == nullptr ? std::nullopt : dead->described().exit;
  // One that was late was killed for it.
  if (phase_ != SlotPhase::failing) reason_ = told(exit_.value_or(Exit{}));
  be_over();
}

void Slot::be_over() {
  patience_.disarm();
  ++incarnation_;  // whatever else was awaited of this worker
  apply(SlotEvent::ended);
}

void Slot::decide() {
  const auto restart = pool_.configuration().restart;
  if (was_asked_to_end_ || restart == config::Restart::no ||
      (restart == config::Restart::on_failure && is_success(exit_)))
    return apply(SlotEvent::finish);
  const auto next = schedule_.next_start(ended_at_, Context::chance());
  if (!next) return apply(SlotEvent::hold);
  due_at_ = *next;
  apply(SlotEvent::retry);
  if (due_at_ <= monotonic_now()) apply(SlotEvent::due);
}

// ---- taking over

void Slot::write_note() const {
  const auto* present = worker();
  if (is_spawning_ || present == nullptr) return;
  if (const auto noted = present->write_note(slot_note, written(note())); !noted)
    log::warning("worker {}: {}", worker_name(), noted.error().message());
}

SlotNote Slot::note() const {
  return {generation_, phase_, schedule_.history(), restarts_};
}

void Slot::adopt(registry::LiveWorker& worker) {
  using Phase = registry::WorkerPhase;
  // Nothing was born inside of it: the slot is empty.
  if (worker.phase() == Phase::reserved) return worker.withdraw();
  SlotNote note;
  if (const auto notes = worker.notes(); notes.ok())
    if (const auto text = notes->find(slot_note); text != notes->end())
      if (auto read = read_slot_note(text->second)) note = std::move(*read);
  const auto& configuration = pool_.configuration();
  ++incarnation_;
  generation_ = note.generation;
  restarts_ = note.restarts;
  schedule_ =
      RestartSchedule(configuration.backoff, configuration.start_limit, std::move(note.history));
  phase_ = note.phase;
  // By then its program had been executed, and nobody wrote that down.
  if (phase_ == SlotPhase::starting && configuration.readiness == config::Readiness::exec)
    phase_ = SlotPhase::ready;
  if (worker.state() == WorkerState::exited) {
    pool_.context().loop.defer(of_this_worker(&Slot::worker_ended));
    return;
  }
  attend(worker);
  switch (phase_) {
    case SlotPhase::starting:
      return perform(SlotActions(SlotAction::arm_start_timeout));
    case SlotPhase::ready:
      return perform(SlotActions(SlotAction::arm_watchdog, SlotAction::arm_lifetime));
    case SlotPhase::failing:
      return perform(SlotActions(SlotAction::kill_worker));
    default:
      return perform(SlotActions(SlotAction::stop_worker));
  }
}

}  // namespace reeve::supervision
