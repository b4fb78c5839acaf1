#include "supervision/convergence.hpp"

#include <algorithm>

namespace reeve::supervision {

namespace {

using Kind = Move::Kind;
using Phase = SlotPhase;

// Of the slot that is being changed, which is wanted.
Kind change_of(const SlotStand& slot, std::int64_t generation) {
  switch (slot.phase) {
    case Phase::empty:
      return Kind::fill;
    case Phase::leaving:
      return Kind::fill;  // it is wanted again: another follows
    case Phase::replacing:
      return Kind::await;
    default:
      break;
  }
  if (slot.generation != generation) return Kind::replace;
  switch (slot.phase) {
    case Phase::ready:
      return Kind::settled;
    case Phase::done:
      return slot.has_failed ? Kind::halt : Kind::settled;
    case Phase::starting:
      return slot.has_failed ? Kind::halt : Kind::await;
    default:
      return Kind::halt;
  }
}

Kind drop_of(const SlotStand& slot) {
  if (slot.phase == Phase::empty) return Kind::settled;
  return slot.phase == Phase::leaving ? Kind::await : Kind::drop;
}

bool is_at_work(const SlotStand& slot) {
  return slot.phase == Phase::ready || slot.phase == Phase::done;
}

}  // namespace

Move next_move(const PoolStand& pool, std::span<const SlotStand> slots) {
  const auto count = std::ssize(slots);
  const auto stand = [&](std::int64_t number) {
    return number < count ? slots[static_cast<std::size_t>(number)] : SlotStand{};
  };
  if (pool.changing) {
    const auto number = *pool.changing;
    const auto slot = stand(number);
    return {number < pool.size ? change_of(slot, pool.generation) : drop_of(slot), number};
  }
  // The last first, so that those that stay are the same ones each time.
  bool is_leaving = false;
  for (auto number = count; number-- > pool.size;) {
    const auto kind = drop_of(stand(number));
    if (kind == Kind::drop) return {kind, number};
    is_leaving |= kind == Kind::await;
  }
  if (is_leaving) return {Kind::await, 0};
  if (pool.is_halted) return {};
  for (std::int64_t number = 0; number < pool.filled; ++number) {
    const auto slot = stand(number);
    if (slot.phase != Phase::empty && slot.generation != pool.generation)
      return {slot.phase == Phase::replacing ? Kind::await : Kind::replace, number};
  }
  if (pool.filled < pool.size) return {Kind::fill, pool.filled};
  // Never while another is away: a pool does not recycle all at once.
  const auto kept = slots.first(static_cast<std::size_t>(std::min(count, pool.filled)));
  if (!std::all_of(kept.begin(), kept.end(), is_at_work)) return {};
  const auto due = std::find_if(kept.begin(), kept.end(), [](const SlotStand& slot) {
    return slot.is_due && slot.phase == Phase::ready;
  });
  return due == kept.end() ? Move{} : Move{Kind::recycle, due - kept.begin()};
}

}  // namespace reeve::supervision
