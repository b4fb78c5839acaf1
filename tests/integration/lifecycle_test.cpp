// A worker's life on the real kernel: reserved, active, stopping, exited, gone.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "support/kernel.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

class Lifecycle : public ::testing::Test {
 protected:
  World world_;
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);

  Worker active_worker(const std::string& name, const Child& process) {
    world_.reserve(run_, name);
    return world_.activate(run_, name, process);
  }
};

TEST_F(Lifecycle, AReservationIsACgroupThatAProcessCanBeBornIn) {
  const auto worker = world_.reserve(run_, "worker");
  EXPECT_EQ(worker.state, WorkerState::reserved);
  EXPECT_EQ(worker.run, run_);
  EXPECT_FALSE(worker.process);
  EXPECT_TRUE(std::filesystem::is_directory(world_.directory_of(worker.control_group)));
  auto process =
      Child::born_in(world_.directory_of(worker.control_group), [] { return ::pause(); });
  EXPECT_EQ(control_group_of(process.pid()), worker.control_group);
  EXPECT_EQ(world_.activate(run_, "worker", process).state, WorkerState::active);
}

TEST_F(Lifecycle, ActivationMovesTheProcessAndStoresWhatTheApplicationSays) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  api::Activate::Input input;
  input.worker = "worker";
  input.run = run_;
  input.process = process.id();
  input.handle = "#PID<0.123.0>";
  input.fingerprint = std::string("any\0text \xC3\xA4", 11);
  const auto activated = world_.call<api::Activate>(input);
  ASSERT_TRUE(activated) << activated;
  const auto& worker = activated->worker;
  EXPECT_EQ(worker.state, WorkerState::active);
  EXPECT_EQ(worker.handle, input.handle);
  EXPECT_EQ(worker.fingerprint, input.fingerprint);
  EXPECT_EQ(worker.process->pid, process.pid());
  EXPECT_TRUE(worker.process->boot_id);
  // One number tells it from others that bear its pid before or after.
  EXPECT_NE(worker.process->pidfd_id.has_value(), worker.process->start_time.has_value());
  EXPECT_EQ(control_group_of(process.pid()), worker.control_group);
  EXPECT_GE(worker.activated_at->monotonic, worker.reserved_at.monotonic);
}

TEST_F(Lifecycle, AProcessCanBeGivenAsAPidfd) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  api::Activate::Input input;
  input.worker = "worker";
  input.run = run_;
  input.process_file_descriptor = 0;
  const std::array descriptors{process.pidfd()};
  const auto activated = world_.call<api::Activate>(input, descriptors);
  ASSERT_TRUE(activated) << activated;
  EXPECT_EQ(activated->worker.process->pid, process.pid());
}

TEST_F(Lifecycle, AReservationThatIsNotActivatedExpiresWithWhatWasBornInside) {
  Follower follower(world_, run_);
  api::Reserve::Input input;
  input.worker = "worker";
  input.run = run_;
  input.timeout = std::chrono::milliseconds(300);
  const auto reserved = world_.call<api::Reserve>(input);
  ASSERT_TRUE(reserved) << reserved;
  auto process =
      Child::born_in(world_.directory_of(reserved->worker.control_group), [] { return ::pause(); });
  const int status = process.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(follower.next(EventKind::reservation_expired).worker->worker, "worker");
  EXPECT_EQ(world_.get(run_, "worker").error, "NoSuchWorker");
  EXPECT_TRUE(eventually([&] {
    return !std::filesystem::exists(world_.directory_of(reserved->worker.control_group));
  }));
  world_.reserve(run_, "worker");  // the name is free again
}

TEST_F(Lifecycle, TheExitIsToldAtDeathAndTheStatusWhenTheParentHasReaped) {
  auto process = Child::sleeper();
  active_worker("worker", process);
  Follower follower(world_, run_);
  process.kill_unreaped();
  const auto exited = follower.next(EventKind::exited);
  ASSERT_TRUE(exited.worker && exited.worker->exit);
  EXPECT_FALSE(exited.worker->exit->reaped);
  EXPECT_EQ(exited.worker->exit->cause, ExitCause::unknown);

  // Shown as what it is, as long as nobody reaps it.
  ASSERT_EQ(process_state(process.pid()), 'Z');
  const auto zombie = world_.get(run_, "worker");
  ASSERT_TRUE(zombie) << zombie;
  EXPECT_EQ(zombie->worker.state, WorkerState::exited);
  EXPECT_FALSE(zombie->worker.exit->reaped);

  process.wait();
  const auto reaped = follower.next(EventKind::reaped);
  ASSERT_TRUE(reaped.worker && reaped.worker->exit);
  EXPECT_TRUE(reaped.worker->exit->reaped);
  expect_signal(*reaped.worker, "SIGKILL");
  EXPECT_EQ(reaped.worker->exit->at.monotonic, exited.worker->exit->at.monotonic);
}

