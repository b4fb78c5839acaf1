// What controllers tell of a worker and how they limit it, and that runs work with controllers on:
// then no cgroup but a leaf may hold processes.
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/kernel.hpp"
#include "support/unit.hpp"
#include "sys/features.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t mebibyte = 1 << 20;

bool write_to(const fs::path& path, const std::string& text) {
  return static_cast<bool>(std::ofstream(path) << text << std::flush);
}

void use_memory(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) ::_exit(98);
}

// To the root of the world, before there is one.
bool set_controllers(const World& world, const std::string& change) {
  const auto around = fs::path(world.directory_of(world.root())).parent_path();
  return write_to(around / "cgroup.subtree_control", change);
}

// Also below: what the worlds before this one have left has them.
void switch_off_controllers(const World& world) {
  const auto around = fs::path(world.directory_of(world.root())).parent_path();
  std::vector<fs::path> all{around};
  for (const auto& each : fs::recursive_directory_iterator(around))
    if (each.is_directory()) all.push_back(each.path());
  // Those inside come later than what they are in.
  for (auto each = all.rbegin(); each != all.rend(); ++each)
    for (const char* controller : {"-cpu", "-io", "-memory", "-pids"})
      (void)write_to(*each / "cgroup.subtree_control", controller);
}

class Controllers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!set_controllers(world_, "+cpu +memory +pids"))
      GTEST_SKIP() << "this host has the controllers elsewhere than in cgroup v2";
    (void)set_controllers(world_, "+io");  // which not every kernel has
    world_.start();
    run_ = world_.open_run(owner_);
    run_directory_ = world_.root() + "/run-" + run_;
  }

  // Born in the worker's cgroup, where `body` begins only when the worker is active.
  Worker run_to_its_end(const std::string& name, const std::function<void()>& body,
                        const std::optional<Limits>& limits = {}) {
    api::Reserve::Input input;
    input.worker = name;
    input.run = run_;
    input.limits = limits;
    const auto reservation = world_.call<api::Reserve>(input);
    EXPECT_TRUE(reservation) << reservation;
    const auto directory = world_.directory_of(reservation->worker.control_group);
    std::array<int, 2> go{};
    EXPECT_EQ(::pipe(go.data()), 0);
    auto process = Child::born_in(directory, [&] {
      char byte = 0;
      if (::read(go[0], &byte, 1) != 1) return 98;
      body();
      return 0;
    });
    world_.activate(run_, name, process);
    EXPECT_EQ(::write(go[1], "x", 1), 1);
    process.wait();
    ::close(go[0]);
    ::close(go[1]);
    return world_.await_reaped(run_, name);
  }

  World world_{World::Daemon::not_started};
  Child owner_ = Child::sleeper();
  std::string run_;
  std::string run_directory_;
};

TEST_F(Controllers, UsageTellsThePeaks) {
  const auto worker = run_to_its_end("worker", [] {
    use_memory(8 * mebibyte);
    for (int i = 0; i < 3; ++i)
      if (::fork() == 0) ::_exit(0);
    while (::wait(nullptr) > 0) {
    }
  });
  expect_code(worker, 0);
  ASSERT_TRUE(worker.usage);
  if (sys::is_switched_off(sys::Feature::memory_peak))
    EXPECT_FALSE(worker.usage->memory_peak_bytes);
  else
    EXPECT_GE(worker.usage->memory_peak_bytes.value_or(0), static_cast<std::int64_t>(8 * mebibyte));
  if (sys::is_switched_off(sys::Feature::pids_peak))
    EXPECT_FALSE(worker.usage->tasks_peak);
  else
    EXPECT_GE(worker.usage->tasks_peak.value_or(0), 2);
  EXPECT_EQ(worker.usage->out_of_memory_kills, 0);
}

TEST_F(Controllers, AWorkerThatRanOutOfMemoryIsToldAsThat) {
  const auto worker = run_to_its_end(
      "worker", [] { use_memory(64 * mebibyte); }, Limits{16 * mebibyte, {}, {}, {}, {}});
  expect_signal(worker, "SIGKILL", ExitCause::oom_killed);
  ASSERT_TRUE(worker.usage);
  EXPECT_EQ(worker.usage->out_of_memory_kills, 1);  // known on kernels that tell no status, too
}

