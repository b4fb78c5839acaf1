// The daemon is killed at any moment, and the next one takes up where it was.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "support/kernel.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

TEST(Recovery, AdoptsRunsWorkersAndReservationsAsTheyWere) {
  World world;
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  api::OpenRun::Input open;
  open.owner = owner.id();
  open.name = "app";
  open.on_owner_exit = OwnerExitPolicy::terminate;
  open.grace = std::chrono::seconds(3);
  open.metadata = Metadata{{"key", "value"}};
  const auto run_before = world.call<api::OpenRun>(open)->run;
  const auto& run = run_before.run;
  api::Register::Input worker;
  worker.worker = "a name with blanks, % and \xC3\xA4";
  worker.run = run;
  worker.process = process.id();
  worker.handle = "handle";
  worker.fingerprint = "fingerprint";
  worker.metadata = Metadata{{"a", "b"}};
  ASSERT_TRUE(world.call<api::Register>(worker));
  world.reserve(run, "reserved");
  const auto before = world.call<api::ListWorkers>({run, {}, {}});

  world.restart();

  auto run_after = world.call<api::GetRun>({run})->run;
  EXPECT_EQ(run_after.workers, 2);
  run_after.workers = run_before.workers;
  EXPECT_EQ(json::encoded(run_after), json::encoded(run_before));
  EXPECT_EQ(world.call<api::ListWorkers>({run, {}, {}}).parameters, before.parameters);
  // Adopted means watched.
  process.kill();
  EXPECT_TRUE(world.await_state(run, worker.worker, WorkerState::exited));
}

TEST(Recovery, EndsARunWhoseOwnerDiedMeanwhile) {
  World world;
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = world.open_run(owner);
  world.reserve(run, "worker");
  world.activate(run, "worker", process);
  world.kill_daemon();
  owner.kill();
  world.start();
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_FALSE(process.is_alive());
}

TEST(Recovery, RecordsAnExitThatHappenedMeanwhile) {
  World world;
  auto owner = Child::sleeper();
  auto reaped = Child::sleeper();
  auto zombie = Child::sleeper();
  const auto run = world.open_run(owner);
  world.reserve(run, "reaped");
  world.activate(run, "reaped", reaped);
  world.reserve(run, "zombie");
  world.activate(run, "zombie", zombie);
  world.kill_daemon();
  reaped.kill();
  zombie.kill_unreaped();
  world.start();
  ASSERT_TRUE(world.await_state(run, "reaped", WorkerState::exited));
  const auto first = world.get(run, "reaped");
  EXPECT_EQ(first->worker.exit->cause, ExitCause::unknown);  // nobody can know any more
  EXPECT_TRUE(first->worker.exit->reaped);
  ASSERT_TRUE(world.await_state(run, "zombie", WorkerState::exited));
  EXPECT_FALSE(world.get(run, "zombie")->worker.exit->reaped);
  zombie.wait();
  expect_signal(world.await_reaped(run, "zombie"), "SIGKILL");
}

TEST(Recovery, KeepsAZombieAZombieOverARestart) {
  World world;
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = world.open_run(owner);
  world.reserve(run, "worker");
  world.activate(run, "worker", process);
  process.kill_unreaped();
  ASSERT_TRUE(world.await_state(run, "worker", WorkerState::exited));
  world.restart();
  EXPECT_FALSE(world.get(run, "worker")->worker.exit->reaped);
  process.wait();
  expect_signal(world.await_reaped(run, "worker"), "SIGKILL");
}

TEST(Recovery, ContinuesAStop) {
  World world;
  auto owner = Child::sleeper();
  const auto run = world.open_run(owner);
  const auto reservation = world.reserve(run, "worker");
  auto process = Child::born_in(world.directory_of(reservation.control_group), [] {
    ::signal(SIGTERM, SIG_IGN);
    for (;;)
      ::pause();
    return 0;
  });
  world.activate(run, "worker", process);
  auto client = world.connect();
  auto stopping = Child::run([&] {
    (void)call_on<api::Stop>(client, {"worker", run, std::chrono::milliseconds(500)});
    return 0;
  });
  // On a busy machine the grace period may be over before it is looked at.
  ASSERT_TRUE(
      eventually([&] { return world.get(run, "worker")->worker.state != WorkerState::active; }));
  world.restart();
  EXPECT_TRUE(world.await_state(run, "worker", WorkerState::exited));
  EXPECT_FALSE(process.is_alive());
}

