// A stranger that got a worker's recycled pid is never moved, signalled or killed. The pid is
// recycled for real, with clone3's set_tid.
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>

#include "process/process.hpp"
#include "registry/records.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

void write_attribute(const std::string& directory, const std::string& name,
                     const std::string& value) {
  ASSERT_EQ(::setxattr(directory.c_str(), name.c_str(), value.data(), value.size(), 0), 0);
}

// As a daemon leaves it that was killed between writing the record and telling of the move.
void set_record_to_activating(const std::string& directory) {
  std::string record(65536, '\0');
  const auto length = ::getxattr(directory.c_str(), "user.reeve", record.data(), record.size());
  ASSERT_GT(length, 0);
  record.resize(static_cast<std::size_t>(length));
  const std::string before = R"("state":"active")";
  const auto at = record.find(before);
  ASSERT_NE(at, std::string::npos) << record;
  record.replace(at, before.size(), R"("state":"activating","reservedFingerprint":"earlier")");
  write_attribute(directory, "user.reeve", record);
}

// And as it leaves every cgroup that a move was under way to.
std::string note_name(const ProcessId& process) {
  return "user.reeve.moving." + std::to_string(process.pid);
}
void note_move(const std::string& directory, const ProcessId& process) {
  write_attribute(
      directory, note_name(process),
      json::encoded(registry::ProcessRecord{process.pid, process.pidfd_id, process.start_time}));
}

void move(pid_t pid, const std::string& directory) {
  std::ofstream(directory + "/cgroup.procs") << pid << std::flush;
}

class PidReuse : public ::testing::Test {
 protected:
  World world_;
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);

  // The worker's process dies and is reaped, and a stranger is given its pid. Of a later tick of
  // the clock: start times are all that tells the two apart where processes have no numbers.
  static Child recycle(Child& process) {
    const pid_t pid = process.pid();
    const auto start = start_time_of(pid);
    process.kill();
    for (;;) {
      auto stranger = Child::with_pid(pid);
      if (start_time_of(pid) != start) return stranger;
    }
  }

  static std::uint64_t start_time_of(pid_t pid) {
    return process::Process::open(pid)->details()->start_time;
  }

  void expect_untouched(const Child& stranger, const std::string& home) {
    EXPECT_TRUE(stranger.is_alive());
    EXPECT_EQ(control_group_of(stranger.pid()), home);
    EXPECT_NE(process_state(stranger.pid()), 'T');
  }
};

TEST_F(PidReuse, AnIdentityOfBeforeIsRefusedAtActivation) {
  auto process = Child::sleeper();
  const auto pid = process.pid();
  world_.reserve(run_, "first");
  const auto identity = *world_.activate(run_, "first", process).process;
  auto stranger = recycle(process);
  ASSERT_EQ(stranger.pid(), pid);
  const auto home = control_group_of(pid);
  world_.reserve(run_, "second");
  api::Activate::Input input;
  input.worker = "second";
  input.run = run_;
  input.process = identity;
  EXPECT_EQ(world_.call<api::Activate>(input).error, "ProcessMismatch");
  EXPECT_EQ(world_.get(run_, "second")->worker.state, WorkerState::reserved);
  expect_untouched(stranger, home);
}

TEST_F(PidReuse, NoMethodReachesTheStranger) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", process);
  auto stranger = recycle(process);
  const auto home = control_group_of(stranger.pid());
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::exited));
  EXPECT_EQ(world_.call<api::Signal>({"worker", "SIGSTOP", run_, {}}).error, "NoSuchProcess");
  EXPECT_TRUE(world_.call<api::Signal>({"worker", "SIGSTOP", run_, true}));
  EXPECT_TRUE(world_.call<api::Stop>({"worker", run_, Microseconds(0)}));
  EXPECT_EQ(world_.call<api::ValidateWorkers>({run_})->dead.size(), 1U);
  EXPECT_TRUE(world_.call<api::ListProcesses>({run_, {}})->processes.empty());
  EXPECT_EQ(world_.call<api::CleanupDeadWorkers>({run_})->removed, 1);
  EXPECT_TRUE(world_.call<api::CleanupOrphans>({}));
  expect_untouched(stranger, home);
  owner_.kill();
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  expect_untouched(stranger, home);
}