TEST_F(Lifecycle, AZombieIsShownAsOneNotAMomentLongerThanItIs) {
  for (int i = 0; i < 5; ++i) {
    const auto name = std::to_string(i);
    auto process = Child::sleeper();
    active_worker(name, process);
    process.kill_unreaped();
    ASSERT_TRUE(world_.await_state(run_, name, WorkerState::exited));
    EXPECT_FALSE(world_.get(run_, name)->worker.exit->reaped);
    process.wait();
    const auto worker = world_.get(run_, name)->worker;
    EXPECT_TRUE(worker.exit->reaped);
    expect_signal(worker, "SIGKILL");
  }
}

TEST_F(Lifecycle, AnExitCodeIsKept) {
  LifeLine line;
  auto process = Child::run([&] {
    char byte;
    (void)!::read(STDIN_FILENO, &byte, 0);
    static volatile sig_atomic_t asked = 0;
    ::signal(SIGUSR1, [](int) { asked = 1; });
    line.report();
    while (asked == 0)
      ::usleep(1000);
    return 7;
  });
  ASSERT_TRUE(line.await_reports(1));
  active_worker("worker", process);
  ASSERT_TRUE(world_.call<api::Signal>({"worker", "SIGUSR1", run_, {}}));
  process.wait();
  const auto worker = world_.await_reaped(run_, "worker");
  expect_code(worker, 7);
  EXPECT_TRUE(worker.usage && worker.usage->processor_user);
}