TEST(Recovery, LetsAReservationExpireThatDidSoMeanwhile) {
  World world;
  auto owner = Child::sleeper();
  const auto run = world.open_run(owner);
  api::Reserve::Input input;
  input.worker = "worker";
  input.run = run;
  input.timeout = std::chrono::milliseconds(100);
  const auto reserved = world.call<api::Reserve>(input);
  auto born =
      Child::born_in(world.directory_of(reserved->worker.control_group), [] { return ::pause(); });
  world.kill_daemon();
  ::usleep(150'000);
  world.start();
  EXPECT_TRUE(eventually([&] { return !born.is_alive(); }));
  EXPECT_TRUE(eventually([&] { return world.get(run, "worker").error == "NoSuchWorker"; }));
}

TEST(Recovery, LeavesForeignCgroupsAloneAndReportsThem) {
  World world(World::Daemon::not_started);
  const auto foreign = world.root() + "/somebody-elses";
  const auto lookalike = world.root() + "/run-" + std::string(32, 'a');
  for (const auto& path : {foreign, lookalike})
    std::filesystem::create_directory(world.directory_of(path));
  auto stranger = Child::born_in(world.directory_of(foreign), [] { return ::pause(); });
  auto other = Child::born_in(world.directory_of(lookalike), [] { return ::pause(); });
  const auto cut_short = world.directory_of(world.root() + "/run-" + std::string(32, 'b'));
  std::filesystem::create_directory(cut_short);
  world.start();
  const auto report = world.call<api::CleanupOrphans>({})->report;
  EXPECT_EQ(report.foreign.size(), 2U);
  EXPECT_EQ(report.processes_killed, 0);
  EXPECT_TRUE(stranger.is_alive());
  EXPECT_TRUE(other.is_alive());
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(cut_short); }));
}

TEST(Recovery, EndsWhatSitsInAWorkersCgroupWithoutARecordWhenTheRunEnds) {
  World world;
  auto owner = Child::sleeper();
  const auto run = world.open_run(owner);
  world.kill_daemon();
  const auto directory = world.directory_of(world.root() + "/run-" + run);
  std::filesystem::create_directory(directory + "/worker-half");
  std::filesystem::create_directory(directory + "/worker-empty");
  auto inside = Child::born_in(directory + "/worker-half", [] { return ::pause(); });
  world.start();
  EXPECT_TRUE(inside.is_alive());
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(directory + "/worker-empty"); }));
  owner.kill();
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_FALSE(inside.is_alive());
}

TEST(Recovery, AStopOfTheDaemonIsNotAStopOfTheRuns) {
  World world;
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = world.open_run(owner);
  world.reserve(run, "worker");
  world.activate(run, "worker", process);
  EXPECT_EQ(world.stop_daemon(), 0);
  EXPECT_FALSE(std::filesystem::exists(world.socket()));
  EXPECT_TRUE(process.is_alive());
  world.start();
  EXPECT_EQ(world.get(run, "worker")->worker.state, WorkerState::active);
}

