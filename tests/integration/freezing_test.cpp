// Freeze and Thaw, on processes that would rather run.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <list>

#include "support/world.hpp"

namespace reeve::test {
namespace {

class Freezing : public ::testing::Test {
 protected:
  World world_;
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);

  void activate(const std::string& name, const Child& process) {
    world_.reserve(run_, name);
    world_.activate(run_, name, process);
  }
};

// Two processes that count as fast as they can.
struct Counters {
  std::atomic<std::uint64_t> first, second;
};

TEST_F(Freezing, StopsAWorkerAndAllItForkedUntilItIsThawed) {
  auto* counters = static_cast<Counters*>(
      ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const auto worker = world_.reserve(run_, "worker");
  auto process = Child::born_in(world_.directory_of(worker.control_group), [counters] {
    auto& mine = ::fork() == 0 ? counters->first : counters->second;
    for (;;)
      ++mine;
    return 0;
  });
  const auto both_move = [counters] {
    const auto first = counters->first.load(), second = counters->second.load();
    return eventually([&] { return counters->first > first && counters->second > second; });
  };
  world_.activate(run_, "worker", process);
  EXPECT_TRUE(both_move());
  ASSERT_TRUE(world_.call<api::Freeze>({"worker", run_}));
  const auto first = counters->first.load(), second = counters->second.load();
  EXPECT_EQ(world_.get(run_, "worker")->worker.frozen, true);
  EXPECT_EQ(world_.get(run_, "worker")->worker.state, WorkerState::active);
  EXPECT_TRUE(world_.call<api::Freeze>({"worker", run_}));  // as it is already
  world_.restart();
  EXPECT_EQ(world_.get(run_, "worker")->worker.frozen, true);
  EXPECT_EQ(counters->first, first);
  EXPECT_EQ(counters->second, second);
  ASSERT_TRUE(world_.call<api::Thaw>({"worker", run_}));
  EXPECT_EQ(world_.get(run_, "worker")->worker.frozen, std::nullopt);
  EXPECT_TRUE(both_move());
  ::munmap(counters, sizeof(Counters));
}

TEST_F(Freezing, WhatAsksAFrozenWorkerToEndIsHeardByIt) {
  for (const auto* name : {"stopped", "with its run"}) {
    const auto worker = world_.reserve(run_, name);
    LifeLine line;
    auto process = Child::born_in(world_.directory_of(worker.control_group), [&] {
      ::signal(SIGTERM, [](int) { ::_exit(5); });
      line.report();
      for (;;)
        ::pause();
      return 0;
    });
    line.let_go();
    ASSERT_TRUE(line.await_reports(1));
    world_.activate(run_, name, process);
    ASSERT_TRUE(world_.call<api::Freeze>({name, run_}));
    if (name == std::string("stopped"))
      EXPECT_TRUE(world_.call<api::Stop>({name, run_, patience}));
    else
      EXPECT_TRUE(world_.call<api::CloseRun>({run_, OwnerExitPolicy::terminate}));
    EXPECT_EQ(WEXITSTATUS(process.wait()), 5) << name;
  }
}

TEST_F(Freezing, AFrozenWorkerEndsWithItsOwner) {
  auto process = Child::sleeper();
  activate("worker", process);
  ASSERT_TRUE(world_.call<api::Freeze>({"worker", run_}));
  owner_.kill();
  EXPECT_EQ(WTERMSIG(process.wait()), SIGKILL);
  EXPECT_TRUE(eventually([this] { return world_.root_is_empty(); }));
}

TEST_F(Freezing, OfAReservationStopsWhatComesInto) {
  const auto worker = world_.reserve(run_, "worker");
  ASSERT_TRUE(world_.call<api::Freeze>({"worker", run_}));
  auto process = Child::sleeper();
  world_.activate(run_, "worker", process);
  EXPECT_EQ(world_.get(run_, "worker")->worker.frozen, true);
  const auto events = world_.directory_of(worker.control_group) + "/cgroup.events";
  EXPECT_TRUE(eventually([&] { return read_file(events).find("frozen 1") != std::string::npos; }));
}

TEST_F(Freezing, OfAReservationLastsUntilWhatIsInsideIsKilled) {
  auto* counters = static_cast<Counters*>(
      ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const auto worker = world_.reserve(run_, "worker");
  auto process = Child::born_in(world_.directory_of(worker.control_group), [counters] {
    for (;;)
      ++counters->first;
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return counters->first > 0; }));
  ASSERT_TRUE(world_.call<api::Freeze>({"worker", run_}));
  const auto then = counters->first.load();
  ASSERT_TRUE(world_.call<api::Stop>({"worker", run_, {}}));
  EXPECT_EQ(WTERMSIG(process.wait()), SIGKILL);
  EXPECT_EQ(counters->first, then);
  ::munmap(counters, sizeof(Counters));
}

TEST_F(Freezing, ManyWishesAtOnceAreAllAnsweredAndTheLastOneHolds) {
  auto process = Child::sleeper();
  activate("worker", process);
  constexpr int callers = 5;
  std::list<Conversation> conversations;
  for (int i = 0; i < callers; ++i) {
    auto& each = conversations.emplace_back(world_);
    for (int j = 0; j < 20; ++j) {
      each.ask<api::Freeze>({"worker", run_});
      each.ask<api::Thaw>({"worker", run_});
    }
  }
  for (auto& each : conversations)
    for (int j = 0; j < 40; ++j)
      ASSERT_TRUE(each.receive());
  ASSERT_TRUE(world_.call<api::Thaw>({"worker", run_}));
  EXPECT_EQ(world_.get(run_, "worker")->worker.frozen, std::nullopt);
}

TEST_F(Freezing, OnlyWhatMayStillRunIsFrozen) {
  EXPECT_EQ(world_.call<api::Freeze>({"nobody", run_}).error, "NoSuchWorker");
  auto process = Child::sleeper();
  activate("worker", process);
  process.kill();
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::exited));
  EXPECT_EQ(world_.call<api::Freeze>({"worker", run_}).error, "NoSuchProcess");
  EXPECT_EQ(world_.call<api::Thaw>({"worker", run_}).error, "NoSuchProcess");
}

}  // namespace
}  // namespace reeve::test