TEST_F(Lifecycle, WhatAWorkerLeavesBehindEndsWithItsMainProcess) {
  LifeLine line;
  const auto worker = world_.reserve(run_, "born");
  auto born = Child::born_in(world_.directory_of(worker.control_group), [&] {
    if (::fork() == 0) {
      ::setsid();
      line.report();
      for (;;)
        ::pause();
    }
    line.report();
    for (;;)
      ::pause();
    return 0;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(2));
  world_.activate(run_, "born", born);
  born.kill();
  ASSERT_TRUE(world_.await_state(run_, "born", WorkerState::exited));
  EXPECT_TRUE(eventually([&] {
    return read_file(world_.directory_of(worker.control_group) + "/cgroup.procs").empty();
  }));
}

TEST_F(Lifecycle, StopAsksFirst) {
  LifeLine line;
  auto process = Child::run([&] {
    static volatile sig_atomic_t asked = 0;
    ::signal(SIGTERM, [](int) { asked = 1; });
    line.report();
    while (asked == 0)
      ::usleep(1000);
    return 5;
  });
  ASSERT_TRUE(line.await_reports(1));
  active_worker("worker", process);
  const auto stopped = world_.call<api::Stop>({"worker", run_, std::chrono::hours(1)});
  ASSERT_TRUE(stopped) << stopped;
  EXPECT_EQ(stopped->worker.state, WorkerState::exited);
  EXPECT_EQ(WEXITSTATUS(process.wait()), 5);
}

TEST_F(Lifecycle, StopKillsTheWholeTreeAfterTheGracePeriod) {
  const auto worker = world_.reserve(run_, "worker");
  LifeLine line;
  auto process = Child::born_in(world_.directory_of(worker.control_group), [&] {
    ::signal(SIGTERM, SIG_IGN);
    if (::fork() == 0) ::setsid();
    line.report();
    for (;;)
      ::pause();
    return 0;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(2));
  world_.activate(run_, "worker", process);
  const auto stopped = world_.call<api::Stop>({"worker", run_, std::chrono::milliseconds(20)});
  ASSERT_TRUE(stopped) << stopped;
  // The reply itself says that nothing is left: no waiting here.
  EXPECT_TRUE(read_file(world_.directory_of(worker.control_group) + "/cgroup.procs").empty());
  EXPECT_TRUE(line.all_are_gone());
  const int status = process.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(Lifecycle, ALaterStopCanShortenTheGracePeriodButNotLengthenIt) {
  auto process = Child::run([] {
    ::signal(SIGTERM, SIG_IGN);
    return ::pause();
  });
  ASSERT_TRUE(eventually([&] {
    return read_file("/proc/" + std::to_string(process.pid()) + "/status")
               .find("SigIgn:\t0000000000004") != std::string::npos;
  }));
  active_worker("worker", process);
  auto patient = world_.connect();
  auto slow = Child::run([&] {
    return call_on<api::Stop>(patient, {"worker", run_, std::chrono::hours(1)}) ? 0 : 1;
  });
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::stopping));
  EXPECT_TRUE(world_.call<api::Stop>({"worker", run_, std::chrono::milliseconds(1)}));
  EXPECT_EQ(slow.wait(), 0);  // the first caller is answered, too
}

TEST_F(Lifecycle, AStopIsAnsweredWithTheExitAlsoWhereTheRunEndsWithIt) {
  auto process = Child::run([] {
    ::signal(SIGTERM, SIG_IGN);
    return ::pause();
  });
  active_worker("worker", process);
  Conversation closing(world_);
  closing.ask<api::CloseRun>({run_, OwnerExitPolicy::terminate});
  ASSERT_TRUE(eventually(
      [&] { return world_.call<api::GetRun>({run_}).output->run.state == RunState::closing; }));
  const auto stopped = world_.call<api::Stop>({"worker", run_, std::chrono::milliseconds(20)});
  ASSERT_TRUE(stopped) << stopped;
  EXPECT_EQ(stopped->worker.state, WorkerState::exited);
  EXPECT_TRUE(closing.receive());
}

TEST_F(Lifecycle, WaitRepliesAtTheExit) {
  auto process = Child::sleeper();
  active_worker("worker", process);
  auto client = world_.connect();
  auto waiting = Child::run([&] {
    const auto answer = call_on<api::Wait>(client, {"worker", run_});
    return answer && answer->worker.state == WorkerState::exited ? 0 : 1;
  });
  process.kill();
  EXPECT_EQ(waiting.wait(), 0);
  EXPECT_TRUE(world_.call<api::Wait>({"worker", run_}));  // and at once where it has exited already
}

TEST_F(Lifecycle, AnUnregisteredWorkerLeavesTheListingsAndStaysContained) {
  auto process = Child::sleeper();
  const auto worker = active_worker("worker", process);
  ASSERT_TRUE(world_.call<api::Unregister>({"worker", run_}));
  EXPECT_TRUE(process.is_alive());
  EXPECT_EQ(world_.get(run_, "worker").error, "NoSuchWorker");
  EXPECT_FALSE(world_.call<api::IsRegistered>({"worker", run_})->registered);
  EXPECT_TRUE(world_.call<api::ListWorkers>({run_, {}, {}})->workers.empty());
  EXPECT_EQ(control_group_of(process.pid()), worker.control_group);
  world_.reserve(run_, "worker");  // the name is free, though the first one lives
  owner_.kill();
  EXPECT_TRUE(eventually([&] { return !process.is_alive(); }));
}

TEST_F(Lifecycle, UnregisterAlwaysSucceeds) {
  EXPECT_TRUE(world_.call<api::Unregister>({"unknown", run_}));
  EXPECT_TRUE(world_.call<api::Unregister>({"unknown", std::string(32, '0')}));
  const auto reservation = world_.reserve(run_, "reserved");
  auto born =
      Child::born_in(world_.directory_of(reservation.control_group), [] { return ::pause(); });
  EXPECT_TRUE(world_.call<api::Unregister>({"reserved", run_}));
  EXPECT_TRUE(eventually([&] { return !born.is_alive(); }));
}

TEST_F(Lifecycle, AnExitedWorkerIsKeptUntilItIsCollected) {
  auto process = Child::sleeper();
  active_worker("worker", process);
  process.kill();
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::exited));
  EXPECT_EQ(world_.call<api::ValidateWorkers>({run_})->dead.size(), 1U);
  EXPECT_EQ(world_.call<api::CleanupDeadWorkers>({run_})->removed, 1);
  EXPECT_EQ(world_.get(run_, "worker").error, "NoSuchWorker");
  EXPECT_TRUE(world_.call<api::ValidateWorkers>({run_})->dead.empty());
  EXPECT_TRUE(eventually([&] { return world_.call<api::CountEntries>({})->count == 1; }));
}

