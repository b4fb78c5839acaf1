#include "registry/worker_lifecycle.hpp"

namespace reeve::registry {

namespace {

using Phase = WorkerPhase;
using Event = WorkerEvent;
using enum WorkerAction;
using Actions = WorkerActions;

WorkerStep reserved(Event event) {
  switch (event) {
    case Event::activate:
      return {Phase::activating, Actions(disarm_timer, write_record)};
    case Event::expired:
      return {Phase::abandoned, Actions(write_record, announce_expired, unlist, kill_tree)};
    case Event::unregister:
    case Event::stop:
      return {Phase::abandoned,
              Actions(disarm_timer, write_record, announce_unregistered, unlist, kill_tree)};
    default:
      return {Phase::reserved, {}};
  }
}

WorkerStep activating(Event event) {
  switch (event) {
    case Event::activated:
      return {Phase::active, Actions(write_record, watch_process, announce_activated)};
    case Event::activation_failed:
      return {Phase::reserved, Actions(write_record, arm_expiry)};
    default:
      return {Phase::activating, {}};
  }
}

// A program on a file system that hangs is not waited for without end.
WorkerStep spawning(Event event) {
  switch (event) {
    case Event::spawned:
      return {Phase::active,
              Actions(disarm_timer, write_record, watch_process, announce_activated)};
    case Event::spawn_failed:
      return {Phase::abandoned,
              Actions(disarm_timer, write_record, announce_unregistered, unlist, kill_tree)};
    case Event::expired:
      return {Phase::abandoned, Actions(write_record, announce_expired, unlist, kill_tree)};
    default:
      return {Phase::spawning, {}};
  }
}

// The main process is gone: what it left behind goes too.
constexpr WorkerStep ended{Phase::emptying, Actions(disarm_timer, record_exit, write_record,
                                                    announce_exited, kill_tree, answer_exit)};

WorkerStep active(Event event) {
  switch (event) {
    case Event::process_exited:
      return ended;
    case Event::stop:
      return {Phase::stopping, Actions(write_record, signal_process, arm_grace)};
    case Event::unregister:
      return {Phase::detached, Actions(write_record, announce_unregistered, unlist)};
    default:
      return {Phase::active, {}};
  }
}

WorkerStep stopping(Event event) {
  switch (event) {
    case Event::process_exited:
      return ended;
    case Event::stop:
      return {Phase::stopping, Actions(write_record, arm_grace)};
    case Event::grace_over:
    case Event::still_populated:
      return {Phase::stopping, Actions(kill_tree)};
    case Event::unregister:
      return {Phase::detached, Actions(write_record, announce_unregistered, unlist)};
    default:
      return {Phase::stopping, {}};
  }
}

WorkerStep detached(Event event) {
  switch (event) {
    case Event::process_exited:
      return {Phase::abandoned, Actions(disarm_timer, record_exit, write_record, announce_exited,
                                        kill_tree, answer_exit)};
    case Event::grace_over:
    case Event::still_populated:
      return {Phase::detached, Actions(kill_tree)};
    default:
      return {Phase::detached, {}};
  }
}

WorkerStep emptying(Event event) {
  switch (event) {
    case Event::emptied:
      return {Phase::exited, Actions(record_usage, write_record, arm_age, answer_empty)};
    case Event::still_populated:
      return {Phase::emptying, Actions(kill_tree)};
    case Event::unregister:
      return {Phase::abandoned, Actions(write_record, announce_unregistered, unlist)};
    case Event::collect:
      return {Phase::abandoned, Actions(write_record, unlist)};
    default:
      return {Phase::emptying, {}};
  }
}

WorkerStep exited(Event event) {
  switch (event) {
    case Event::unregister:
      return {Phase::removing,
              Actions(disarm_timer, write_record, announce_unregistered, unlist, remove_directory)};
    case Event::collect:
    case Event::expired:
      return {Phase::removing, Actions(disarm_timer, write_record, unlist, remove_directory)};
    default:
      return {Phase::exited, {}};
  }
}

WorkerStep abandoned(Event event) {
  switch (event) {
    case Event::emptied:
      return {Phase::removing, Actions(answer_empty, remove_directory)};
    case Event::still_populated:
      return {Phase::abandoned, Actions(kill_tree)};
    default:
      return {Phase::abandoned, {}};
  }
}

WorkerStep removing(Event event) {
  switch (event) {
    case Event::removed:
      return {Phase::gone, Actions(forget)};
    case Event::removal_refused:  // somebody was born inside meanwhile
      return {Phase::abandoned, Actions(kill_tree)};
    default:
      return {Phase::removing, {}};
  }
}

}  // namespace

WorkerStep step(Phase phase, Event event) {
  if (phase != Phase::gone && event == Event::run_closing)
    return {Phase::condemned, phase == Phase::condemned ? Actions() : Actions(disarm_timer)};
  switch (phase) {
    case Phase::creating:
      if (event == Event::created) return {Phase::reserved, Actions(announce_reserved, arm_expiry)};
      if (event == Event::spawn) return {Phase::spawning, Actions(announce_reserved, arm_expiry)};
      if (event == Event::creation_failed) return {Phase::gone, Actions(forget)};
      return {phase, {}};
    case Phase::reserved:
      return reserved(event);
    case Phase::activating:
      return activating(event);
    case Phase::spawning:
      return spawning(event);
    case Phase::active:
      return active(event);
    case Phase::stopping:
      return stopping(event);
    case Phase::detached:
      return detached(event);
    case Phase::emptying:
      return emptying(event);
    case Phase::exited:
      return exited(event);
    case Phase::abandoned:
      return abandoned(event);
    case Phase::removing:
      return removing(event);
    case Phase::condemned:
      if (event == Event::process_exited)
        return {phase, Actions(record_exit, announce_exited, answer_exit)};
      return {phase, {}};
    case Phase::gone:
      return {phase, {}};
  }
  return {phase, {}};
}

WorkerState state_of(Phase phase) {
  switch (phase) {
    case Phase::creating:
    case Phase::reserved:
    case Phase::activating:
    case Phase::spawning:
      return WorkerState::reserved;
    case Phase::active:
      return WorkerState::active;
    case Phase::stopping:
    case Phase::detached:
    case Phase::condemned:
      return WorkerState::stopping;
    case Phase::emptying:
    case Phase::exited:
    case Phase::abandoned:
    case Phase::removing:
    case Phase::gone:
      return WorkerState::exited;
  }
  return WorkerState::exited;
}

bool is_listed(Phase phase) {
  switch (phase) {
    case Phase::reserved:
    case Phase::activating:
    case Phase::spawning:
    case Phase::active:
    case Phase::stopping:
    case Phase::emptying:
    case Phase::exited:
      return true;
    default:
      return false;
  }
}

bool holds_name(Phase phase) {
  return phase == Phase::creating ||
         (is_listed(phase) && phase != Phase::emptying && phase != Phase::exited);
}

bool has_live_process(Phase phase) {
  return phase == Phase::active || phase == Phase::stopping || phase == Phase::detached;
}

}  // namespace reeve::registry
