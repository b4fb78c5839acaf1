// The life of a run as a pure function: step(phase, event) -> phase + actions.
//
//   opening ──► open ──► terminating ──► killing ──► removing ──► gone
//                │ └───────────────────────▲ ▲  ◄──────┘
//                └─────► ownerless ────────┴─┘
//
//   opening      its directory is being made
//   open         its owner lives
//   ownerless    its owner is dead and its policy is to keep the workers: until it is closed
//   terminating  everything in it was sent SIGTERM and has the grace period to end
//   killing      one cgroup.kill on its directory; waiting until nothing is left
//   removing     its directories are being removed
//   gone         to be forgotten
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bit_set.hpp"
#include "reeve/types.hpp"
#include "schema/type.hpp"

namespace reeve::registry {

enum class RunPhase { opening, open, ownerless, terminating, killing, removing, gone };
inline constexpr std::size_t run_phases = 7;

enum class RunEvent {
  opened,
  opening_failed,
  kill,       // the owner exited under the policy "kill", or the run is closed so
  terminate,  // likewise with "terminate"
  keep,       // the owner exited under the policy "keep"
  grace_over,
  emptied,
  still_populated,
  removed,
  removal_refused
};
inline constexpr std::size_t run_events = 10;

// Done in this order.
enum class RunAction : std::uint32_t {
  disarm_timer = 1U << 0,
  write_record = 1U << 1,
  watch_owner = 1U << 2,
  announce_opened = 1U << 3,
  signal_all = 1U << 4,
  arm_grace = 1U << 5,
  watch_emptiness = 1U << 6,
  condemn_workers = 1U << 7,
  kill_tree = 1U << 8,
  remove_tree = 1U << 9,
  announce_closed = 1U << 10,
  forget = 1U << 11,
};

using RunActions = BitSet<RunAction>;

struct RunStep {
  RunPhase phase;
  RunActions actions;
  constexpr bool operator==(const RunStep&) const = default;
};

// Total: an event that means nothing in a phase changes nothing and asks for nothing.
RunStep step(RunPhase phase, RunEvent event);

// How a phase is told to clients.
RunState state_of(RunPhase phase);

constexpr auto describe(schema::Of<RunPhase>) {
  return schema::enumeration("", "", "opening", "open", "ownerless", "terminating", "killing",
                             "removing", "gone");
}
static_assert(schema::description<RunPhase>.names.size() == run_phases);

}  // namespace reeve::registry