TEST_F(Lifecycle, ANameCanBeReservedAgainAfterAnExitInAFreshCgroup) {
  auto first = Child::sleeper();
  active_worker("worker", first);
  first.kill();
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::exited));
  const auto again = world_.reserve(run_, "worker");
  // A cgroup that was killed once kills what is born in it: this one must not be it.
  auto second = Child::born_in(world_.directory_of(again.control_group), [] { return ::pause(); });
  world_.activate(run_, "worker", second);
  EXPECT_TRUE(second.is_alive());
  EXPECT_EQ(world_.call<api::ListWorkers>({run_, {}, {}})->workers.size(), 1U);
}

TEST_F(Lifecycle, ListingsFilterByStateAndFingerprint) {
  auto process = Child::sleeper();
  api::Reserve::Input input;
  input.run = run_;
  for (const auto& [name, fingerprint] : {std::pair{"a", "one"}, {"b", "two"}, {"c", "one"}}) {
    input.worker = name;
    input.fingerprint = fingerprint;
    ASSERT_TRUE(world_.call<api::Reserve>(input));
  }
  world_.activate(run_, "c", process);
  const auto names = [&](std::optional<WorkerState> state, std::optional<std::string> fingerprint) {
    std::string joined;
    const auto listed = world_.call<api::ListWorkers>({run_, state, fingerprint});
    for (const auto& worker : listed->workers)
      joined += worker.worker;
    return joined;
  };
  EXPECT_EQ(names({}, {}), "abc");
  EXPECT_EQ(names(WorkerState::reserved, {}), "ab");
  EXPECT_EQ(names(WorkerState::active, {}), "c");
  EXPECT_EQ(names({}, "one"), "ac");
  EXPECT_EQ(names(WorkerState::active, "two"), "");
  EXPECT_FALSE(world_.call<api::IsRegistered>({"a", run_})->registered);
  EXPECT_TRUE(world_.call<api::IsRegistered>({"c", run_})->registered);
  const auto statistics = world_.call<api::GetStatistics>({run_})->statistics;
  EXPECT_EQ(statistics.registered, 3);
  EXPECT_EQ(statistics.reserved, 2);
  EXPECT_EQ(statistics.active, 1);
  EXPECT_EQ(statistics.processes, 1);
  EXPECT_EQ(statistics.entries, world_.call<api::CountEntries>({})->count);
  EXPECT_EQ(world_.call<api::ListProcesses>({run_, {}})->processes.size(), 1U);
}

TEST_F(Lifecycle, EntriesShowEveryRecordReservationsIncluded) {
  world_.reserve(run_, "reserved");
  const auto entries = world_.call<api::ListEntries>({});
  ASSERT_TRUE(entries) << entries;
  ASSERT_EQ(entries->entries.size(), 2U);
  EXPECT_FALSE(entries->entries[0].worker);
  EXPECT_TRUE(entries->entries[0].run_is_alive);
  EXPECT_EQ(entries->entries[1].worker, "reserved");
  EXPECT_EQ(entries->entries[1].state, WorkerState::reserved);
  EXPECT_FALSE(entries->entries[1].process);
  EXPECT_TRUE(entries->entries[1].record);
}

TEST_F(Lifecycle, EventsCountUpByOneAndCanBeResumed) {
  Follower follower(world_, {});
  EXPECT_EQ(follower.next().kind, EventKind::run_opened);  // the snapshot
  world_.reserve(run_, "a");
  world_.reserve(run_, "b");
  const auto first = follower.next();
  const auto second = follower.next();
  EXPECT_EQ(first.worker->worker, "a");
  EXPECT_EQ(second.sequence, first.sequence + 1);
  Follower resumed(world_, {}, first.sequence);
  const auto again = resumed.next();
  EXPECT_EQ(again.sequence, second.sequence);
  EXPECT_EQ(again.worker->worker, "b");
}

TEST_F(Lifecycle, WhatHappensInOtherRunsIsNoGapForASubscriberOfOne) {
  Follower follower(world_, run_);
  EXPECT_EQ(follower.next().kind, EventKind::run_opened);  // the snapshot
  auto owner = Child::sleeper();
  const auto other = world_.open_run(owner);
  // More than are kept of all.
  Conversation busy(world_);
  for (int i = 0; i < 2100; ++i) {
    const auto name = "w" + std::to_string(i);
    busy.ask<api::Reserve>({name, other, {}, {}, {}, {}});
    busy.ask<api::Unregister>({name, other});
    ASSERT_TRUE(busy.receive() && busy.receive());
  }
  world_.reserve(run_, "worker");
  const auto next = follower.next();
  EXPECT_EQ(next.kind, EventKind::reserved);
  EXPECT_EQ(next.run, run_);
}

