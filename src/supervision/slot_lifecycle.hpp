// The life of a slot of a pool as a pure function: step(phase, event) -> phase + actions. A slot is
// a place for one worker at a time.
//
//              ┌────────────────────────────────┐
//              ▼                                │
//   empty ──► starting ──► ready ──► failing ──► over ──► waiting ──► starting
//              │  ▲          │          │         │ ├───► held
//              ▼  │          ▼          ▼         │ └───► done
//            replacing ◄──► leaving ──► empty ◄───┴── from anywhere, once it is not wanted
//
//   empty      not wanted, or not yet
//   starting   its worker is being spawned, or is not ready yet
//   ready      its worker does its work
//   failing    its worker was late, to get ready or to feed its watchdog, and is being killed
//   over       its worker has ended; what follows is being decided
//   waiting    to be filled again when its time has come
//   held       its start limit was hit: filled again only when somebody says so
//   done       its worker ended as a worker may that is not to be restarted
//   leaving    not wanted any more: its worker is being stopped
//   replacing  its worker is being stopped, and another takes its place
//
// A slot whose worker lives is in a phase that recovery can tell from the worker's record; of the
// others the pool keeps a note.
#pragma once

#include <array>
#include <cstdint>

#include "base/bit_set.hpp"
#include "schema/type.hpp"

namespace reeve::supervision {

enum class SlotPhase {
  empty,
  starting,
  ready,
  failing,
  over,
  waiting,
  held,
  done,
  leaving,
  replacing
};
inline constexpr std::size_t slot_phases = 10;

enum class SlotEvent {
  fill,     // wanted; said of every slot that is, again and again
  drop,     // not wanted any more
  replace,  // another worker, whatever was: held, waiting and done are over with
  became_ready,
  was_late,
  ended,  // its worker, or it could not be spawned
  // What is decided in `over`.
  retry,
  hold,
  finish,
  due  // the time that it waited for
};
inline constexpr std::size_t slot_events = 10;

// Done in this order.
enum class SlotAction : std::uint32_t {
  disarm_timers = 1U << 0,
  announce_ready = 1U << 1,
  announce_held = 1U << 2,
  stop_worker = 1U << 3,
  kill_worker = 1U << 4,
  spawn_worker = 1U << 5,
  arm_start_timeout = 1U << 6,
  arm_watchdog = 1U << 7,
  arm_recycling = 1U << 8,
  arm_backoff = 1U << 9,
  decide = 1U << 10,
};

using SlotActions = BitSet<SlotAction>;

struct SlotStep {
  SlotPhase phase;
  SlotActions actions;
  constexpr bool operator==(const SlotStep&) const = default;
};

// Total: an event that means nothing in a phase changes nothing and asks for nothing.
SlotStep step(SlotPhase phase, SlotEvent event);

// Whether there is a worker in it, or one on its way.
bool has_worker(SlotPhase phase);

constexpr auto describe(schema::Of<SlotPhase>) {
  return schema::enumeration("", "", "empty", "starting", "ready", "failing", "over", "waiting",
                             "held", "done", "leaving", "replacing");
}
static_assert(schema::description<SlotPhase>.names.size() == slot_phases);

}  // namespace reeve::supervision
