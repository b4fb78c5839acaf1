// A place for one worker of a pool: executes what its lifecycle asks for. See slot_lifecycle.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "loop/loop.hpp"
#include "reeve/pools.hpp"
#include "registry/live_worker.hpp"
#include "supervision/context.hpp"
#include "supervision/convergence.hpp"
#include "supervision/memory_watch.hpp"
#include "supervision/notes.hpp"
#include "supervision/notification.hpp"
#include "supervision/restart_schedule.hpp"
#include "supervision/slot_lifecycle.hpp"

namespace reeve::supervision {

class Pool;

class Slot : public std::enable_shared_from_this<Slot> {
 public:
  // `pool` outlives it.
  Slot(Pool& pool, std::int64_t number);

  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] SlotPhase phase() const { return phase_; }
  [[nodiscard]] SlotStand stand() const { return {phase_, generation_, is_due_, has_failed_}; }
  [[nodiscard]] std::string worker_name() const;
  // The worker that it was filled with last, if it is known still; dead or alive.
  [[nodiscard]] registry::LiveWorker* worker() const;
  // That it is not filled again, as its worker failed.
  [[nodiscard]] bool is_given_up() const {
    return phase_ == SlotPhase::held || (phase_ == SlotPhase::done && has_failed_);
  }
  // Why it is not what it should be; empty if there is nothing to say.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] std::int64_t restarts() const { return restarts_; }
  [[nodiscard]] reeve::Slot described() const;
  // Those that were in it before and are known still, the first one first.
  [[nodiscard]] const std::vector<EndedWorker>& exits() const { return exits_; }

  // Before anything else: it was filled by an earlier reeved.
  void adopt(registry::LiveWorker& worker);
  // Of one that no slot is filled with any more: what was written down of those before it.
  void inherit(const registry::LiveWorker& worker);
  void apply(SlotEvent event);
  // Somebody looks after it: what it did before is forgotten.
  void replace();
  // Its worker was due.
  void recycle();
  void follow_configuration();
  // From a process of its worker.
  void hear(const Notification& said);

 private:
  using Step = void (Slot::*)();

  void perform(SlotActions actions);
  void start();
  void spawned(const api::Outcome<reeve::Worker>& outcome);
  void fail(std::string reason);
  void attend(registry::LiveWorker& worker);
  [[nodiscard]] bool is_to_be_refilled() const;
  void worker_died();
  [[nodiscard]] bool is_followed_at_once(const registry::LiveWorker& dead);
  void worker_ended();
  void conclude();
  void be_over();
  void decide();
  void end_worker(Microseconds grace);
  [[nodiscard]] Microseconds running_since() const;
  void arm_start_timeout();
  [[nodiscard]] bool is_ready_at_once() const;
  void await_readiness();
  void arm_recycling();
  void be_due(const char* reason);
  void feed_watchdog();
  void extend(Microseconds more);
  void take_main_process(pid_t pid);
  void be_late(const char* reason);
  SlotNote read_notes(const registry::LiveWorker& worker);
  void take_leave_of(const reeve::Worker& ended);
  void remember(const reeve::Worker& ended);
  void tell_end(const Worker& ended) const;
  void tell(log::Level level, const log::Topic& topic, const std::string& message) const;
  void write_note() const;
  void write_exits() const;
  [[nodiscard]] SlotNote note() const;
  // For callbacks about the present worker, and no other.
  [[nodiscard]] auto of_this_worker(Step step) {
    return while_alive(shared_from_this(),
                       [step, incarnation = incarnation_](Slot& slot, const auto&...) {
                         if (slot.incarnation_ == incarnation) (slot.*step)();
                       });
  }

  Pool& pool_;
  std::int64_t number_;
  SlotPhase phase_ = SlotPhase::empty;
  std::int64_t generation_ = 0;
  bool is_due_ = false;
  RestartSchedule schedule_;
  std::int64_t restarts_ = 0;
  std::uint64_t incarnation_ = 0;
  bool is_spawning_ = false;
  bool was_asked_to_end_ = false;  // by somebody else than this slot
  bool was_ready_ = false;
  bool has_failed_ = false;  // its last worker: it is tried again, or nobody will
  // What its worker has said of itself.
  bool said_ready_ = false;
  bool said_stopping_ = false;
  std::optional<Microseconds> watchdog_interval_;
  Microseconds ended_at_{};
  Microseconds due_at_{};
  std::optional<Exit> exit_;  // of the last worker
  std::vector<EndedWorker> exits_;
  std::string why_ended_;  // by this slot; empty if it was not
  std::string reason_;
  loop::Timer deadline_;  // of its start, of its watchdog, or of its waiting
  Microseconds start_until_{};
  loop::Timer lifetime_;
  std::unique_ptr<MemoryWatch> memory_;
  std::string why_due_;
  loop::Timer patience_;
};

}  // namespace reeve::supervision
