#include "supervision/slot.hpp"

#include <fmt/core.h>

#include "base/log.hpp"
#include "base/quantities.hpp"
#include "registry/live_run.hpp"
#include "registry/names.hpp"
#include "supervision/pool.hpp"

namespace reeve::supervision {

namespace {

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

}  // namespace

Slot::Slot(Pool& pool, std::int64_t number)
    : pool_(pool),
      number_(number),
      schedule_(pool.configuration().backoff, pool.configuration().start_limit) {}

std::string Slot::worker_name() const {
  return registry::worker_name(pool_.name(), number_);
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
  if (phase_ == SlotPhase::starting && !is_spawning_) await_readiness();
  if (phase_ == SlotPhase::ready && !is_due_) arm_recycling();
}

// ---- what the lifecycle asks for

void Slot::apply(SlotEvent event) {
  const auto before = phase_;
  const auto [phase, actions] = step(before, event);
  phase_ = phase;
  if (phase == SlotPhase::starting && before != phase) {
    if (event == SlotEvent::due) ++restarts_;
    // The next one is no other attempt at the same: somebody wants it, or what failed was mended.
    if (event != SlotEvent::due || generation_ != pool_.generation()) has_failed_ = false;
  }
  // Before it is acted upon: whoever comes after this reeved has to know why the worker ends.
  const bool is_about_to_end =
      phase != before &&
      (phase == SlotPhase::failing || phase == SlotPhase::leaving || phase == SlotPhase::replacing);
  if (is_about_to_end) write_note();
  perform(actions);
  if (!is_to_be_refilled())
    if (auto* run = pool_.context().run()) run->worker_directories().drop_prepared(worker_name());
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
    if (memory_ && has_worker(phase_) && phase_ != SlotPhase::starting) memory_->lift();
    memory_.reset();
  }
  if (actions.has(announce_ready)) {
    reason_.clear();
    was_ready_ = true;
    has_failed_ = false;
    if (!is_ready_at_once()) write_note();
    if (const auto* ready = worker(); ready != nullptr)
      pool_.context().registry.events().announce(EventKind::ready, pool_.context().run_id,
                                                 ready->described());
  }
  if (actions.has(announce_held))
    log::tell(log::Level::error, log::topic::slot_held,
              {pool_.context().run_id, worker_name(), pool_.name()},
              "worker {} is held: {} starts in {}, {}; reevectl restart {} starts it again",
              worker_name(), configuration.start_limit.burst,
              format_duration(configuration.start_limit.interval), reason_, pool_.name());
  if (actions.has(stop_worker)) end_worker(configuration.stop_timeout);
  if (actions.has(kill_worker)) end_worker(Microseconds{0});
  if (actions.has(spawn_worker)) start();
  if (actions.has(arm_start_timeout)) this->arm_start_timeout();
  if (actions.has(arm_watchdog)) feed_watchdog();
  if (actions.has(arm_recycling)) this->arm_recycling();
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
  was_asked_to_end_ = was_ready_ = false;
  said_ready_ = said_stopping_ = false;
  watchdog_interval_.reset();
  is_spawning_ = true;
  schedule_.note_start(monotonic_now());
  auto* run = context.run();
  if (run == nullptr) return;  // it is ending, and this slot with it
  auto request = spawn_request(pool_.configuration(), context.host, context.run_id, number_);
  if (!request) return fail(request.error().message());
  auto reserved = reservation(pool_.configuration(), context.host, number_);
  auto noted = note();
  if (is_ready_at_once()) noted.phase = SlotPhase::ready;  // once it is more than a reservation
  reserved.notes[slot_note] = written(noted);
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
  if (!exits_.empty()) write_exits();
  attend(*started);
  if (phase_ == SlotPhase::starting) return await_readiness();
  // Decided upon while it was being started.
  write_note();
  end_worker(phase_ == SlotPhase::failing ? Microseconds{0} : pool_.configuration().stop_timeout);
}

