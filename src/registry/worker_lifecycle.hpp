// The life of a worker as a pure function: step(phase, event) -> phase + actions.
//
//       ┌────────────────────► spawning ───────┐
//       │                         │ │          ▼
//   creating ──► reserved ──► activating ──► active ──► stopping
//                   │    ◄────────┘ │          │ │          │
//                   │               │          │ └────┬─────┘
//                   │               │ detached ◄┘     ▼
//                   │               ▼    │         emptying ──► exited
//                   └──────► abandoned ◄─┴────────────┘            │
//                                └────────────► removing ◄─────────┘ ──► gone
//
//   creating    its directory is being made; nobody was told of it yet
//   reserved    directory and record are there; what is born inside belongs to it
//   activating  the record names the process; the process is on its way in
//   spawning    its process is being started inside
//   active      the process is in and watched
//   stopping    asked to end; what is left after the grace period is killed
//   detached    unregistered while alive: in no listing, contained until it ends
//   emptying    the main process is gone, the rest of its tree is being killed
//   exited      nothing runs any more; the record waits to be collected
//   abandoned   in no listing; what is inside is being killed
//   removing    the directory is being removed
//   condemned   its run is being killed: only the exit is still told, and it goes with the run
//   gone        to be forgotten
//
// The phase is the whole state. It stands in the worker's record, so a daemon that was killed at
// any point finds out from the record what remains to be done.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bit_set.hpp"
#include "reeve/types.hpp"
#include "schema/type.hpp"

namespace reeve::registry {

enum class WorkerPhase {
  creating,
  reserved,
  activating,
  spawning,
  active,
  stopping,
  detached,
  emptying,
  exited,
  abandoned,
  removing,
  condemned,
  gone
};
inline constexpr std::size_t worker_phases = 13;

enum class WorkerEvent {
  created,
  creation_failed,
  activate,
  activated,
  activation_failed,
  spawn,
  spawned,
  spawn_failed,
  expired,
  process_exited,
  stop,
  grace_over,
  unregister,
  collect,
  emptied,
  still_populated,
  removed,
  removal_refused,
  run_closing
};
inline constexpr std::size_t worker_events = 19;

// Done in this order.
enum class WorkerAction : std::uint32_t {
  disarm_timer = 1U << 0,
  record_exit = 1U << 1,
  record_usage = 1U << 2,
  write_record = 1U << 3,
  watch_process = 1U << 4,
  announce_reserved = 1U << 5,
  announce_activated = 1U << 6,
  announce_exited = 1U << 7,
  announce_expired = 1U << 8,
  announce_unregistered = 1U << 9,
  unlist = 1U << 10,
  signal_process = 1U << 11,
  arm_expiry = 1U << 12,
  arm_grace = 1U << 13,
  arm_age = 1U << 14,
  kill_tree = 1U << 15,
  answer_exit = 1U << 16,
  answer_empty = 1U << 17,
  remove_directory = 1U << 18,
  forget = 1U << 19,
};

using WorkerActions = BitSet<WorkerAction>;

struct WorkerStep {
  WorkerPhase phase;
  WorkerActions actions;
  constexpr bool operator==(const WorkerStep&) const = default;
};

// Total: an event that means nothing in a phase changes nothing and asks for nothing.
WorkerStep step(WorkerPhase phase, WorkerEvent event);

// How a phase is told to clients.
WorkerState state_of(WorkerPhase phase);
// Whether listings show a worker in this phase.
bool is_listed(WorkerPhase phase);
// Whether the worker's name is taken: another reservation of it is refused.
bool holds_name(WorkerPhase phase);
// Whether its process was alive when it came into this phase.
bool has_live_process(WorkerPhase phase);

constexpr auto describe(schema::Of<WorkerPhase>) {
  return schema::enumeration("", "", "creating", "reserved", "activating", "spawning", "active",
                             "stopping", "detached", "emptying", "exited", "abandoned", "removing",
                             "condemned", "gone");
}
static_assert(schema::description<WorkerPhase>.names.size() == worker_phases);

}  // namespace reeve::registry