TEST_F(Lifecycle, NorIsItOneWhileThatSubscriberReadsSlowly) {
  Conversation slow(world_);
  slow.ask<api::Subscribe>({run_, {}}, Conversation::More::yes);
  auto owner = Child::sleeper();
  const auto other = world_.open_run(owner);
  Conversation busy(world_);
  const auto come_and_go = [&](const std::string& run, int times) {
    for (int i = 0; i < times; ++i) {
      busy.ask<api::Reserve>({"worker", run, {}, {}, {}, {}});
      busy.ask<api::Unregister>({"worker", run});
      ASSERT_TRUE(busy.receive() && busy.receive());
    }
  };
  come_and_go(run_, 200);  // more than its socket holds, and less than what is buffered for it
  come_and_go(other, 2100);
  int events = 0;
  for (; events < 401; ++events) {  // with the run itself, told at first
    const auto message = slow.receive();
    ASSERT_TRUE(message);
    ASSERT_EQ(message->find("\"gap\""), std::string::npos) << "after " << events;
  }
  world_.reserve(run_, "last");
  EXPECT_NE(slow.receive()->find("\"last\""), std::string::npos);
}

TEST_F(Lifecycle, ASubscriberFromBeforeARestartIsToldOfTheGap) {
  Follower follower(world_, {});
  const auto before = follower.next().sequence;
  world_.restart();
  Follower resumed(world_, {}, before);
  EXPECT_EQ(resumed.next().kind, EventKind::gap);
  world_.reserve(run_, "worker");
  const auto after = resumed.next(EventKind::reserved);
  EXPECT_GT(after.sequence, before);
}

TEST_F(Lifecycle, ClosingARunRepliesWhenNothingIsLeft) {
  auto process = Child::sleeper();
  active_worker("worker", process);
  world_.reserve(run_, "reserved");
  const auto closed = world_.call<api::CloseRun>({run_, {}});
  ASSERT_TRUE(closed) << closed;
  EXPECT_EQ(closed->report.runs_removed, 1);
  EXPECT_EQ(closed->report.workers_removed, 1);
  EXPECT_EQ(closed->report.reservations_removed, 1);
  EXPECT_EQ(closed->report.processes_killed, 1);
  EXPECT_TRUE(world_.root_is_empty());
  EXPECT_FALSE(process.is_alive());
  EXPECT_TRUE(owner_.is_alive());
}

TEST_F(Lifecycle, ARunIsNamedByAnyUnambiguousPrefix) {
  EXPECT_TRUE(world_.call<api::GetRun>({run_.substr(0, 6)}));
  EXPECT_EQ(world_.call<api::GetRun>({""}).error, "NoSuchRun");
  EXPECT_EQ(world_.call<api::GetRun>({std::string(32, 'f')}).error, "NoSuchRun");
  std::vector<Child> owners;
  std::vector<std::string> runs{run_};
  // Seventeen ids over sixteen first digits: two share one.
  for (int i = 0; i < 16; ++i)
    runs.push_back(world_.open_run(owners.emplace_back(Child::sleeper())));
  std::map<char, int> seen;
  for (const auto& run : runs)
    ++seen[run.front()];
  const auto shared =
      std::find_if(seen.begin(), seen.end(), [](auto& each) { return each.second > 1; });
  ASSERT_NE(shared, seen.end());
  EXPECT_EQ(world_.call<api::GetRun>({std::string(1, shared->first)}).error, "RunAmbiguous");
}

