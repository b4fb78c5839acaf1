// What a pool does next to become what it should be: a pure function. It changes one slot at a
// time, waits until that slot is ready, and stops at the first that fails. Only the slot that is
// being changed is judged: what happens to others meanwhile is their restart policy's business.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "supervision/slot_lifecycle.hpp"

namespace reeve::supervision {

struct SlotStand {
  SlotPhase phase = SlotPhase::empty;
  std::int64_t generation = 0;  // of the worker that was started last
  bool is_due = false;          // to be recycled
  // Its last worker did, or ended before it was ready: of one that is done, or is starting again.
  bool has_failed = false;
};

struct PoolStand {
  std::int64_t size = 0;
  // Slots below are kept filled, whatever else goes on; those from here to `size` come one by one.
  std::int64_t filled = 0;
  std::int64_t generation = 0;
  std::optional<std::int64_t> changing;  // the slot
  bool is_halted = false;
};

struct Move {
  enum class Kind {
    none,     // it is what it should be, or was halted
    await,    // something is on its way
    fill,     // this slot becomes the one that is changing
    replace,  // likewise
    drop,     // likewise, unless the whole pool goes
    settled,  // the slot that was changing has become what it should be
    halt,     // it has failed
    recycle,  // a change of nobody's making: nothing follows from it
  } kind = Kind::none;
  std::int64_t slot = 0;
  constexpr bool operator==(const Move&) const = default;
};

Move next_move(const PoolStand& pool, std::span<const SlotStand> slots);

}  // namespace reeve::supervision