TEST_F(PidReuse, ARestartDoesNotTakeTheStrangerForTheWorker) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", process);
  world_.kill_daemon();
  auto stranger = recycle(process);
  const auto home = control_group_of(stranger.pid());
  world_.start();
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::exited));
  expect_untouched(stranger, home);
  EXPECT_TRUE(world_.call<api::Stop>({"worker", run_, Microseconds(0)}));
  owner_.kill();
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  expect_untouched(stranger, home);
}

TEST_F(PidReuse, AStrangerWithTheOwnersPidDoesNotKeepTheRunAlive) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", process);
  world_.kill_daemon();
  auto stranger = recycle(owner_);
  const auto home = control_group_of(stranger.pid());
  world_.start();
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  EXPECT_FALSE(process.is_alive());
  expect_untouched(stranger, home);
}

TEST_F(PidReuse, AStrangerWithTheOwnersPidIsNotTheOwner) {
  auto stranger = recycle(owner_);
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  EXPECT_TRUE(stranger.is_alive());
}

// The record says that this pid was on its way in when the daemon was killed, and the pid is a
// stranger's by now: outside, it is left alone; inside, it was moved by mistake and goes back.
TEST_F(PidReuse, AnActivationCutShortGivesTheStrangerBack) {
  for (const bool moved : {false, true}) {
    const auto name = moved ? "moved" : "not-moved";
    auto process = Child::sleeper();
    const auto reservation = world_.reserve(run_, name);
    const auto directory = world_.directory_of(reservation.control_group);
    // Activated for the record's sake, then set back to the moment before the move.
    const auto identity = *world_.activate(run_, name, process).process;
    world_.kill_daemon();
    const auto home = control_group_of(::getpid());
    auto stranger = recycle(process);
    set_record_to_activating(directory);
    note_move(directory, identity);
    if (moved) move(stranger.pid(), directory);
    world_.start();
    EXPECT_TRUE(eventually([&] { return control_group_of(stranger.pid()) == home; })) << name;
    EXPECT_TRUE(stranger.is_alive());
    const auto reserved = world_.get(run_, name)->worker;
    EXPECT_EQ(reserved.state, WorkerState::reserved);
    EXPECT_EQ(reserved.handle, std::nullopt);
    EXPECT_EQ(reserved.fingerprint, "earlier");
    EXPECT_LT(::getxattr(directory.c_str(), note_name(identity).c_str(), nullptr, 0), 0);
  }
}

// A descendant of a worker's process, and a process that enters the run, are in no record.
TEST_F(PidReuse, AnyMoveCutShortGivesTheStrangerBack) {
  const auto worker = world_.reserve(run_, "worker");
  auto process = Child::sleeper();
  world_.activate(run_, "worker", process);
  const auto home = control_group_of(::getpid());
  const auto run_directory = world_.directory_of(world_.root() + "/run-" + run_);
  ASSERT_EQ(::mkdir((run_directory + "/entered").c_str(), 0755), 0);
  for (const auto& directory :
       {run_directory + "/entered", world_.directory_of(worker.control_group)}) {
    auto descendant = Child::sleeper();
    const auto identity = registry::process_id(
        registry::recorded(process::Process::open(descendant.pid())->identity()));
    world_.kill_daemon();
    auto stranger = recycle(descendant);
    note_move(directory, identity);
    move(stranger.pid(), directory);
    world_.start();
    EXPECT_TRUE(eventually([&] { return control_group_of(stranger.pid()) == home; })) << directory;
    EXPECT_TRUE(stranger.is_alive());
  }
  EXPECT_EQ(world_.get(run_, "worker")->worker.state, WorkerState::active);
}

}  // namespace
}  // namespace reeve::test
