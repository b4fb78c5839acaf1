// What the ancestor, Snakepit's Pool.ProcessRegistry, gets wrong: each row of the design's table.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "support/world.hpp"

namespace reeve::test {
namespace {

class Ancestor : public ::testing::Test {
 protected:
  World world_;
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);
};

TEST_F(Ancestor, KilledItsHealthyWorkersWhenItRestarted_HereTheyAreAdopted) {
  std::vector<Child> workers;
  for (int i = 0; i < 4; ++i) {
    world_.reserve(run_, std::to_string(i));
    world_.activate(run_, std::to_string(i), workers.emplace_back(Child::sleeper()));
  }
  world_.restart();
  EXPECT_EQ(world_.call<api::ListWorkers>({run_, WorkerState::active, {}})->workers.size(), 4U);
  for (const auto& worker : workers)
    EXPECT_TRUE(worker.is_alive());
}

TEST_F(Ancestor, KilledTheWholeRunForOneOldReservation_HereOnlyThatReservationGoes) {
  auto healthy = Child::sleeper();
  world_.reserve(run_, "healthy");
  world_.activate(run_, "healthy", healthy);
  Follower follower(world_, run_);
  ASSERT_TRUE(world_.call<api::Reserve>({"old", run_, std::chrono::milliseconds(1), {}, {}, {}}));
  follower.next(EventKind::reservation_expired);
  ASSERT_TRUE(world_.call<api::CleanupOrphans>({}));
  EXPECT_TRUE(healthy.is_alive());
  EXPECT_EQ(world_.get(run_, "healthy")->worker.state, WorkerState::active);
  EXPECT_EQ(world_.get(run_, "old").error, "NoSuchWorker");
}

TEST_F(Ancestor, LetASecondInstanceKillTheFirstOnesWorkers_HereRunsAreIsolatedByOwner) {
  auto first = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", first);
  auto other_owner = Child::sleeper();
  const auto other = world_.open_run(other_owner);
  world_.reserve(other, "worker");  // of the same name, too
  ASSERT_TRUE(world_.call<api::CleanupOrphans>({}));
  other_owner.kill();
  ASSERT_TRUE(eventually([&] { return world_.run_directories().size() == 1; }));
  EXPECT_TRUE(first.is_alive());

  World second;  // and a second daemon on the host has a root of its own
  EXPECT_TRUE(second.call<api::ListRuns>({})->runs.empty());
  EXPECT_TRUE(first.is_alive());
}

TEST_F(Ancestor, LeakedAnOrphanOfAnotherInstanceName_HereAStaleRunIsFoundByItsCgroup) {
  api::OpenRun::Input input;
  auto owner = Child::sleeper();
  input.owner = owner.id();
  input.name = "another-instance";
  const auto run = world_.call<api::OpenRun>(input)->run.run;
  auto orphan = Child::sleeper();
  world_.reserve(run, "worker");
  world_.activate(run, "worker", orphan);
  world_.kill_daemon();
  owner.kill();
  world_.start();
  EXPECT_TRUE(eventually([&] { return !orphan.is_alive(); }));
}

TEST_F(Ancestor, LeftTheGrandchildOfADeadWorker_HereItsCgroupIsKilledWithIt) {
  for (const bool own_session : {false, true}) {
    const auto name = own_session ? "own-session" : "same-group";
    const auto reservation = world_.reserve(run_, name);
    LifeLine line;
    auto worker = Child::born_in(world_.directory_of(reservation.control_group), [&] {
      if (::fork() == 0) {
        if (own_session) ::setsid();
        ::fork();
      }
      line.report();
      return ::pause();
    });
    line.let_go();
    ASSERT_TRUE(line.await_reports(3));
    world_.activate(run_, name, worker);
    worker.kill();
    EXPECT_TRUE(line.all_are_gone()) << name;
  }
}

TEST_F(Ancestor, MissedWhatWasKilledBetweenSpawnAndActivate_HereItIsBornInside) {
  LifeLine line;
  for (int i = 0; i < 100; ++i) {
    auto owner = Child::sleeper();
    const auto run = world_.open_run(owner);
    const auto reservation = world_.reserve(run, "worker");
    auto spawned =
        Child::born_in(world_.directory_of(reservation.control_group), [] { return ::pause(); });
    owner.kill();
    const int status = spawned.wait();  // at whatever point of its life it was
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
}

TEST_F(Ancestor, KilledByCommandLine_HereNoCommandLineIsEverRead) {
  auto worker = Child::sleeper();
  world_.reserve(run_, "worker");
  const auto path = world_.activate(run_, "worker", worker).control_group;
  // Mentions all that could identify the run, and is a `python` with its --run-id.
  auto lookalike = Child::run([&] {
    ::execl("/bin/sh", "python3", "-c", "kill -STOP $$", "--run-id", run_.c_str(), "--run-id",
            (run_ + "9").c_str(), path.c_str(), nullptr);
    return 127;
  });
  auto unrelated = Child::exec({"sleep", "1000"});
  owner_.kill();
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  EXPECT_FALSE(worker.is_alive());  // though it is not called python
  EXPECT_TRUE(lookalike.is_alive());
  EXPECT_TRUE(unrelated.is_alive());
}

TEST_F(Ancestor, HadCollidingRunIds_HereTheyAre128RandomBits) {
  std::set<std::string> ids{run_};
  std::set<std::string> halves{run_.substr(0, 16), run_.substr(16)};
  for (int i = 0; i < 50; ++i) {
    const auto run = world_.open_run(owner_);
    EXPECT_EQ(run.size(), 32U);
    EXPECT_TRUE(ids.insert(run).second);
    EXPECT_TRUE(halves.insert(run.substr(0, 16)).second);
    EXPECT_TRUE(halves.insert(run.substr(16)).second);
  }
}

TEST_F(Ancestor, EndedOrphansOneAfterTheOther_HereOneGracePeriodIsCommonToAll) {
  constexpr int count = 100;
  constexpr auto grace = std::chrono::milliseconds(300);
  auto owner = Child::sleeper();
  const auto run = world_.open_run(owner, OwnerExitPolicy::terminate, grace);
  std::vector<Child> orphans;
  LifeLine line;
  for (int i = 0; i < count; ++i) {
    const auto reservation = world_.reserve(run, std::to_string(i));
    orphans.push_back(Child::born_in(world_.directory_of(reservation.control_group), [&] {
      ::signal(SIGTERM, SIG_IGN);
      line.report();
      return ::pause();
    }));
  }
  line.let_go();
  ASSERT_TRUE(line.await_reports(count));
  for (int i = 0; i < count; ++i)
    world_.activate(run, std::to_string(i), orphans[static_cast<std::size_t>(i)]);
  const auto begin = std::chrono::steady_clock::now();
  owner.kill();
  EXPECT_TRUE(line.all_are_gone());
  // One after the other would be a hundred grace periods.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, grace * count / 2);
}

TEST_F(Ancestor, PolledForExitsAndForgotTheLiving_HereAnEntryGoesOnlyWithItsProcess) {
  auto worker = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", worker);
  EXPECT_EQ(world_.call<api::CleanupDeadWorkers>({run_})->removed, 0);
  Follower follower(world_, run_);
  worker.kill_unreaped();
  EXPECT_EQ(follower.next(EventKind::exited).worker->worker, "worker");
}

TEST_F(Ancestor, LostAcknowledgedReservations_HereTheyOutliveSigkill) {
  for (int i = 0; i < 20; ++i) {
    const auto name = std::to_string(i);
    world_.reserve(run_, name);
    world_.restart();
    const auto reservation = world_.get(run_, name);
    ASSERT_TRUE(reservation) << reservation;
    EXPECT_EQ(reservation->worker.state, WorkerState::reserved);
  }
}

TEST_F(Ancestor, AcceptedWhatCannotBeTrue_HereItIsRefusedByName) {
  auto process = Child::sleeper();
  auto other = Child::sleeper();
  auto dead = Child::sleeper();
  const auto dead_pid = dead.pid();
  dead.kill();
  world_.reserve(run_, "active");
  world_.activate(run_, "active", process);
  world_.reserve(run_, "second");
  const auto activate = [&](const std::string& worker, std::int64_t pid) {
    api::Activate::Input input;
    input.worker = worker;
    input.run = run_;
    input.process = ProcessId{pid, {}, {}};
    return world_.call<api::Activate>(input).error;
  };
  EXPECT_EQ(world_.call<api::Reserve>({"active", run_, {}, {}, {}, {}}).error, "AlreadyActive");
  EXPECT_EQ(world_.get(run_, "active")->worker.process->pid, process.pid());
  EXPECT_EQ(activate("active", other.pid()), "AlreadyActive");
  EXPECT_EQ(activate("second", process.pid()), "AlreadyActive");  // shared with the first
  EXPECT_EQ(activate("second", dead_pid), "NoSuchProcess");
  EXPECT_EQ(activate("second", 1), "ProcessMismatch");
  EXPECT_EQ(activate("second", -5), "InvalidParameter");
  EXPECT_EQ(activate("never-reserved", other.pid()), "NotReserved");
}

TEST_F(Ancestor, CrashedItsDebuggingDumpOnAReservation_HereItIsShown) {
  world_.reserve(run_, "reserved");
  const auto entries = world_.call<api::ListEntries>({});
  ASSERT_TRUE(entries) << entries;
  EXPECT_EQ(entries->entries.back().worker, "reserved");
  EXPECT_FALSE(entries->entries.back().process);
}

TEST_F(Ancestor, StoredAnUnprintableNameAndCrashedOnIt_HereItIsRefusedAtTheDoor) {
  for (const auto& name : {std::string("a\0b", 3), std::string("a\x1b[2Jb"), std::string("a\nb"),
                           std::string("\xC2\x9B"), std::string()})
    EXPECT_EQ(world_.call<api::Reserve>({name, run_, {}, {}, {}, {}}).error, "InvalidName");
  EXPECT_EQ(world_.call<api::CountEntries>({})->count, 1);
  world_.restart();
  EXPECT_TRUE(world_.call<api::GetRun>({run_}));
}

}  // namespace
}  // namespace reeve::test
