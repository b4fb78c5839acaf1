#include "supervision/slot_lifecycle.hpp"

namespace reeve::supervision {

namespace {

using Phase = SlotPhase;
using Event = SlotEvent;
using enum SlotAction;
using Actions = SlotActions;

constexpr SlotStep started{Phase::starting,
                           Actions(disarm_timers, spawn_worker, arm_start_timeout)};
constexpr SlotStep ended{Phase::over, Actions(disarm_timers, decide)};

// Its worker lives, ready or not yet.
SlotStep occupied(Phase phase, Event event) {
  switch (event) {
    case Event::became_ready:
      if (phase == Phase::ready) return {phase, {}};
      return {Phase::ready, Actions(disarm_timers, announce_ready, arm_watchdog, arm_recycling)};
    case Event::was_late:
      return {Phase::failing, Actions(disarm_timers, kill_worker)};
    case Event::ended:
      return ended;
    case Event::drop:
      return {Phase::leaving, Actions(disarm_timers, stop_worker)};
    case Event::replace:
      return {Phase::replacing, Actions(disarm_timers, stop_worker)};
    default:
      return {phase, {}};
  }
}

// It has been killed: whoever wants something else needs only to wait.
SlotStep failing(Event event) {
  switch (event) {
    case Event::ended:
      return ended;
    case Event::drop:
      return {Phase::leaving, {}};
    case Event::replace:
      return {Phase::replacing, {}};
    default:
      return {Phase::failing, {}};
  }
}

SlotStep leaving(Event event) {
  switch (event) {
    case Event::ended:
      return {Phase::empty, {}};
    case Event::fill:
    case Event::replace:
      return {Phase::replacing, {}};
    default:
      return {Phase::leaving, {}};
  }
}

SlotStep replacing(Event event) {
  switch (event) {
    case Event::ended:
      return started;
    case Event::drop:
      return {Phase::leaving, {}};
    default:
      return {Phase::replacing, {}};
  }
}

SlotStep over(Event event) {
  switch (event) {
    case Event::retry:
      return {Phase::waiting, Actions(arm_backoff)};
    case Event::hold:
      return {Phase::held, Actions(announce_held)};
    case Event::finish:
      return {Phase::done, {}};
    case Event::drop:
      return {Phase::empty, {}};
    case Event::replace:
      return started;
    default:
      return {Phase::over, {}};
  }
}

// Nobody is in it.
SlotStep vacant(Phase phase, Event event) {
  switch (event) {
    case Event::replace:
      return started;
    case Event::drop:
      return {Phase::empty, Actions(disarm_timers)};
    case Event::due:
      return phase == Phase::waiting ? started : SlotStep{phase, {}};
    default:
      return {phase, {}};
  }
}

}  // namespace

SlotStep step(Phase phase, Event event) {
  switch (phase) {
    case Phase::empty:
      // Only what is wanted can be replaced.
      return event == Event::fill ? started : SlotStep{phase, {}};
    case Phase::starting:
    case Phase::ready:
      return occupied(phase, event);
    case Phase::failing:
      return failing(event);
    case Phase::over:
      return over(event);
    case Phase::waiting:
    case Phase::held:
    case Phase::done:
      return vacant(phase, event);
    case Phase::leaving:
      return leaving(event);
    case Phase::replacing:
      return replacing(event);
  }
  return {phase, {}};
}

bool has_worker(Phase phase) {
  switch (phase) {
    case Phase::starting:
    case Phase::ready:
    case Phase::failing:
    case Phase::leaving:
    case Phase::replacing:
      return true;
    default:
      return false;
  }
}

}  // namespace reeve::supervision
