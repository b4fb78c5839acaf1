// How a slot's worker ends, and what becomes of the slot then; and how it is taken over.
#include <fmt/core.h>

#include "base/log.hpp"
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

bool is_success(const std::optional<Exit>& exit) {
  return exit && exit->cause == ExitCause::exited && exit->code == 0;
}

}  // namespace

// ---- ending

// One that is being started is ended as soon as that can be done: see spawned().
void Slot::end_worker(Microseconds grace) {
  if (is_spawning_) return;
  auto* present = worker();
  if (present == nullptr || present->state() == WorkerState::exited) return;
  present->stop(grace, [](const api::Outcome<reeve::Worker>&) {});
}

void Slot::attend(registry::LiveWorker& worker) {
  if (auto* run = pool_.context().run(); run != nullptr && is_to_be_refilled())
    run->prepare_directory(worker_name());
  worker.when_dead(of_this_worker(&Slot::worker_died));
  worker.wait(while_alive(shared_from_this(),
                          [incarnation = incarnation_](Slot& slot, const auto& outcome) {
                            if (outcome.ok()) slot.take_leave_of(*outcome);
                            if (slot.incarnation_ == incarnation) slot.worker_ended();
                          }));
}

void Slot::tell(log::Level level, const log::Topic& topic, const std::string& message) const {
  log::tell(level, topic, {pool_.context().run_id, worker_name(), pool_.name()}, "worker {}: {}",
            worker_name(), message);
}

bool Slot::is_to_be_refilled() const {
  switch (phase_) {
    case SlotPhase::starting:
    case SlotPhase::ready:
    case SlotPhase::failing:
    case SlotPhase::over:
    case SlotPhase::waiting:
      return pool_.configuration().restart != config::Restart::no;
    case SlotPhase::replacing:
      return true;
    default:
      return false;
  }
}

// Who takes its place at once is ordered first: to write down all about the dead takes longer.
void Slot::worker_died() {
  const auto* dead = worker();
  if (dead == nullptr || !is_followed_at_once(*dead) || dead->is_populated()) return;
  ended_at_ = monotonic_now();
  be_over();
}

bool Slot::is_followed_at_once(const registry::LiveWorker& dead) {
  if (phase_ == SlotPhase::replacing) return true;
  if (!is_to_be_refilled() || !schedule_.is_immediate(monotonic_now())) return false;
  was_asked_to_end_ = phase_ != SlotPhase::failing && dead.record().kill_at.has_value();
  if (was_asked_to_end_) return false;
  if (pool_.configuration().restart == config::Restart::always) return true;
  exit_ = dead.exit();
  return exit_ && exit_->reaped && !is_success(exit_);
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
  const auto exit = dead->exit();
  if (exit) ended_at_ = exit->at.monotonic;
  const bool depends = pool_.configuration().restart == config::Restart::on_failure;
  if (depends && exit && !exit->reaped) {
    dead->await_reaping(of_this_worker(&Slot::conclude));
    patience_ = pool_.context().loop.after(reaping_patience, [this] { conclude(); });
    return;
  }
  conclude();
}

void Slot::conclude() {
  const auto* dead = worker();
  exit_ = dead == nullptr ? std::nullopt : dead->exit();
  // One that was late was killed for it.
  if (phase_ != SlotPhase::failing) reason_ = told(exit_.value_or(Exit{}));
  be_over();
}

void Slot::tell_end(const Worker& ended) const {
  auto message = told(*ended.exit);
  if (ended.process) message = fmt::format("process {} has ended: {}", ended.process->pid, message);
  if (!why_ended_.empty()) message += ", as " + why_ended_;
  tell(is_success(ended.exit) ? log::Level::info : log::Level::notice, log::topic::worker_ended,
       message);
}

void Slot::take_leave_of(const reeve::Worker& ended) {
  if (ended.exit) tell_end(ended);
  remember(ended);
}

void Slot::remember(const reeve::Worker& ended) {
  if (!ended.exit) return;
  if (exits_.size() == kept_exits) exits_.erase(exits_.begin());
  exits_.push_back({ended.worker, ended.process, ended.activated_at, *ended.exit,
                    why_ended_.empty() ? std::nullopt : std::optional(why_ended_), ended.usage,
                    ended.status_text});
  if (is_spawning_ && why_ended_.empty()) reason_ = told(*ended.exit);
  why_ended_.clear();
}

void Slot::be_over() {
  patience_.disarm();
  ++incarnation_;  // whatever else was awaited of this worker
  apply(SlotEvent::ended);
}

void Slot::decide() {
  const auto restart = pool_.configuration().restart;
  if (was_asked_to_end_ || restart == config::Restart::no ||
      (restart == config::Restart::on_failure && is_success(exit_))) {
    has_failed_ = !was_asked_to_end_ && (!is_success(exit_) || !was_ready_);
    return apply(SlotEvent::finish);
  }
  has_failed_ = !was_ready_;
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

void Slot::write_exits() const {
  if (const auto noted = worker()->write_note(exits_note, written(ExitsNote{exits_})); !noted)
    log::warning("worker {}: {}", worker_name(), noted.error().message());
}

SlotNote Slot::note() const {
  return {generation_, phase_, schedule_.history(), restarts_};
}

SlotNote Slot::read_notes(const registry::LiveWorker& worker) {
  auto notes = worker.notes();
  const auto text = [&](const char* name) { return notes.ok() ? (*notes)[name] : std::string(); };
  if (auto read = read_exits_note(text(exits_note))) exits_ = std::move(read->exits);
  const auto& configuration = pool_.configuration();
  const auto read = read_slot_note(text(slot_note));
  const auto note = read.ok() ? *read : SlotNote{};
  restarts_ = note.restarts;
  schedule_ = RestartSchedule(configuration.backoff, configuration.start_limit, note.history);
  return note;
}

// It is one that was being started, or was about to go to make place for that one.
void Slot::inherit(const registry::LiveWorker& worker) {
  if (phase_ != SlotPhase::empty) return;
  const auto restarts = restarts_;
  const auto schedule = schedule_;
  const auto exits = exits_;
  const auto note = read_notes(worker);
  if (note.restarts < restarts) {
    restarts_ = restarts;
    schedule_ = schedule;
  }
  if (exits_.size() < exits.size()) exits_ = exits;
  remember(worker.described());
}

void Slot::adopt(registry::LiveWorker& worker) {
  using Phase = registry::WorkerPhase;
  // Nothing was born inside of it: the slot is empty.
  if (worker.phase() == Phase::reserved) return worker.withdraw();
  const auto note = read_notes(worker);
  ++incarnation_;
  generation_ = note.generation;
  phase_ = note.phase;
  was_ready_ = phase_ == SlotPhase::ready;
  if (worker.state() == WorkerState::exited) {
    // Whoever found it dead has told so.
    if (worker.phase() == Phase::emptying)
      take_leave_of(worker.described());
    else
      remember(worker.described());
    pool_.context().loop.defer(of_this_worker(&Slot::worker_ended));
    return;
  }
  attend(worker);
  switch (phase_) {
    case SlotPhase::starting:
      perform(SlotActions(SlotAction::arm_start_timeout));
      return await_readiness();
    case SlotPhase::ready:
      return perform(SlotActions(SlotAction::arm_watchdog, SlotAction::arm_recycling));
    case SlotPhase::failing:
      return perform(SlotActions(SlotAction::kill_worker));
    default:
      return perform(SlotActions(SlotAction::stop_worker));
  }
}

}  // namespace reeve::supervision
