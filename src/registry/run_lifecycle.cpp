#include "registry/run_lifecycle.hpp"

namespace reeve::registry {

namespace {

using Phase = RunPhase;
using Event = RunEvent;
using enum RunAction;
using Actions = RunActions;

constexpr RunStep kill_now{Phase::killing,
                           Actions(disarm_timer, write_record, condemn_workers, kill_tree)};
constexpr RunStep terminate_first{Phase::terminating,
                                  Actions(write_record, signal_all, arm_grace, watch_emptiness)};
constexpr RunStep remove_now{Phase::removing, Actions(disarm_timer, condemn_workers, remove_tree)};

}  // namespace

RunStep step(Phase phase, Event event) {
  switch (phase) {
    case Phase::opening:
      if (event == Event::opened) return {Phase::open, Actions(watch_owner, announce_opened)};
      if (event == Event::opening_failed) return {Phase::gone, Actions(forget)};
      break;
    case Phase::open:
      if (event == Event::kill) return kill_now;
      if (event == Event::terminate) return terminate_first;
      if (event == Event::keep) return {Phase::ownerless, Actions(write_record)};
      break;
    case Phase::ownerless:
      if (event == Event::kill) return kill_now;
      if (event == Event::terminate) return terminate_first;
      break;
    case Phase::terminating:
      if (event == Event::kill || event == Event::grace_over) return kill_now;
      if (event == Event::emptied) return remove_now;
      break;
    case Phase::killing:
      if (event == Event::emptied) return remove_now;
      if (event == Event::still_populated) return {phase, Actions(kill_tree)};
      break;
    case Phase::removing:
      if (event == Event::removed) return {Phase::gone, Actions(announce_closed, forget)};
      if (event == Event::removal_refused) return {Phase::killing, Actions(kill_tree)};
      break;
    case Phase::gone:
      break;
  }
  return {phase, {}};
}

RunState state_of(Phase phase) {
  switch (phase) {
    case Phase::opening:
    case Phase::open:
    case Phase::ownerless:
      return RunState::open;
    default:
      return RunState::closing;
  }
}

}  // namespace reeve::registry
