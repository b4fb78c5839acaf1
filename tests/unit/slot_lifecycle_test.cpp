// The lifecycle of a slot, walked exhaustively: as a bare table, and together with the worker that
// it asks for, where an event comes only when it can.
#include "supervision/slot_lifecycle.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <ostream>
#include <set>
#include <tuple>
#include <vector>

namespace reeve::supervision {

// Found by googletest.
static void PrintTo(SlotPhase phase, std::ostream* out) {
  *out << schema::name_of(phase);
}

namespace {

using Phase = SlotPhase;
using Event = SlotEvent;
using Action = SlotAction;

template <class Each>
std::vector<Each> every(std::size_t count) {
  std::vector<Each> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(static_cast<Each>(i));
  return all;
}

struct Transition {
  Phase from;
  Event event;
  Phase to;
};

constexpr Transition transitions[]{
    {Phase::empty, Event::fill, Phase::starting},
    {Phase::starting, Event::became_ready, Phase::ready},
    {Phase::starting, Event::was_late, Phase::failing},
    {Phase::starting, Event::ended, Phase::over},
    {Phase::starting, Event::drop, Phase::leaving},
    {Phase::starting, Event::replace, Phase::replacing},
    {Phase::ready, Event::was_late, Phase::failing},
    {Phase::ready, Event::ended, Phase::over},
    {Phase::ready, Event::drop, Phase::leaving},
    {Phase::ready, Event::replace, Phase::replacing},
    {Phase::failing, Event::ended, Phase::over},
    {Phase::failing, Event::drop, Phase::leaving},
    {Phase::failing, Event::replace, Phase::replacing},
    {Phase::over, Event::retry, Phase::waiting},
    {Phase::over, Event::hold, Phase::held},
    {Phase::over, Event::finish, Phase::done},
    {Phase::over, Event::drop, Phase::empty},
    {Phase::over, Event::replace, Phase::starting},
    {Phase::waiting, Event::due, Phase::starting},
    {Phase::waiting, Event::drop, Phase::empty},
    {Phase::waiting, Event::replace, Phase::starting},
    {Phase::held, Event::drop, Phase::empty},
    {Phase::held, Event::replace, Phase::starting},
    {Phase::done, Event::drop, Phase::empty},
    {Phase::done, Event::replace, Phase::starting},
    {Phase::leaving, Event::ended, Phase::empty},
    {Phase::leaving, Event::fill, Phase::replacing},
    {Phase::leaving, Event::replace, Phase::replacing},
    {Phase::replacing, Event::ended, Phase::starting},
    {Phase::replacing, Event::drop, Phase::leaving},
};

TEST(SlotLifecycle, HasTheseTransitionsAndNoOther) {
  for (const auto from : every<Phase>(slot_phases))
    for (const auto event : every<Event>(slot_events)) {
      const Transition* listed = nullptr;
      for (const auto& each : transitions)
        if (each.from == from && each.event == event) listed = &each;
      const auto step = supervision::step(from, event);
      EXPECT_EQ(step.phase, listed == nullptr ? from : listed->to)
          << schema::name_of(from) << ", event " << static_cast<int>(event);
      if (listed == nullptr) {
        EXPECT_EQ(step.actions, SlotActions())
            << schema::name_of(from) << ", event " << static_cast<int>(event);
      }
    }
}

// The slot with what it has asked for.
struct World {
  Phase phase = Phase::empty;
  bool worker_is_there = false;
  bool is_to_end = false;  // it was told to, or is being killed
  bool decision_is_due = false;
  bool timer_is_armed = false;  // of the start, or of the backoff

  auto operator<=>(const World&) const = default;
};

bool can_come(const World& world, Event event) {
  switch (event) {
    case Event::ended:
      return world.worker_is_there;
    case Event::became_ready:
      return world.worker_is_there && !world.is_to_end;
    case Event::was_late:
      return world.worker_is_there && (world.timer_is_armed || world.phase == Phase::ready);
    case Event::retry:
    case Event::hold:
    case Event::finish:
      return world.decision_is_due;
    case Event::due:
      return world.timer_is_armed && !world.worker_is_there;
    default:
      return true;
  }
}

World after(World world, Event event) {
  const auto [phase, actions] = step(world.phase, event);
  world.phase = phase;
  if (event == Event::ended) world.worker_is_there = world.is_to_end = false;
  if (event == Event::due) world.timer_is_armed = false;
  if (phase != Phase::over) world.decision_is_due = false;
  if (actions.has(Action::disarm_timers)) world.timer_is_armed = false;
  if (actions.has(Action::stop_worker) || actions.has(Action::kill_worker)) {
    EXPECT_TRUE(world.worker_is_there) << schema::name_of(phase);
    world.is_to_end = true;
  }
  if (actions.has(Action::spawn_worker)) {
    EXPECT_FALSE(world.worker_is_there) << "two workers in a slot";
    world.worker_is_there = true;
    world.is_to_end = false;
  }
  if (actions.has(Action::arm_start_timeout) || actions.has(Action::arm_backoff))
    world.timer_is_armed = true;
  if (actions.has(Action::decide)) world.decision_is_due = true;
  return world;
}

std::set<World> reachable() {
  std::set<World> seen{World{}};
  std::deque<World> left{World{}};
  while (!left.empty()) {
    const auto world = left.front();
    left.pop_front();
    for (const auto event : every<Event>(slot_events)) {
      if (!can_come(world, event)) continue;
      const auto next = after(world, event);
      if (seen.insert(next).second) left.push_back(next);
    }
  }
  return seen;
}

TEST(SlotLifecycle, HasAWorkerInThePhasesThatSaySo) {
  const auto worlds = reachable();
  EXPECT_GE(worlds.size(), slot_phases);
  for (const auto& world : worlds)
    EXPECT_EQ(world.worker_is_there, has_worker(world.phase)) << schema::name_of(world.phase);
}

TEST(SlotLifecycle, WaitsForNothingThatWillNotCome) {
  for (const auto& world : reachable()) {
    const auto name = schema::name_of(world.phase);
    if (world.phase == Phase::over) {
      EXPECT_TRUE(world.decision_is_due) << name;
    }
    if (world.phase == Phase::waiting || world.phase == Phase::starting) {
      EXPECT_TRUE(world.timer_is_armed) << name;
    }
    const bool is_ending = world.phase == Phase::failing || world.phase == Phase::leaving ||
                           world.phase == Phase::replacing;
    if (is_ending) {
      EXPECT_TRUE(world.is_to_end) << name;
    }
  }
}

TEST(SlotLifecycle, IsEmptyOnceItIsNotWantedAndItsWorkerHasEnded) {
  for (auto world : reachable()) {
    const auto from = schema::name_of(world.phase);
    world = after(world, Event::drop);
    if (world.worker_is_there) world = after(world, Event::ended);
    EXPECT_EQ(world.phase, Phase::empty) << "from " << from;
  }
}

TEST(SlotLifecycle, GetsAnotherWorkerWheneverItIsToldTo) {
  for (auto world : reachable()) {
    if (world.phase == Phase::empty) continue;
    const auto from = schema::name_of(world.phase);
    world = after(world, Event::replace);
    if (world.phase == Phase::replacing) world = after(world, Event::ended);
    EXPECT_EQ(world.phase, Phase::starting) << "from " << from;
  }
}

}  // namespace
}  // namespace reeve::supervision
