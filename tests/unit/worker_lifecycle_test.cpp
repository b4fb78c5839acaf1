// The worker's lifecycle, walked exhaustively: once as a bare table, under every event in every
// phase, and once together with the world it acts on, where an event comes only when it can.
#include "registry/worker_lifecycle.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <deque>
#include <ostream>
#include <set>
#include <tuple>
#include <vector>

namespace reeve::registry {

// Found by googletest.
static void PrintTo(WorkerPhase phase, std::ostream* out) {
  *out << schema::name_of(phase);
}

namespace {

using Phase = WorkerPhase;
using Event = WorkerEvent;
using Action = WorkerAction;

constexpr std::string_view event_names[]{
    "created",           "creation_failed", "activate",   "activated",
    "activation_failed", "spawn",           "spawned",    "spawn_failed",
    "expired",           "process_exited",  "stop",       "grace_over",
    "unregister",        "collect",         "emptied",    "still_populated",
    "removed",           "removal_refused", "run_closing"};
static_assert(std::size(event_names) == worker_events);

void PrintTo(Event event, std::ostream* out) {
  *out << event_names[static_cast<std::size_t>(event)];
}

std::vector<Phase> every_phase() {
  std::vector<Phase> phases;
  for (std::size_t i = 0; i < worker_phases; ++i)
    phases.push_back(static_cast<Phase>(i));
  return phases;
}

std::vector<Event> every_event() {
  std::vector<Event> events;
  for (std::size_t i = 0; i < worker_events; ++i)
    events.push_back(static_cast<Event>(i));
  return events;
}

struct Transition {
  Phase from;
  Event event;
  Phase to;
  WorkerActions actions;
};

void PrintTo(const Transition& transition, std::ostream* out) {
  *out << schema::name_of(transition.from) << " -- ";
  PrintTo(transition.event, out);
  *out << " -> " << schema::name_of(transition.to);
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

std::set<Phase> reachable_from(Phase start) {
  std::set<Phase> seen{start};
  std::deque<Phase> open{start};
  while (!open.empty()) {
    const auto phase = open.front();
    open.pop_front();
    for (const auto event : every_event())
      if (const auto next = step(phase, event).phase; seen.insert(next).second)
        open.push_back(next);
  }
  return seen;
}

// ---- the table

TEST(WorkerLifecycle, TakesTheWayThatItsPictureShows) {
  using enum WorkerPhase;
  using enum WorkerAction;
  struct Case {
    Phase from;
    Event event;
    Phase to;
    std::vector<Action> actions;  // among others
  };
  const Case cases[] = {
      {creating, Event::created, reserved, {announce_reserved, arm_expiry}},
      {creating, Event::creation_failed, gone, {forget}},
      {reserved, Event::activate, activating, {disarm_timer, write_record}},
      {reserved, Event::expired, abandoned, {write_record, announce_expired, unlist, kill_tree}},
      {reserved,
       Event::unregister,
       abandoned,
       {disarm_timer, write_record, announce_unregistered, unlist, kill_tree}},
      {reserved, Event::stop, abandoned, {disarm_timer, write_record, unlist, kill_tree}},
      {activating, Event::activated, active, {write_record, watch_process, announce_activated}},
      {activating, Event::activation_failed, reserved, {write_record, arm_expiry}},
      {creating, Event::spawn, spawning, {announce_reserved, arm_expiry}},
      {spawning,
       Event::spawned,
       active,
       {disarm_timer, write_record, watch_process, announce_activated}},
      {spawning,
       Event::spawn_failed,
       abandoned,
       {disarm_timer, write_record, announce_unregistered, unlist, kill_tree}},
      {spawning, Event::expired, abandoned, {write_record, announce_expired, unlist, kill_tree}},
      {active, Event::stop, stopping, {write_record, signal_process, arm_grace}},
      {active,
       Event::process_exited,
       emptying,
       {record_exit, write_record, announce_exited, kill_tree, answer_exit}},
      {active, Event::unregister, detached, {write_record, announce_unregistered, unlist}},
      {stopping, Event::stop, stopping, {write_record, arm_grace}},
      {stopping, Event::grace_over, stopping, {kill_tree}},
      {stopping, Event::still_populated, stopping, {kill_tree}},
      {stopping,
       Event::process_exited,
       emptying,
       {disarm_timer, record_exit, write_record, announce_exited, kill_tree, answer_exit}},
      {stopping, Event::unregister, detached, {write_record, announce_unregistered, unlist}},
      {detached, Event::grace_over, detached, {kill_tree}},
      {detached,
       Event::process_exited,
       abandoned,
       {disarm_timer, record_exit, write_record, announce_exited, kill_tree, answer_exit}},
      {emptying, Event::emptied, exited, {record_usage, write_record, arm_age, answer_empty}},
      {emptying, Event::still_populated, emptying, {kill_tree}},
      {emptying, Event::unregister, abandoned, {write_record, announce_unregistered, unlist}},
      {emptying, Event::collect, abandoned, {write_record, unlist}},
      {exited,
       Event::unregister,
       removing,
       {disarm_timer, announce_unregistered, unlist, remove_directory}},
      {exited, Event::collect, removing, {disarm_timer, unlist, remove_directory}},
      {exited, Event::expired, removing, {unlist, remove_directory}},
      {abandoned, Event::emptied, removing, {answer_empty, remove_directory}},
      {abandoned, Event::still_populated, abandoned, {kill_tree}},
      {removing, Event::removed, gone, {forget}},
      {removing, Event::removal_refused, abandoned, {kill_tree}},
      {reserved, Event::run_closing, condemned, {disarm_timer}},
      {active, Event::run_closing, condemned, {disarm_timer}},
      {exited, Event::run_closing, condemned, {disarm_timer}},
      {condemned, Event::process_exited, condemned, {record_exit, announce_exited, answer_exit}},
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
}

TEST(WorkerLifecycle, IsTotal) {
  for (const auto& transition : every_transition())
    EXPECT_LT(static_cast<std::size_t>(transition.to), worker_phases)
        << testing::PrintToString(transition);
}

TEST(WorkerLifecycle, IgnoresEventsThatMeanNothing) {
  const std::pair<Phase, Event> cases[] = {
      {Phase::creating, Event::unregister},     {Phase::creating, Event::expired},
      {Phase::reserved, Event::process_exited}, {Phase::reserved, Event::grace_over},
      {Phase::reserved, Event::emptied},        {Phase::reserved, Event::collect},
      {Phase::activating, Event::expired},      {Phase::activating, Event::unregister},
      {Phase::activating, Event::activate},     {Phase::spawning, Event::unregister},
      {Phase::spawning, Event::emptied},        {Phase::active, Event::expired},
      {Phase::active, Event::emptied},          {Phase::active, Event::collect},
      {Phase::active, Event::activated},        {Phase::active, Event::grace_over},
      {Phase::stopping, Event::collect},        {Phase::stopping, Event::emptied},
      {Phase::detached, Event::unregister},     {Phase::detached, Event::stop},
      {Phase::emptying, Event::process_exited}, {Phase::emptying, Event::expired},
      {Phase::exited, Event::process_exited},   {Phase::exited, Event::stop},
      {Phase::exited, Event::emptied},          {Phase::abandoned, Event::unregister},
      {Phase::abandoned, Event::expired},       {Phase::removing, Event::emptied},
      {Phase::condemned, Event::emptied},       {Phase::condemned, Event::run_closing},
  };
  for (const auto& [phase, event] : cases)
    EXPECT_EQ(step(phase, event), (WorkerStep{phase, {}}))
        << testing::PrintToString(Transition{phase, event, phase, {}});
}

TEST(WorkerLifecycle, NeverComesBackFromGone) {
  for (const auto event : every_event())
    EXPECT_EQ(step(Phase::gone, event), (WorkerStep{Phase::gone, {}}));
}

TEST(WorkerLifecycle, CanAlwaysEnd) {
  for (const auto phase : every_phase()) {
    // Condemned, it goes with its run, without a step of its own.
    if (phase == Phase::condemned) continue;
    EXPECT_TRUE(reachable_from(phase).contains(Phase::gone)) << testing::PrintToString(phase);
  }
}

TEST(WorkerLifecycle, LeavesACondemnedWorkerToItsRun) {
  EXPECT_EQ(reachable_from(Phase::condemned), std::set{Phase::condemned});
  for (const auto phase : every_phase())
    if (phase != Phase::gone) {
      EXPECT_EQ(step(phase, Event::run_closing).phase, Phase::condemned);
    }
  // Neither kills, moves nor removes anything: all that is its run's now.
  for (const auto& each : every_transition()) {
    if (each.to != Phase::condemned) continue;
    for (const auto action : {Action::kill_tree, Action::remove_directory, Action::forget,
                              Action::arm_expiry, Action::arm_grace, Action::arm_age})
      EXPECT_FALSE(each.actions.has(action)) << testing::PrintToString(each);
  }
}

// ---- properties of single transitions

TEST(WorkerLifecycle, RemovesTheDirectoryOnTheWayIntoRemovingAndNowhereElse) {
  for (const auto& each : every_transition())
    EXPECT_EQ(each.actions.has(Action::remove_directory),
              each.to == Phase::removing && each.from != Phase::removing)
        << testing::PrintToString(each);
}

TEST(WorkerLifecycle, ForgetsOnTheWayIntoGoneAndNowhereElse) {
  for (const auto& each : every_transition())
    EXPECT_EQ(each.actions.has(Action::forget), each.to == Phase::gone && each.from != Phase::gone)
        << testing::PrintToString(each);
}

TEST(WorkerLifecycle, UnlistsExactlyWhatLeavesTheListings) {
  for (const auto& each : every_transition()) {
    if (each.event == Event::run_closing) continue;
    EXPECT_EQ(each.actions.has(Action::unlist), is_listed(each.from) && !is_listed(each.to))
        << testing::PrintToString(each);
  }
}

TEST(WorkerLifecycle, WatchesAProcessExactlyWhenItBecomesTheWorkers) {
  for (const auto& each : every_transition()) {
    const bool becomes = !has_live_process(each.from) && has_live_process(each.to);
    EXPECT_EQ(each.actions.has(Action::watch_process), becomes) << testing::PrintToString(each);
  }
}

TEST(WorkerLifecycle, TellsOfADeathExactlyWhenItHappens) {
  for (const auto& each : every_transition()) {
    const bool dies = each.event == Event::process_exited &&
                      (has_live_process(each.from) || each.from == Phase::condemned);
    for (const auto action : {Action::record_exit, Action::announce_exited, Action::answer_exit})
      EXPECT_EQ(each.actions.has(action), dies) << testing::PrintToString(each);
  }
}

TEST(WorkerLifecycle, WritesTheRecordBeforeAnybodyIsToldOfAChange) {
  // Actions are done in the order of their numbers.
  for (const auto told : {Action::announce_reserved, Action::announce_activated,
                          Action::announce_exited, Action::announce_expired,
                          Action::announce_unregistered, Action::answer_exit, Action::answer_empty})
    EXPECT_LT(Action::write_record, told);
  for (const auto gathered : {Action::record_exit, Action::record_usage})
    EXPECT_LT(gathered, Action::write_record);
  // The usage is read before the directory goes, and a fresh timer is not disarmed at once.
  EXPECT_LT(Action::record_usage, Action::remove_directory);
  for (const auto arm : {Action::arm_expiry, Action::arm_grace, Action::arm_age})
    EXPECT_LT(Action::disarm_timer, arm);
  EXPECT_LT(Action::remove_directory, Action::forget);
}

// ---- properties of all walks through the table

// Everything that can be reached, whatever events come; `next` gives a state's successors.
template <class State, class Next>
std::set<State> explored(const State& start, const Next& next) {
  std::set<State> seen{start};
  std::deque<State> open{start};
  while (!open.empty()) {
    const State state = open.front();
    open.pop_front();
    for (const State& each : next(state))
      if (seen.insert(each).second) open.push_back(each);
  }
  return seen;
}

struct Walk {
  Phase phase = Phase::creating;
  bool unlisted = false;
  bool killing = false;  // asked for, and not yet told that it is done
  auto operator<=>(const Walk&) const = default;
};

template <class Check>
std::set<Walk> explored_walks(const Check& check) {
  return explored(Walk{}, [&](const Walk& walk) {
    std::vector<Walk> successors;
    for (const auto event : every_event()) {
      const auto [phase, actions] = step(walk.phase, event);
      check(walk, Transition{walk.phase, event, phase, actions});
      auto& next = successors.emplace_back(walk);
      next.phase = phase;
      next.unlisted |= actions.has(Action::unlist);
      if (event == Event::emptied) next.killing = false;
      next.killing |= actions.has(Action::kill_tree);
    }
    return successors;
  });
}

TEST(WorkerWalks, NeverListAWorkerAgain) {
  std::set<Phase> seen;
  for (const auto& walk : explored_walks([](const Walk&, const Transition&) {})) {
    seen.insert(walk.phase);
    EXPECT_FALSE(walk.unlisted && is_listed(walk.phase)) << testing::PrintToString(walk.phase);
    EXPECT_FALSE(walk.unlisted && holds_name(walk.phase)) << testing::PrintToString(walk.phase);
  }
  EXPECT_EQ(seen.size(), worker_phases);
}

TEST(WorkerWalks, KillWhateverMayBeLeft) {
  int checked = 0;
  explored_walks([&](const Walk& walk, const Transition& each) {
    if (each.to == each.from || (each.to != Phase::emptying && each.to != Phase::abandoned)) return;
    ++checked;
    const bool under_way = walk.killing && each.event != Event::emptied;
    EXPECT_TRUE(each.actions.has(Action::kill_tree) || under_way) << testing::PrintToString(each);
  });
  EXPECT_GT(checked, 8);
}

TEST(WorkerWalks, RepeatAKillThatDidNotEmptyTheTree) {
  explored_walks([](const Walk& walk, const Transition& each) {
    if (each.event != Event::still_populated || !walk.killing) return;
    if (each.from == Phase::exited || each.from == Phase::removing ||
        each.from == Phase::condemned || each.from == Phase::gone)
      return;
    EXPECT_TRUE(each.actions.has(Action::kill_tree)) << testing::PrintToString(each);
  });
}

// ---- the lifecycle in its world

enum class Timer { none, expiry, grace, age };
enum class Process { none, entering, watched, dead };

// What the executor and the kernel make of the actions. The record is first written by the
// executor itself, before `created`, as that of a reserved worker.
struct World {
  Phase phase = Phase::creating;
  Phase on_disk = Phase::reserved;
  Timer timer = Timer::none;
  Process process = Process::none;
  bool killing = false;
  bool removing = false;
  bool stop_awaited = false;  // somebody waits for the tree to be gone
  bool exit_awaited = false;
  auto operator<=>(const World&) const = default;
};

bool can_come(Event event, const World& world) {
  const bool can_be_called =
      is_listed(world.phase) && world.phase != Phase::activating && world.phase != Phase::spawning;
  switch (event) {
    case Event::created:
    case Event::creation_failed:
    case Event::spawn:
      return world.phase == Phase::creating;
    case Event::activate:
      return world.phase == Phase::reserved;
    case Event::spawned:
    case Event::spawn_failed:
      return world.phase == Phase::spawning;
    case Event::activated:
    case Event::activation_failed:
      return world.phase == Phase::activating;
    case Event::expired:
      return world.timer == Timer::expiry || world.timer == Timer::age;
    case Event::grace_over:
      return world.timer == Timer::grace;
    case Event::process_exited:
      return world.process == Process::watched;
    case Event::stop:
      return can_be_called && world.phase != Phase::exited;
    case Event::unregister:
    case Event::collect:
      return can_be_called;
    case Event::emptied:
    case Event::still_populated:
      return world.killing;
    case Event::removed:
    case Event::removal_refused:
      return world.removing;
    case Event::run_closing:
      return world.phase != Phase::gone;
  }
  return false;
}

World after(World world, Event event) {
  const auto [phase, actions] = step(world.phase, event);
  world.phase = phase;
  switch (event) {
    case Event::expired:
    case Event::grace_over:
      world.timer = Timer::none;
      break;
    case Event::activate:
    case Event::spawn:
      world.process = Process::entering;
      break;
    case Event::activation_failed:
    case Event::spawn_failed:
      world.process = Process::none;
      break;
    case Event::process_exited:
      world.process = Process::dead;
      break;
    case Event::stop:
      world.stop_awaited = true;
      break;
    case Event::emptied:
      world.killing = false;
      break;
    case Event::removed:
    case Event::removal_refused:
      world.removing = false;
      break;
    default:
      break;
  }
  if (actions.has(Action::disarm_timer)) world.timer = Timer::none;
  // A worker is made with the record that belongs to what it is made for.
  if (actions.has(Action::write_record) || event == Event::spawn) world.on_disk = phase;
  if (actions.has(Action::watch_process)) {
    world.process = Process::watched;
    world.exit_awaited = true;
  }
  if (actions.has(Action::arm_expiry)) world.timer = Timer::expiry;
  if (actions.has(Action::arm_grace)) world.timer = Timer::grace;
  if (actions.has(Action::arm_age)) world.timer = Timer::age;
  if (actions.has(Action::kill_tree)) world.killing = true;
  if (actions.has(Action::answer_exit)) world.exit_awaited = false;
  if (actions.has(Action::answer_empty)) world.stop_awaited = false;
  if (actions.has(Action::remove_directory)) world.removing = true;
  return world;
}

// Calls `check` with each world that can come about and how it did.
template <class Check>
void for_each_world(const Check& check) {
  const auto worlds = explored(World{}, [&](const World& world) {
    std::vector<World> successors;
    for (const auto event : every_event()) {
      if (!can_come(event, world)) continue;
      successors.push_back(after(world, event));
      check(successors.back(), Transition{world.phase, event, successors.back().phase,
                                          step(world.phase, event).actions});
    }
    return successors;
  });
  std::set<Phase> phases;
  for (const auto& world : worlds)
    phases.insert(world.phase);
  EXPECT_EQ(phases.size(), worker_phases);
}

TEST(WorkerWorld, NeverLetsATimerOutliveItsPhase) {
  const auto expected = [](Phase phase) -> std::set<Timer> {
    switch (phase) {
      case Phase::reserved:
        return {Timer::expiry};
      case Phase::spawning:
        return {Timer::none, Timer::expiry};
      case Phase::stopping:
      case Phase::detached:
        return {Timer::none, Timer::grace};
      case Phase::exited:
        return {Timer::age};
      default:
        return {Timer::none};
    }
  };
  for_each_world([&](const World& world, const Transition& how) {
    EXPECT_TRUE(expected(world.phase).contains(world.timer)) << testing::PrintToString(how);
  });
}

TEST(WorkerWorld, RemovesADirectoryOnlyWhenNothingIsLeftInIt) {
  for_each_world([](const World& world, const Transition& how) {
    if (world.phase == Phase::condemned) return;
    EXPECT_EQ(world.removing, world.phase == Phase::removing) << testing::PrintToString(how);
    if (!world.removing) return;
    EXPECT_FALSE(world.killing) << testing::PrintToString(how);
    EXPECT_NE(world.process, Process::watched) << testing::PrintToString(how);
  });
}

TEST(WorkerWorld, HasAKillUnderWayWhereverTheTreeMustGo) {
  for_each_world([](const World& world, const Transition& how) {
    if (world.phase == Phase::emptying || world.phase == Phase::abandoned) {
      EXPECT_TRUE(world.killing) << testing::PrintToString(how);
    }
  });
}

TEST(WorkerWorld, KnowsWhetherTheProcessLives) {
  for_each_world([](const World& world, const Transition& how) {
    if (world.phase == Phase::condemned) return;
    EXPECT_EQ(has_live_process(world.phase), world.process == Process::watched)
        << testing::PrintToString(how);
    if (is_listed(world.phase)) {
      EXPECT_EQ(state_of(world.phase) == WorkerState::exited, world.process == Process::dead)
          << testing::PrintToString(how);
    }
  });
}

TEST(WorkerWorld, LeavesNothingBehindWhenItIsGone) {
  for_each_world([](const World& world, const Transition& how) {
    if (world.phase != Phase::gone) return;
    EXPECT_FALSE(world.killing || world.removing) << testing::PrintToString(how);
    EXPECT_EQ(world.timer, Timer::none) << testing::PrintToString(how);
    EXPECT_NE(world.process, Process::watched) << testing::PrintToString(how);
  });
}

TEST(WorkerWorld, AnswersWhoeverWaits) {
  for_each_world([](const World& world, const Transition& how) {
    if (world.phase == Phase::condemned) return;  // its run answers
    if (world.process == Process::dead) {
      EXPECT_FALSE(world.exit_awaited) << testing::PrintToString(how);
    }
    if (world.phase == Phase::exited || world.phase == Phase::removing ||
        world.phase == Phase::gone) {
      EXPECT_FALSE(world.stop_awaited) << testing::PrintToString(how);
    }
  });
}

// What LiveWorker::adopt makes of a recorded phase.
enum class Recovery { waits_for_process, resumes_activation, watches, empties, keeps, ends };

std::pair<Recovery, bool> recovery_of(Phase phase) {
  const bool listed = is_listed(phase);
  switch (phase) {
    case Phase::reserved:
      return {Recovery::waits_for_process, listed};
    case Phase::activating:
      return {Recovery::resumes_activation, listed};
    case Phase::active:
    case Phase::stopping:
    case Phase::detached:
      return {Recovery::watches, listed};
    case Phase::emptying:
      return {Recovery::empties, listed};
    case Phase::exited:
      return {Recovery::keeps, listed};
    default:
      return {Recovery::ends, listed};
  }
}

// A daemon that is killed must find in the record what it has already told its clients.
TEST(WorkerWorld, RecordsWhatARestartMustKnow) {
  std::set<std::tuple<Phase, Event, Phase>> told;
  for_each_world([&](const World& world, const Transition& how) {
    // The run's own record says that everything in it is to be killed.
    if (world.phase == Phase::creating || world.phase == Phase::condemned ||
        world.phase == Phase::gone)
      return;
    if (recovery_of(world.on_disk) == recovery_of(world.phase)) return;
    if (told.insert({how.from, how.event, how.to}).second)
      ADD_FAILURE() << testing::PrintToString(how) << " leaves a record that says "
                    << schema::name_of(world.on_disk);
  });
}

// ---- how a phase is told

TEST(WorkerPhases, AreToldToClientsAsStates) {
  struct Case {
    Phase phase;
    const char* name;
    WorkerState state;
    bool listed, holds_name, live;
  };
  const Case cases[] = {
      {Phase::creating, "creating", WorkerState::reserved, false, true, false},
      {Phase::reserved, "reserved", WorkerState::reserved, true, true, false},
      {Phase::activating, "activating", WorkerState::reserved, true, true, false},
      {Phase::spawning, "spawning", WorkerState::reserved, true, true, false},
      {Phase::active, "active", WorkerState::active, true, true, true},
      {Phase::stopping, "stopping", WorkerState::stopping, true, true, true},
      {Phase::detached, "detached", WorkerState::stopping, false, false, true},
      {Phase::emptying, "emptying", WorkerState::exited, true, false, false},
      {Phase::exited, "exited", WorkerState::exited, true, false, false},
      {Phase::abandoned, "abandoned", WorkerState::exited, false, false, false},
      {Phase::removing, "removing", WorkerState::exited, false, false, false},
      {Phase::condemned, "condemned", WorkerState::stopping, false, false, false},
      {Phase::gone, "gone", WorkerState::exited, false, false, false},
  };
  static_assert(std::size(cases) == worker_phases);
  for (const auto& each : cases) {
    EXPECT_EQ(schema::name_of(each.phase), each.name);
    EXPECT_EQ(schema::value_named<Phase>(each.name), each.phase);
    EXPECT_EQ(state_of(each.phase), each.state) << each.name;
    EXPECT_EQ(is_listed(each.phase), each.listed) << each.name;
    EXPECT_EQ(holds_name(each.phase), each.holds_name) << each.name;
    EXPECT_EQ(has_live_process(each.phase), each.live) << each.name;
  }
}

}  // namespace

}  // namespace reeve::registry