TEST_F(Controllers, LimitsAreInForceBeforeAnythingIsInside) {
  api::Spawn::Input input;
  input.worker = "worker";
  input.run = run_;
  input.command = {"sleep", "1000"};
  input.limits = Limits{64 * mebibyte, 32 * mebibyte, 50, 200, 10};
  // CONFIG_BLK_CGROUP_IOCOST
  const bool weighs_disks = fs::exists(world_.directory_of(run_directory_) + "/io.weight");
  if (weighs_disks) input.limits->io_weight = 300;
  const auto worker = world_.call<api::Spawn>(input);
  ASSERT_TRUE(worker) << worker;
  EXPECT_EQ(json::encoded(worker->worker.limits), json::encoded(input.limits));
  const auto directory = world_.directory_of(worker->worker.control_group);
  const std::pair<const char*, const char*> expected[] = {{"memory.max", "67108864\n"},
                                                          {"memory.high", "33554432\n"},
                                                          {"cpu.max", "50000 100000\n"},
                                                          {"cpu.weight", "200\n"},
                                                          {"pids.max", "10\n"}};
  for (const auto& [file, content] : expected)
    EXPECT_EQ(read_file(directory + "/" + file), content) << file;
  EXPECT_EQ(read_file(directory + "/io.weight"), weighs_disks ? "default 300\n" : "");
  world_.restart();
  EXPECT_EQ(json::encoded(world_.get(run_, "worker")->worker.limits), json::encoded(input.limits));
}

TEST_F(Controllers, AWorkerForksNoMoreThanItMay) {
  const auto worker = run_to_its_end(
      "worker",
      [] {
        for (int i = 0; i < 5; ++i)
          if (const auto pid = ::fork(); pid == 0)
            ::pause();
          else if (pid < 0)
            ::_exit(errno == EAGAIN && i == 2 ? 42 : 43);
      },
      Limits{{}, {}, {}, {}, 3});
  expect_code(worker, 42);
}

TEST_F(Controllers, ARunThatHasThemIsEnteredAndEnded) {
  auto application = Child::run([&] {
    auto client = world_.connect();
    if (!call_on<api::EnterRun>(client, {run_})) return 1;
    return ::pause();
  });
  const auto entered = run_directory_ + "/entered";
  ASSERT_TRUE(eventually([&] { return control_group_of(application.pid()) == entered; }));
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", process);
  owner_.kill();
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  EXPECT_FALSE(process.is_alive());
  EXPECT_FALSE(application.is_alive());
}

// ---- of pools

class PoolControllers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!set_controllers(world_, "+cpu +memory +pids"))
      GTEST_SKIP() << "this host has the controllers elsewhere than in cgroup v2";
  }
  // Whoever comes next switches controllers off.
  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_EQ(world_.stop_daemon(), 0);
  }
  // A pool of Python programs.
  void start(const std::string& program, const std::string& keys) {
    world_.configure(fmt::format(
        "[pool.web]\ncommand = ['python3', '-c', '''{}''']\nstart-limit = {{ burst = 1 }}\n{}",
        program, keys));
    world_.start();
  }
  api::GetPool::Output await(const std::function<bool(const api::GetPool::Output&)>& holds) {
    api::GetPool::Output output;
    EXPECT_TRUE(eventually([&] {
      if (const auto got = world_.call<api::GetPool>({"web"})) output = *got.output;
      return holds(output);
    })) << json::encoded(output)
        << world_.daemon_log();
    return output;
  }
  [[nodiscard]] std::string directory_of(const api::GetPool::Output& web, std::size_t slot) {
    const auto worker = world_.get(*web.pool.run, web.slots.at(slot).worker);
    return world_.directory_of(worker->worker.control_group);
  }

  World world_{World::Daemon::not_started};
};

TEST_F(PoolControllers, AWorkerThatRanOutOfMemoryIsRememberedWithItsPeak) {
  start("kept = b'x' * (64 << 20)", "limits = { memory-max = '32M' }");
  const auto web = await([](const auto& output) { return output.pool.held == 1; });
  ASSERT_EQ(web.exits.size(), 1U);
  const auto& ended = web.exits[0];
  EXPECT_TRUE(ended.exit.cause == ExitCause::oom_killed) << json::encoded(ended);
  ASSERT_TRUE(ended.usage);
  if (!sys::is_switched_off(sys::Feature::memory_peak)) {
    EXPECT_GE(ended.usage->memory_peak_bytes.value_or(0), static_cast<std::int64_t>(30 * mebibyte));
  }
}

TEST_F(PoolControllers, AForkBombIsContainedAndEnded) {
  start(
      "import os, time\nfor _ in range(100):\n  try: os.fork() or time.sleep(9999)\n"
      "  except BlockingIOError: pass\ntime.sleep(9999)",
      "limits = { tasks-max = 20 }");
  const auto web = await([](const auto& output) { return output.pool.ready == 1; });
  const auto directory = directory_of(web, 0);
  EXPECT_TRUE(eventually([&] { return read_file(directory + "/pids.current") == "20\n"; }));
  EXPECT_TRUE(eventually([&] { return read_file(directory + "/pids.events") != "max 0\n"; }));
  EXPECT_EQ(read_file(directory + "/pids.current"), "20\n");
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 0}));
  await([](const auto& output) {
    return output.slots.empty() && output.pool.state == PoolState::settled;
  });
  EXPECT_TRUE(eventually([&] { return !fs::exists(directory); }));
}

