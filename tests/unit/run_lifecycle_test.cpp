// The run's lifecycle, walked exhaustively: as a bare table under every event in every phase, and
// together with the world it acts on, where an event comes only when it can.
#include "registry/run_lifecycle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <ostream>
#include <set>
#include <vector>

namespace reeve::registry {

// Found by googletest.
static void PrintTo(RunPhase phase, std::ostream* out) {
  *out << schema::name_of(phase);
}

namespace {

using Phase = RunPhase;
using Event = RunEvent;
using Action = RunAction;

constexpr std::string_view event_names[]{"opened",  "opening_failed", "kill",    "terminate",
                                         "keep",    "grace_over",     "emptied", "still_populated",
                                         "removed", "removal_refused"};
static_assert(std::size(event_names) == run_events);

struct Transition {
  Phase from;
  Event event;
  Phase to;
  RunActions actions;
};

void PrintTo(const Transition& transition, std::ostream* out) {
  *out << schema::name_of(transition.from) << " -- "
       << event_names[static_cast<std::size_t>(transition.event)] << " -> "
       << schema::name_of(transition.to);
}

std::vector<Phase> every_phase() {
  std::vector<Phase> phases;
  for (std::size_t i = 0; i < run_phases; ++i)
    phases.push_back(static_cast<Phase>(i));
  return phases;
}

std::vector<Event> every_event() {
  std::vector<Event> events;
  for (std::size_t i = 0; i < run_events; ++i)
    events.push_back(static_cast<Event>(i));
  return events;
}

std::vector<Transition> every_transition() {
  std::vector<Transition> transitions;
  for (const auto phase : every_phase())
    for (const auto event : every_event()) {
      const auto [to, actions] = step(phase, event);
      transitions.push_back({phase, event, to, actions});
    }
  return transitions;
}

// ---- the table

TEST(RunLifecycle, TakesTheWayThatItsPictureShows) {
  using enum RunPhase;
  using enum RunAction;
  struct Case {
    Phase from;
    Event event;
    Phase to;
    std::vector<Action> actions;  // among others
  };
  const Case cases[] = {
      {opening, Event::opened, open, {watch_owner, announce_opened}},
      {opening, Event::opening_failed, gone, {forget}},
      {open, Event::kill, killing, {write_record, condemn_workers, kill_tree}},
      {open, Event::terminate, terminating, {write_record, signal_all, arm_grace, watch_emptiness}},
      {open, Event::keep, ownerless, {write_record}},
      {ownerless, Event::kill, killing, {write_record, condemn_workers, kill_tree}},
      {ownerless,
       Event::terminate,
       terminating,
       {write_record, signal_all, arm_grace, watch_emptiness}},
      {terminating, Event::kill, killing, {disarm_timer, write_record, condemn_workers, kill_tree}},
      {terminating, Event::grace_over, killing, {write_record, condemn_workers, kill_tree}},
      {terminating, Event::emptied, removing, {disarm_timer, condemn_workers, remove_tree}},
      {killing, Event::still_populated, killing, {kill_tree}},
      {killing, Event::emptied, removing, {condemn_workers, remove_tree}},
      {removing, Event::removal_refused, killing, {kill_tree}},
      {removing, Event::removed, gone, {announce_closed, forget}},
  };
  for (const auto& [from, event, to, actions] : cases) {
    const auto taken = step(from, event);
    const Transition transition{from, event, taken.phase, taken.actions};
    EXPECT_EQ(taken.phase, to) << testing::PrintToString(transition);
    for (const auto action : actions)
      EXPECT_TRUE(taken.actions.has(action))
          << testing::PrintToString(transition) << " lacks action "
          << std::countr_zero(static_cast<std::uint32_t>(action));
  }
  // And there is no other way.
  for (const auto& each : every_transition()) {
    const bool shown = std::any_of(std::begin(cases), std::end(cases), [&](const Case& known) {
      return known.from == each.from && known.event == each.event;
    });
    if (!shown) {
      EXPECT_EQ(step(each.from, each.event), (RunStep{each.from, {}}))
          << testing::PrintToString(each);
    }
  }
}

TEST(RunLifecycle, IsTotal) {
  for (const auto& each : every_transition())
    EXPECT_LT(static_cast<std::size_t>(each.to), run_phases) << testing::PrintToString(each);
}

TEST(RunLifecycle, NeverComesBackFromGone) {
  for (const auto event : every_event())
    EXPECT_EQ(step(Phase::gone, event), (RunStep{Phase::gone, {}}));
}

TEST(RunLifecycle, CanAlwaysEnd) {
  for (const auto start : every_phase()) {
    std::set<Phase> seen{start};
    std::deque<Phase> open{start};
    while (!open.empty()) {
      const auto phase = open.front();
      open.pop_front();
      for (const auto event : every_event())
        if (const auto next = step(phase, event).phase; seen.insert(next).second)
          open.push_back(next);
    }
    EXPECT_TRUE(seen.contains(Phase::gone)) << testing::PrintToString(start);
  }
}

TEST(RunLifecycle, ClosesAnOpenRunOnlyWhenAskedTo) {
  for (const auto& each : every_transition()) {
    if (each.from == Phase::open) {
      EXPECT_TRUE(each.to == Phase::open || each.event == Event::kill ||
                  each.event == Event::terminate || each.event == Event::keep)
          << testing::PrintToString(each);
    }
    if (state_of(each.from) == RunState::open && state_of(each.to) == RunState::closing) {
      EXPECT_TRUE(each.event == Event::kill || each.event == Event::terminate ||
                  each.event == Event::opening_failed)
          << testing::PrintToString(each);
    }
  }
}

TEST(RunLifecycle, NeverReopensAClosingRun) {
  for (const auto& each : every_transition())
    if (state_of(each.from) == RunState::closing) {
      EXPECT_EQ(state_of(each.to), RunState::closing) << testing::PrintToString(each);
    }
}

TEST(RunLifecycle, TouchesNothingInARunThatIsOpen) {
  for (const auto& each : every_transition()) {
    if (state_of(each.to) != RunState::open) continue;
    for (const auto action : {Action::signal_all, Action::arm_grace, Action::condemn_workers,
                              Action::kill_tree, Action::remove_tree, Action::announce_closed})
      EXPECT_FALSE(each.actions.has(action)) << testing::PrintToString(each);
  }
}

TEST(RunLifecycle, RemovesTheTreeOnlyWhenItIsEmpty) {
  for (const auto& each : every_transition()) {
    EXPECT_EQ(each.actions.has(Action::remove_tree),
              each.to == Phase::removing && each.from != Phase::removing)
        << testing::PrintToString(each);
    if (each.actions.has(Action::remove_tree)) {
      EXPECT_EQ(each.event, Event::emptied) << testing::PrintToString(each);
    }
  }
}

TEST(RunLifecycle, ForgetsOnTheWayIntoGoneAndNowhereElse) {
  for (const auto& each : every_transition())
    EXPECT_EQ(each.actions.has(Action::forget), each.to == Phase::gone && each.from != Phase::gone)
        << testing::PrintToString(each);
}

TEST(RunLifecycle, DoesThingsInTheirOrder) {
  // Actions are done in the order of their numbers.
  EXPECT_LT(Action::write_record, Action::signal_all);
  EXPECT_LT(Action::write_record, Action::condemn_workers);
  EXPECT_LT(Action::condemn_workers, Action::kill_tree);
  EXPECT_LT(Action::condemn_workers, Action::remove_tree);
  EXPECT_LT(Action::disarm_timer, Action::arm_grace);
  EXPECT_LT(Action::announce_closed, Action::forget);
}

// ---- all walks through the table

struct Walk {
  Phase phase = Phase::opening;
  bool condemned = false;
  bool emptied = false;  // since the last kill
  int opened = 0;        // announcements
  int closed = 0;
  auto operator<=>(const Walk&) const = default;
};

template <class Check>
void for_each_walk(const Check& check) {
  std::set<Walk> seen{{}};
  std::deque<Walk> open{{}};
  while (!open.empty()) {
    const Walk walk = open.front();
    open.pop_front();
    for (const auto event : every_event()) {
      const auto [phase, actions] = step(walk.phase, event);
      Walk next = walk;
      next.phase = phase;
      next.condemned |= actions.has(Action::condemn_workers);
      if (event == Event::emptied) next.emptied = true;
      if (actions.has(Action::kill_tree)) next.emptied = false;
      next.opened += actions.has(Action::announce_opened) ? 1 : 0;
      next.closed += actions.has(Action::announce_closed) ? 1 : 0;
      check(next, Transition{walk.phase, event, phase, actions});
      ASSERT_LE(next.opened + next.closed, 2);
      if (seen.insert(next).second) open.push_back(next);
    }
  }
  std::set<Phase> phases;
  for (const auto& walk : seen)
    phases.insert(walk.phase);
  EXPECT_EQ(phases.size(), run_phases);
}

TEST(RunWalks, CondemnTheWorkersBeforeTheFirstKill) {
  for_each_walk([](const Walk& walk, const Transition& how) {
    if (how.actions.has(Action::kill_tree) || how.actions.has(Action::remove_tree)) {
      EXPECT_TRUE(walk.condemned) << testing::PrintToString(how);
    }
    if (state_of(walk.phase) == RunState::open) {
      EXPECT_FALSE(walk.condemned) << testing::PrintToString(how);
    }
  });
}

TEST(RunWalks, RemoveOnlyWhatWasEmptiedSinceTheLastKill) {
  for_each_walk([](const Walk& walk, const Transition& how) {
    if (walk.phase == Phase::removing) {
      EXPECT_TRUE(walk.emptied) << testing::PrintToString(how);
    }
  });
}

TEST(RunWalks, TellOfTheEndOfARunThatTheyToldTheBeginningOf) {
  for_each_walk([](const Walk& walk, const Transition& how) {
    EXPECT_LE(walk.opened, 1) << testing::PrintToString(how);
    if (walk.phase == Phase::gone) {
      EXPECT_EQ(walk.closed, walk.opened) << testing::PrintToString(how);
    } else
      EXPECT_EQ(walk.closed, 0) << testing::PrintToString(how);
  });
}

// ---- the lifecycle in its world

// What the executor and the kernel make of the actions. The record is first written by the
// executor itself, before `opened`; recovery takes a run that is recorded as opening for open.
struct World {
  Phase phase = Phase::opening;
  Phase on_disk = Phase::opening;
  bool timer = false;
  bool watching = false;  // for emptiness
  bool removing = false;
  auto operator<=>(const World&) const = default;
};

bool can_come(Event event, const World& world) {
  switch (event) {
    case Event::opened:
    case Event::opening_failed:
      return world.phase == Phase::opening;
    case Event::kill:
    case Event::terminate:
    case Event::keep:
      return world.phase != Phase::opening && world.phase != Phase::gone;
    case Event::grace_over:
      return world.timer;
    case Event::emptied:
      return world.watching;
    case Event::still_populated:  // also told when something came in late
      return state_of(world.phase) == RunState::closing && world.phase != Phase::gone;
    case Event::removed:
    case Event::removal_refused:
      return world.removing;
  }
  return false;
}

template <class Check>
void for_each_world(const Check& check) {
  std::set<World> seen{{}};
  std::deque<World> open{{}};
  while (!open.empty()) {
    const World world = open.front();
    open.pop_front();
    for (const auto event : every_event()) {
      if (!can_come(event, world)) continue;
      const auto [phase, actions] = step(world.phase, event);
      World next = world;
      next.phase = phase;
      if (event == Event::grace_over) next.timer = false;
      if (event == Event::emptied) next.watching = false;
      if (event == Event::removed || event == Event::removal_refused) next.removing = false;
      if (actions.has(Action::disarm_timer)) next.timer = false;
      if (actions.has(Action::write_record)) next.on_disk = phase;
      if (actions.has(Action::arm_grace)) next.timer = true;
      if (actions.has(Action::watch_emptiness) || actions.has(Action::kill_tree))
        next.watching = true;
      if (actions.has(Action::remove_tree)) next.removing = true;
      check(next, Transition{world.phase, event, phase, actions});
      if (seen.insert(next).second) open.push_back(next);
    }
  }
}

TEST(RunWorld, WaitsForWhatEndsEachPhase) {
  for_each_world([](const World& world, const Transition& how) {
    const bool terminating = world.phase == Phase::terminating;
    const bool emptying = terminating || world.phase == Phase::killing;
    EXPECT_EQ(world.timer, terminating) << testing::PrintToString(how);
    EXPECT_EQ(world.watching, emptying) << testing::PrintToString(how);
    EXPECT_EQ(world.removing, world.phase == Phase::removing) << testing::PrintToString(how);
  });
}

TEST(RunWorld, RecordsWhatARestartMustKnow) {
  for_each_world([](const World& world, const Transition& how) {
    if (world.phase == Phase::opening || world.phase == Phase::gone) return;
    EXPECT_EQ(state_of(world.on_disk), state_of(world.phase)) << testing::PrintToString(how);
    EXPECT_EQ(world.on_disk == Phase::ownerless, world.phase == Phase::ownerless)
        << testing::PrintToString(how);
  });
}

// ---- how a phase is told

TEST(RunPhases, AreToldToClientsAsStates) {
  struct Case {
    Phase phase;
    const char* name;
    RunState state;
  };
  const Case cases[] = {
      {Phase::opening, "opening", RunState::open},
      {Phase::open, "open", RunState::open},
      {Phase::ownerless, "ownerless", RunState::open},
      {Phase::terminating, "terminating", RunState::closing},
      {Phase::killing, "killing", RunState::closing},
      {Phase::removing, "removing", RunState::closing},
      {Phase::gone, "gone", RunState::closing},
  };
  static_assert(std::size(cases) == run_phases);
  for (const auto& [phase, name, state] : cases) {
    EXPECT_EQ(schema::name_of(phase), name);
    EXPECT_EQ(schema::value_named<Phase>(name), phase);
    EXPECT_EQ(state_of(phase), state) << name;
  }
}

}  // namespace

}  // namespace reeve::registry