// A client works without pause while the daemon is killed again and again at random moments. What
// it was told must hold afterwards, whatever the moment.
TEST(Recovery, KeepsEveryPromiseWhenKilledAtRandomMoments) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  World world;
  auto owner = Child::sleeper();
  const auto run = world.open_run(owner);
  std::map<std::string, Child> active;
  std::map<std::string, std::string> reserved;
  for (int round = 0; round < 40; ++round) {
    const auto first = "first-" + std::to_string(round);
    const auto second = "second-" + std::to_string(round);
    auto process = Child::sleeper();
    LifeLine told;
    // The client reports each acknowledged step; the kill comes somewhere in between.
    auto client = Child::run([&] {
      auto connection = varlink::Client::connect(world.socket());
      if (!connection) return 0;
      if (!call_on<api::Reserve>(*connection, {first, run, std::chrono::hours(1), {}, {}, {}}))
        return 0;
      if (!call_on<api::Activate>(*connection,
                                  {first, run, process.id(), {}, "handle-" + first, {}}))
        return 1;
      if (!call_on<api::Reserve>(*connection, {second, run, std::chrono::hours(1), {}, {}, {}}))
        return 2;
      return 3;
    });
    ::usleep(std::uniform_int_distribution<useconds_t>(0, 25'000)(random));
    world.kill_daemon();
    const int acknowledged = WEXITSTATUS(client.wait());
    world.start();
    const auto answer = world.get(run, first);
    ASSERT_TRUE(answer || acknowledged == 0) << first << ": " << answer;
    if (acknowledged >= 2) {
      ASSERT_TRUE(eventually([&] {
        return world.get(run, first)->worker.state == WorkerState::active;
      })) << first;
      active.emplace(first, std::move(process));
    } else if (answer) {
      // Not acknowledged: either it took place as a whole or not at all.
      ASSERT_TRUE(eventually([&] {
        const auto now = world.get(run, first);
        if (!now) return true;
        const bool inside = control_group_of(process.pid()) == now->worker.control_group;
        return inside == (now->worker.state == WorkerState::active);
      })) << first;
    }
    if (acknowledged >= 3) {
      const auto reservation = world.get(run, second);
      ASSERT_TRUE(reservation) << second;
      EXPECT_EQ(reservation->worker.state, WorkerState::reserved);
    }
    EXPECT_EQ(world.run_directories().size(), 1U);
  }
  for (const auto& [name, process] : active) {
    EXPECT_TRUE(process.is_alive()) << name;
    const auto answer = world.get(run, name);
    ASSERT_TRUE(answer) << answer;
    EXPECT_EQ(answer->worker.process->pid, process.pid());
    EXPECT_EQ(answer->worker.handle, "handle-" + name);
    EXPECT_EQ(control_group_of(process.pid()), answer->worker.control_group);
  }
  owner.kill();
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  for (const auto& [name, process] : active)
    EXPECT_FALSE(process.is_alive()) << name;
}

TEST(Recovery, OfARunThatWasBeingKilledFinishesIt) {
  for (int delay = 0; delay < 8000; delay += 400) {
    World world;
    auto owner = Child::sleeper();
    const auto run = world.open_run(owner);
    std::vector<Child> processes;
    for (int i = 0; i < 20; ++i) {
      const auto name = std::to_string(i);
      const auto reservation = world.reserve(run, name);
      processes.push_back(
          Child::born_in(world.directory_of(reservation.control_group), [] { return ::pause(); }));
      world.activate(run, name, processes.back());
    }
    owner.kill();
    ::usleep(static_cast<useconds_t>(delay));
    world.restart();
    ASSERT_TRUE(eventually([&] { return world.root_is_empty(); })) << delay;
    for (const auto& process : processes)
      EXPECT_FALSE(process.is_alive());
  }
}

// While it is being terminated, with time to spare: its owner's death still means a kill.
TEST(Recovery, OfARunThatWasBeingTerminatedHeedsTheDeathOfItsOwner) {
  for (const bool died_meanwhile : {true, false}) {
    World world;
    auto owner = Child::sleeper();
    const auto run = world.open_run(owner, OwnerExitPolicy::kill, std::chrono::hours(1));
    world.reserve(run, "deaf");
    auto deaf = Child::run([] {
      ::signal(SIGTERM, SIG_IGN);
      return ::pause();
    });
    world.activate(run, "deaf", deaf);
    Conversation conversation(world);
    api::CloseRun::Input close;
    close.run = run;
    close.on_owner_exit = OwnerExitPolicy::terminate;
    conversation.ask<api::CloseRun>(close);
    ASSERT_TRUE(
        eventually([&] { return world.call<api::GetRun>({run})->run.state == RunState::closing; }));
    world.kill_daemon();
    if (died_meanwhile) owner.kill();
    world.start();
    if (!died_meanwhile) owner.kill();
    EXPECT_TRUE(eventually([&] { return world.root_is_empty(); })) << died_meanwhile;
    EXPECT_FALSE(deaf.is_alive());
  }
}

}  // namespace
}  // namespace reeve::test