TEST_F(PoolControllers, AWorkerThatKeepsMaxMemoryIsReplacedAndNobodyElse) {
  start(fmt::format("import os, time\nwhile not os.path.exists('{0}/grow'): time.sleep(0.01)\n"
                    "if os.environ['REEVE_SLOT'] == '1' and not os.path.exists('{0}/grown'):\n"
                    "  open('{0}/grown', 'w')\n  kept = b'x' * (128 << 20)\n"
                    "time.sleep(9999)",
                    world_.files()),
        "size = 3\nmax-memory = '64M'");
  const auto before = await([](const auto& output) { return output.pool.ready == 3; });
  EXPECT_TRUE(eventually(
      [&] { return read_file(directory_of(before, 0) + "/memory.high") == "67108864\n"; }));
  std::ofstream(world_.files() + "/grow") << "";
  const auto after = await([&](const auto& output) {
    return output.pool.ready == 3 && output.slots[1].process->pid != before.slots[1].process->pid;
  });
  EXPECT_EQ(after.slots[0].process->pid, before.slots[0].process->pid);
  EXPECT_EQ(after.slots[2].process->pid, before.slots[2].process->pid);
  ASSERT_EQ(after.exits.size(), 1U);
  EXPECT_EQ(after.exits[0].reason, "it used max-memory");
  EXPECT_EQ(after.exits[0].exit.signal, "SIGTERM");
}

// DelegateSubgroup= keeps a service's own processes out of the cgroup that is delegated: only then
// does the kernel let controllers be enabled there.
TEST_F(Controllers, APlacedRunHasThemUnlessItsServiceIsInTheWay) {
  const Unit roomy(world_, "roomy.service");
  const Unit crowded(world_, "crowded.service");
  const auto around = fs::path(roomy.directory()).parent_path();
  ASSERT_TRUE(write_to(around / "cgroup.subtree_control", "+cpu +memory +pids"));
  auto owner = roomy.sleeper();
  auto other_owner = Child::born_in(crowded.directory(), [] { return ::pause(); });

  api::Reserve::Input input;
  input.worker = "worker";
  input.limits = Limits{{}, {}, {}, {}, 7};
  input.run = placed_run(world_, owner, {}).run;
  const auto limited = world_.call<api::Reserve>(input);
  ASSERT_TRUE(limited) << limited;
  EXPECT_TRUE(limited->worker.control_group.starts_with(roomy.path()));
  EXPECT_EQ(read_file(world_.directory_of(limited->worker.control_group) + "/pids.max"), "7\n");

  const auto placed = placed_run(world_, other_owner, {});
  EXPECT_TRUE(placed.control_group.starts_with(crowded.path()));
  input.run = placed.run;
  EXPECT_EQ(world_.call<api::Reserve>(input).error, "LimitUnavailable");
}

TEST(WithoutControllers, ALimitIsRefusedAndNothingIsLeftOfTheReservation) {
  World world(World::Daemon::not_started);
  switch_off_controllers(world);  // where there are any
  world.start();
  const auto owner = Child::sleeper();
  const auto run = world.open_run(owner);
  const std::pair<Limits, const char*> cases[] = {{{1 << 30, {}, {}, {}, {}}, "memory"},
                                                  {{{}, {}, 50, {}, {}}, "cpu"},
                                                  {{{}, {}, {}, {}, 10}, "pids"}};
  for (const auto& [limits, controller] : cases) {
    api::Reserve::Input input;
    input.worker = "worker";
    input.run = run;
    input.limits = limits;
    const auto refused = world.call<api::Reserve>(input);
    EXPECT_EQ(refused.error, "LimitUnavailable");
    EXPECT_TRUE(refused.mentions(controller)) << refused;
    EXPECT_EQ(world.get(run, "worker").error, "NoSuchWorker");
    EXPECT_TRUE(eventually([&] { return world.call<api::CountEntries>({})->count == 1; }));
  }
  api::Reserve::Input unlimited;
  unlimited.worker = "worker";
  unlimited.run = run;
  unlimited.limits = Limits{};
  EXPECT_TRUE(world.call<api::Reserve>(unlimited));
}

}  // namespace
}  // namespace reeve::test