// Not from inside the caller, who is in the middle of a step.
void Slot::fail(std::string reason) {
  tell(log::Level::warning, log::topic::worker_not_started, "could not be started: " + reason);
  is_spawning_ = false;
  why_ended_.clear();
  reason_ = std::move(reason);
  exit_.reset();
  ended_at_ = monotonic_now();
  pool_.context().loop.defer(of_this_worker(&Slot::be_over));
}

// From now on for one that is on its way.
Microseconds Slot::running_since() const {
  const auto* present = worker();
  return !is_spawning_ && present != nullptr && present->record().activated_at
             ? present->record().activated_at->monotonic
             : monotonic_now();
}

void Slot::arm_start_timeout() {
  start_until_ = running_since() + pool_.configuration().start_timeout;
  deadline_ =
      pool_.context().loop.at(start_until_, [this] { be_late("it was not ready in time"); });
}

// As soon as its program runs.
bool Slot::is_ready_at_once() const {
  const auto& configuration = pool_.configuration();
  return configuration.readiness == config::Readiness::exec &&
         configuration.ready_after == Microseconds{};
}

void Slot::await_readiness() {
  if (is_ready_at_once() || said_ready_) return apply(SlotEvent::became_ready);
  const auto& configuration = pool_.configuration();
  const auto* present = worker();
  if (configuration.readiness == config::Readiness::notify) return;
  // What it left may still be being killed.
  if (present == nullptr || !present->process_is_alive()) return;
  const auto ready_at = running_since() + configuration.ready_after;
  if (ready_at <= monotonic_now()) return apply(SlotEvent::became_ready);
  deadline_ = pool_.context().loop.at(ready_at, [this] { await_readiness(); });
}

void Slot::arm_recycling() {
  lifetime_.disarm();
  if (memory_) std::exchange(memory_, nullptr)->lift();
  const auto& configuration = pool_.configuration();
  const auto& context = pool_.context();
  const auto* present = worker();
  if (present == nullptr || !present->record().activated_at) return;
  if (const auto& longest = configuration.max_lifetime) {
    const double part = 1 - configuration.recycle_jitter * Context::chance();
    const auto lifetime =
        Microseconds(static_cast<std::int64_t>(static_cast<double>(longest->count()) * part));
    lifetime_ = context.loop.at(present->record().activated_at->monotonic + lifetime,
                                [this] { be_due("it had run for max-lifetime"); });
  }
  if (!configuration.max_memory_bytes || !context.host.has_memory_controller) return;
  if (auto directory = present->open_directory())
    memory_ = std::make_unique<MemoryWatch>(
        context.loop, std::move(*directory), *configuration.max_memory_bytes,
        configuration.limits.memory_high_bytes, [this] { be_due("it used max-memory"); });
}

// Replaced in its turn: not all workers of the pool at once.
void Slot::be_due(const char* reason) {
  is_due_ = true;
  why_due_ = reason;
  pool_.slot_changed();
}

void Slot::recycle() {
  why_ended_ = why_due_;
  apply(SlotEvent::replace);
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
  reason_ = why_ended_ = reason;
  tell(log::Level::warning, log::topic::worker_late, fmt::format("{}: killed", reason));
  apply(SlotEvent::was_late);
}

// ---- what its worker says

void Slot::hear(const Notification& said) {
  auto* present = worker();
  if (present == nullptr) return;
  if (said.main_process) take_main_process(*said.main_process);
  if (said.status) present->take_status_text(*said.status);
  if (said.watchdog_interval) watchdog_interval_ = said.watchdog_interval;
  if (said.is_ready && pool_.configuration().readiness == config::Readiness::notify) {
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
  const bool is_awaited = pool_.configuration().readiness == config::Readiness::notify;
  if (phase_ == SlotPhase::starting && is_awaited && until > start_until_) {
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

}  // namespace reeve::supervision
