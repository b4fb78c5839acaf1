// How a pool becomes what it should be: one slot at a time, until the first that fails.
#include "supervision/convergence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <vector>

namespace reeve::supervision {

std::ostream& operator<<(std::ostream& out, const Move& move) {
  return out << "move " << static_cast<int>(move.kind) << " of slot " << move.slot;
}

namespace {

using Phase = SlotPhase;
using Kind = Move::Kind;

SlotStand slot(Phase phase, std::int64_t generation = 1, bool is_due = false) {
  return {phase, generation, is_due};
}

struct Case {
  const char* what;
  PoolStand pool;
  std::vector<SlotStand> slots;
  Move move;
};

TEST(Convergence, KnowsItsNextMove) {
  const auto ready = slot(Phase::ready);
  const auto old = slot(Phase::ready, 0);
  const auto due = slot(Phase::ready, 1, true);
  // size, filled, generation, changing, is_halted
  const Case cases[] = {
      {"nothing to do", {2, 2, 1, {}, false}, {ready, ready}, {Kind::none, 0}},
      {"an empty pool", {0, 0, 1, {}, false}, {}, {Kind::none, 0}},
      // Growing.
      {"grows by the next slot", {3, 1, 1, {}, false}, {ready}, {Kind::fill, 1}},
      {"waits until that is ready",
       {3, 1, 1, 1, false},
       {ready, slot(Phase::starting)},
       {Kind::await, 1}},
      {"goes on when it is", {3, 1, 1, 1, false}, {ready, ready}, {Kind::settled, 1}},
      {"what has done its work will do",
       {3, 1, 1, 1, false},
       {ready, slot(Phase::done)},
       {Kind::settled, 1}},
      {"stops at what failed to do it",
       {3, 1, 1, 1, false},
       {ready, {Phase::done, 1, false, true}},
       {Kind::halt, 1}},
      {"stops at one that waits for another attempt",
       {3, 1, 1, 1, false},
       {ready, slot(Phase::waiting)},
       {Kind::halt, 1}},
      {"stops at one that is tried again at once",
       {3, 1, 1, 1, false},
       {ready, {Phase::starting, 1, false, true}},
       {Kind::halt, 1}},
      {"stops at one that is held",
       {3, 1, 1, 1, false},
       {ready, slot(Phase::held)},
       {Kind::halt, 1}},
      {"fills again what a crash of reeved has emptied",
       {3, 1, 1, 1, false},
       {ready, slot(Phase::empty)},
       {Kind::fill, 1}},
      {"nothing more once it was stopped",
       {3, 1, 1, {}, true},
       {ready, slot(Phase::held)},
       {Kind::none, 0}},
      {"touches none that is old once it was stopped",
       {2, 2, 1, {}, true},
       {slot(Phase::held), old},
       {Kind::none, 0}},
      {"shrinks all the same", {1, 1, 1, {}, true}, {slot(Phase::held), ready}, {Kind::drop, 1}},
      // Rolling.
      {"replaces the first old one", {2, 2, 1, {}, false}, {ready, old}, {Kind::replace, 1}},
      {"replaces one that is held, too",
       {2, 2, 1, {}, false},
       {slot(Phase::held, 0), old},
       {Kind::replace, 0}},
      {"waits while one is being replaced",
       {2, 2, 1, 0, false},
       {slot(Phase::replacing, 0), old},
       {Kind::await, 0}},
      {"begins again what was only written down",
       {2, 2, 1, 0, false},
       {old, old},
       {Kind::replace, 0}},
      {"is not concerned with others that fail",
       {2, 2, 1, 1, false},
       {slot(Phase::waiting), ready},
       {Kind::settled, 1}},
      // Shrinking.
      {"drops the last", {1, 1, 1, {}, false}, {ready, ready, ready}, {Kind::drop, 2}},
      {"drops what is held, too",
       {1, 1, 1, {}, false},
       {ready, slot(Phase::held)},
       {Kind::drop, 1}},
      {"waits until it is gone",
       {1, 1, 1, 2, false},
       {ready, ready, slot(Phase::leaving)},
       {Kind::await, 2}},
      {"goes on when it is",
       {1, 1, 1, 2, false},
       {ready, ready, slot(Phase::empty)},
       {Kind::settled, 2}},
      {"ends all at once where none is to stay",
       {0, 0, 1, {}, false},
       {ready, slot(Phase::leaving)},
       {Kind::drop, 0}},
      {"wants back what was leaving",
       {2, 1, 1, 1, false},
       {ready, slot(Phase::leaving)},
       {Kind::fill, 1}},
      // Recycling.
      {"recycles what is due", {2, 2, 1, {}, false}, {ready, due}, {Kind::recycle, 1}},
      {"not while another is away",
       {2, 2, 1, {}, false},
       {slot(Phase::starting), due},
       {Kind::none, 0}},
      {"not while another is held",
       {2, 2, 1, {}, false},
       {slot(Phase::held), due},
       {Kind::none, 0}},
      {"changes come first", {3, 2, 1, {}, false}, {ready, due}, {Kind::fill, 2}},
  };
  for (const auto& each : cases)
    EXPECT_EQ(next_move(each.pool, each.slots), each.move) << each.what;
}

// What the executor would do with a move, if every worker did as it should.
void obey(const Move& move, PoolStand& pool, std::vector<SlotStand>& slots) {
  const auto number = static_cast<std::size_t>(move.slot);
  if (slots.size() <= number) slots.resize(number + 1);
  switch (move.kind) {
    case Kind::fill:
    case Kind::replace:
      pool.changing = move.slot;
      slots[number] = slot(Phase::ready, pool.generation);
      return;
    case Kind::drop:
      if (pool.size > 0) pool.changing = move.slot;
      slots[number] = slot(Phase::empty);
      return;
    case Kind::settled:
      pool.changing.reset();
      if (move.slot < pool.size) pool.filled = std::max(pool.filled, move.slot + 1);
      return;
    case Kind::recycle:
      slots[number].is_due = false;
      return;
    default:
      return;
  }
}

// From any state it comes to rest, and is then what it should be.
TEST(Convergence, ComesToRestFromWhereverItIs) {
  const SlotStand stands[] = {slot(Phase::empty),          slot(Phase::ready),
                              slot(Phase::ready, 0),       slot(Phase::held, 0),
                              slot(Phase::ready, 1, true), slot(Phase::done, 0)};
  constexpr std::size_t kinds = std::size(stands);
  for (std::int64_t size = 0; size <= 3; ++size)
    for (std::int64_t filled = 0; filled <= size; ++filled)
      for (std::size_t mix = 0; mix < kinds * kinds * kinds; ++mix) {
        PoolStand pool{size, filled, 1, {}, false};
        std::vector<SlotStand> slots{stands[mix % kinds], stands[mix / kinds % kinds],
                                     stands[mix / kinds / kinds]};
        // The executor fills these by itself.
        for (std::size_t i = 0; i < slots.size() && static_cast<std::int64_t>(i) < filled; ++i)
          if (slots[i].phase == Phase::empty) slots[i] = slot(Phase::ready);
        int moves = 0;
        for (auto move = next_move(pool, slots); move.kind != Kind::none && moves < 100; ++moves) {
          obey(move, pool, slots);
          move = next_move(pool, slots);
        }
        ASSERT_LT(moves, 100) << "size " << size << ", filled " << filled << ", mix " << mix;
        for (std::size_t i = 0; i < slots.size(); ++i) {
          const bool is_wanted = static_cast<std::int64_t>(i) < size;
          EXPECT_EQ(slots[i].phase != Phase::empty, is_wanted) << mix;
          if (is_wanted) {
            EXPECT_EQ(slots[i].generation, 1) << mix;
          }
        }
        EXPECT_EQ(pool.filled, size);
      }
}

}  // namespace
}  // namespace reeve::supervision
