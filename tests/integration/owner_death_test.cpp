// The main job: an application dies, and nothing it started is left.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "support/world.hpp"

namespace reeve::test {
namespace {

// What an application may start, each in a process that was moved or born into the run. Every
// process holds the life line; the number says how many report themselves on it.
struct Offspring {
  const char* name;
  std::size_t reports;
  void (*start)(const LifeLine&);
};

[[noreturn]] void stay(const LifeLine& line) {
  line.report();
  for (;;)
    ::pause();
}

void plain_child(const LifeLine& line) {
  if (::fork() == 0) stay(line);
}

void grandchild(const LifeLine& line) {
  if (::fork() != 0) return;
  if (::fork() == 0) stay(line);
  stay(line);
}

void double_forked(const LifeLine& line) {
  const pid_t between = ::fork();
  if (between == 0) {
    if (::fork() == 0) stay(line);
    ::_exit(0);
  }
  ::waitpid(between, nullptr, 0);
}

void own_session(const LifeLine& line) {
  if (::fork() != 0) return;
  ::setsid();
  if (::fork() == 0) stay(line);
  stay(line);
}

void ignores_signals(const LifeLine& line) {
  if (::fork() != 0) return;
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_IGN);
  stay(line);
}

void stopped(const LifeLine& line) {
  if (::fork() != 0) return;
  line.report();
  ::raise(SIGSTOP);
  stay(line);
}

// Forks without end while it is being killed; each process ends soon, so that the bomb is bounded.
void forks_in_a_loop(const LifeLine& line) {
  for (int i = 0; i < 4; ++i) {
    if (::fork() != 0) continue;
    ::signal(SIGCHLD, SIG_IGN);
    line.report();
    for (;;) {
      if (::fork() == 0) {
        ::setsid();
        if (::fork() == 0) ::usleep(20'000);
        ::_exit(0);
      }
      ::usleep(500);
    }
  }
}

void PrintTo(const Offspring& offspring, std::ostream* out) {
  *out << offspring.name;
}

class DeathOfTheOwner : public ::testing::TestWithParam<Offspring> {};

INSTANTIATE_TEST_SUITE_P(Kinds, DeathOfTheOwner,
                         ::testing::Values(Offspring{"plain_child", 1, plain_child},
                                           Offspring{"grandchild", 2, grandchild},
                                           Offspring{"double_forked", 1, double_forked},
                                           Offspring{"own_session", 2, own_session},
                                           Offspring{"ignores_signals", 1, ignores_signals},
                                           Offspring{"stopped", 1, stopped},
                                           Offspring{"forks_in_a_loop", 4, forks_in_a_loop}),
                         [](const auto& each) { return std::string(each.param.name); });

// The application enters its run, as under `reevectl run`, and starts things without telling
// anyone.
TEST_P(DeathOfTheOwner, LeavesNothingOfAnApplicationThatEnteredItsRun) {
  World world;
  LifeLine line;
  auto application = Child::run([&] {
    auto client = world.connect();
    const auto opened = call_on<api::OpenRun>(client, {});
    if (!opened || !call_on<api::EnterRun>(client, {opened->run.run})) return 1;
    GetParam().start(line);
    stay(line);
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(GetParam().reports + 1));

  application.kill();

  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

// The application stays outside; its worker was born in the reserved cgroup and starts things.
TEST_P(DeathOfTheOwner, LeavesNothingOfAWorkerBornInItsReservation) {
  World world;
  LifeLine line;
  auto owner = Child::sleeper();
  const auto run = world.open_run(owner);
  const auto worker = world.reserve(run, "worker");
  auto process = Child::born_in(world.directory_of(worker.control_group), [&] {
    GetParam().start(line);
    stay(line);
    return 0;
  });
  ASSERT_TRUE(line.await_reports(GetParam().reports + 1));
  world.activate(run, "worker", process);
  line.let_go();
  // The owner inherited nothing: it was started before, and the line is this test's.
  owner.kill();
  EXPECT_TRUE(eventually([&] { return !process.is_alive(); }));
  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

// Never activated at all: killed between spawn and activate.
TEST_P(DeathOfTheOwner, LeavesNothingThatWasBornBetweenReserveAndActivate) {
  World world;
  auto owner = Child::sleeper();
  LifeLine line;
  const auto run = world.open_run(owner);
  const auto worker = world.reserve(run, "worker");
  auto process = Child::born_in(world.directory_of(worker.control_group), [&] {
    GetParam().start(line);
    stay(line);
    return 0;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(GetParam().reports + 1));
  owner.kill();
  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST(OwnerDeath, TakesDescendantsThatAWorkerHadForkedBeforeItWasActivated) {
  World world;
  auto owner = Child::sleeper();
  LifeLine line;
  auto process = Child::run([&] {
    grandchild(line);
    own_session(line);
    stay(line);
    return 0;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(5));
  const auto run = world.open_run(owner);
  world.reserve(run, "worker");
  const auto worker = world.activate(run, "worker", process);
  EXPECT_EQ(control_group_of(process.pid()), worker.control_group);
  owner.kill();
  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST(OwnerDeath, LeavesTheRunsOfOthersAlone) {
  World world;
  auto first = Child::sleeper();
  auto second = Child::sleeper();
  auto theirs = Child::sleeper();
  const auto run_of_first = world.open_run(first);
  const auto run_of_second = world.open_run(second);
  world.reserve(run_of_first, "worker");
  world.reserve(run_of_second, "worker");
  world.activate(run_of_second, "worker", theirs);
  first.kill();
  ASSERT_TRUE(eventually([&] { return world.run_directories().size() == 1; }));
  EXPECT_TRUE(theirs.is_alive());
  const auto worker = world.get(run_of_second, "worker");
  ASSERT_TRUE(worker) << worker;
  EXPECT_EQ(worker->worker.state, WorkerState::active);
}

TEST(OwnerDeath, GivesTheGracePeriodUnderThePolicyTerminate) {
  World world;
  auto owner = Child::sleeper();
  LifeLine line;
  const auto run = world.open_run(owner, OwnerExitPolicy::terminate, std::chrono::hours(1));
  const auto reservation = world.reserve(run, "polite");
  auto polite = Child::born_in(world.directory_of(reservation.control_group), [&] {
    static volatile sig_atomic_t asked = 0;
    ::signal(SIGTERM, [](int) { asked = 1; });
    line.report();
    while (asked == 0)
      ::usleep(1000);
    return 42;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(1));
  world.activate(run, "polite", polite);
  owner.kill();
  const int status = polite.wait();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST(OwnerDeath, KillsAfterTheGracePeriodWhatIgnoresSigterm) {
  World world;
  auto owner = Child::sleeper();
  LifeLine line;
  const auto run = world.open_run(owner, OwnerExitPolicy::terminate, std::chrono::milliseconds(50));
  const auto reservation = world.reserve(run, "stubborn");
  auto stubborn = Child::born_in(world.directory_of(reservation.control_group), [&] {
    ignores_signals(line);
    ::signal(SIGTERM, SIG_IGN);
    stay(line);
    return 0;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(2));
  owner.kill();
  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST(OwnerDeath, LeavesTheWorkersUnderThePolicyKeepUntilTheRunIsClosed) {
  World world;
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  Follower follower(world, {});
  const auto run = world.open_run(owner, OwnerExitPolicy::keep);
  world.reserve(run, "worker");
  world.activate(run, "worker", process);
  owner.kill();
  world.restart();  // neither the death nor a restart ends it
  ASSERT_TRUE(world.call<api::CleanupOrphans>({}));
  EXPECT_TRUE(process.is_alive());
  ASSERT_TRUE(world.await_state(run, "worker", WorkerState::active));
  const auto closed = world.call<api::CloseRun>({run, {}});
  ASSERT_TRUE(closed) << closed;
  EXPECT_EQ(closed->report.processes_killed, 1);
  EXPECT_FALSE(process.is_alive());
  EXPECT_TRUE(world.root_is_empty());
}

TEST(OwnerDeath, IsToldWithAReportOfWhatWasEnded) {
  World world;
  Follower follower(world, {});
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = world.open_run(owner);
  world.reserve(run, "active");
  world.activate(run, "active", process);
  world.reserve(run, "reserved");
  owner.kill();
  EXPECT_EQ(follower.next(EventKind::exited).worker->worker, "active");
  const auto killed = follower.next(EventKind::orphans_killed);
  EXPECT_EQ(killed.run, run);
  ASSERT_TRUE(killed.report);
  EXPECT_EQ(killed.report->runs_removed, 1);
  EXPECT_EQ(killed.report->workers_removed, 1);
  EXPECT_EQ(killed.report->reservations_removed, 1);
  EXPECT_EQ(killed.report->processes_killed, 1);
  EXPECT_EQ(follower.next(EventKind::run_closed).run, run);
}

TEST(OwnerDeath, OfAZombieCountsAsDeath) {
  World world;
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = world.open_run(owner);
  world.reserve(run, "worker");
  world.activate(run, "worker", process);
  owner.kill_unreaped();
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_FALSE(process.is_alive());
}

}  // namespace
}  // namespace reeve::test