TEST_F(Lifecycle, TheCallersRunIsTheOneItOwnsOrIsInsideOf) {
  auto application = Child::run([&] {
    auto client = world_.connect();
    const auto opened = call_on<api::OpenRun>(client, {});
    if (!opened) return 1;
    const auto own = call_on<api::GetRun>(client, {});
    if (!own || own->run.run != opened->run.run) return 2;
    if (!call_on<api::EnterRun>(client, {})) return 3;
    // A child of it is inside, and asks on a connection of its own.
    const pid_t child = ::fork();
    if (child == 0) {
      auto mine = varlink::Client::connect(world_.socket());
      const auto around = call_on<api::GetRun>(*mine, {});
      ::_exit(around && around->run.run == opened->run.run ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0 ? 0 : 4;
  });
  EXPECT_EQ(WEXITSTATUS(application.wait()), 0);
  EXPECT_EQ(world_.call<api::GetRun>({}).error, "NoSuchRun");  // the test itself is in none
}

TEST_F(Lifecycle, RegisterReservesAndActivatesAndLeavesNothingIfItFails) {
  auto process = Child::sleeper();
  api::Register::Input input;
  input.worker = "worker";
  input.run = run_;
  input.process = owner_.id();
  EXPECT_EQ(world_.call<api::Register>(input).error, "ProcessMismatch");
  EXPECT_EQ(world_.call<api::CountEntries>({})->count, 1);
  input.process = process.id();
  input.handle = "handle";
  const auto registered = world_.call<api::Register>(input);
  ASSERT_TRUE(registered) << registered;
  EXPECT_EQ(registered->worker.state, WorkerState::active);
  EXPECT_EQ(registered->worker.handle, "handle");
}

// A defunct child keeps the cgroup it died in, and the kernel will not move it.
TEST_F(Lifecycle, AZombieBelowTheProcessDoesNotHoldUpItsActivation) {
  LifeLine line;
  auto process = Child::run([&] {
    const pid_t defunct = ::fork();
    if (defunct == 0) ::_exit(0);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(defunct), &ended, WEXITED | WNOWAIT);
    line.report();
    return ::pause();
  });
  ASSERT_TRUE(line.await_reports(1));
  active_worker("worker", process);
  // Each look at the zombie took a descriptor: the table of a daemon that looks for ever grows.
  const auto status = read_file("/proc/" + std::to_string(world_.daemon_pid()) + "/status");
  EXPECT_LE(std::stoi(status.substr(status.find("FDSize:") + 7)), 256);
}

// One that forgets to say which of its runs it means must not clean up everybody else's.
TEST_F(Lifecycle, ACallerWithTwoRunsMustSayWhichItMeans) {
  auto process = Child::sleeper();
  active_worker("worker", process);
  process.kill();
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::exited));
  ASSERT_TRUE(world_.call<api::OpenRun>({}));
  ASSERT_TRUE(world_.call<api::OpenRun>({}));
  EXPECT_EQ(world_.call<api::CleanupDeadWorkers>({}).error, "RunAmbiguous");
  EXPECT_EQ(world_.call<api::ValidateWorkers>({}).error, "RunAmbiguous");
  EXPECT_EQ(world_.call<api::ListProcesses>({}).error, "RunAmbiguous");
  EXPECT_EQ(world_.call<api::GetStatistics>({}).error, "RunAmbiguous");
  EXPECT_TRUE(world_.get(run_, "worker"));
}

TEST_F(Lifecycle, ARunOpenedInTheMomentTheLastOneGoesIsKept) {
  auto client = world_.connect();
  const auto message = [](const std::string& method, const std::string& parameters) {
    return R"({"method":"io.reeve.Registry.)" + method + R"(","parameters":)" + parameters + "}";
  };
  // In one packet: the second call is served while the answer to the first is on its way.
  const auto calls = message("CloseRun", json::encoded(api::CloseRun::Input{run_, {}})) +
                     std::string(1, '\0') + message("OpenRun", "{}") + std::string(1, '\0');
  ASSERT_EQ(::send(client.descriptor(), calls.data(), calls.size(), 0),
            static_cast<ssize_t>(calls.size()));
  ASSERT_TRUE(eventually([&] {
    const auto runs = world_.call<api::ListRuns>({});
    return runs->runs.size() == 1 && runs->runs.front().run != run_;
  }));
  EXPECT_EQ(world_.run_directories().size(), 1U);
}

TEST_F(Lifecycle, AReservationWhoseCgroupSomebodyRemovedIsUnregistered) {
  const auto owner = Child::sleeper();
  const auto run = world_.open_run(owner);
  const auto reservation = world_.reserve(run, "worker");
  ASSERT_TRUE(std::filesystem::remove(world_.directory_of(reservation.control_group)));
  EXPECT_TRUE(world_.call<api::Unregister>({"worker", run}));
  EXPECT_EQ(world_.get(run, "worker").error, "NoSuchWorker");
  EXPECT_EQ(world_.reserve(run, "worker").state, WorkerState::reserved);
}

}  // namespace
}  // namespace reeve::test
