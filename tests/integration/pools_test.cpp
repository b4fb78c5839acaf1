// Pools of the configuration, on a real reeved: filled, kept filled, changed, and taken over.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "cgroup/directory.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/world.hpp"
#include "sys/calls.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

class Pools : public ::testing::Test {
 protected:
  World world_{World::Daemon::not_started};

  void start(const std::string& configuration) {
    world_.configure(configuration);
    world_.start();
  }
  [[nodiscard]] api::GetPool::Output get(const std::string& pool) {
    const auto got = world_.call<api::GetPool>({pool});
    return got ? *got.output : api::GetPool::Output{};
  }
  // Until what `holds` asks for does.
  api::GetPool::Output await(const std::string& pool,
                             const std::function<bool(const api::GetPool::Output&)>& holds) {
    api::GetPool::Output output;
    EXPECT_TRUE(eventually([&] {
      output = get(pool);
      return holds(output);
    })) << json::encoded(output)
        << world_.daemon_log();
    return output;
  }
  api::GetPool::Output await_settled(const std::string& pool, std::int64_t ready) {
    return await(pool, [&](const auto& output) {
      return output.pool.state == PoolState::settled && output.pool.ready == ready;
    });
  }
  api::GetPool::Output await_held(const std::string& pool, std::int64_t held) {
    return await(pool, [&](const auto& output) { return output.pool.held == held; });
  }
  void reload(const std::string& configuration) {
    world_.configure(configuration);
    EXPECT_TRUE(world_.call<api::Reload>({}));
  }
  static std::vector<std::int64_t> pids_of(const api::GetPool::Output& output) {
    std::vector<std::int64_t> pids;
    for (const auto& slot : output.slots)
      pids.push_back(slot.process ? slot.process->pid : 0);
    return pids;
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    return world_.files() + "/" + name;
  }
  // All that is in the cgroups of the pools, whatever reeved says.
  [[nodiscard]] std::size_t processes() const {
    const auto root = cgroup::Directory::open(world_.directory_of(""), world_.root());
    return root->processes_in_tree().size();
  }
};

constexpr const char* sleepers = R"(
[pool.web]
command = ["sleep", "1000"]
size = 3
restart = "always"
)";

std::string sleepers_for(int seconds, int size) {
  return fmt::format("[pool.web]\ncommand = ['sleep', '{}']\nsize = {}\nrestart = 'always'\n",
                     seconds, size);
}

TEST_F(Pools, AreFilledWhenReevedStarts) {
  start(sleepers);
  const auto web = await_settled("web", 3);
  EXPECT_EQ(web.pool.size, 3);
  ASSERT_EQ(web.slots.size(), 3U);
  EXPECT_EQ(web.slots[1].worker, "web@1");
  EXPECT_EQ(processes(), 3U);
  const auto worker = world_.get(*web.pool.run, "web@1");
  ASSERT_TRUE(worker) << worker;
  EXPECT_EQ(worker->worker.process->pid, web.slots[1].process->pid);
}

TEST_F(Pools, TellTheirWorkersWhoTheyAre) {
  start(fmt::format(R"(
[pool.web]
command = ["sh", "-c", "echo $REEVE_POOL $REEVE_SLOT $REEVE_WORKER $REEVE_RUN_ID $COLOUR >> {}; exec sleep 1000"]
environment = {{ COLOUR = "blue" }}
)",
                    file("said")));
  const auto web = await_settled("web", 1);
  EXPECT_TRUE(eventually([&] {
    return read_file(file("said")) == "web 0 web@0 " + *web.pool.run + " blue\n";
  })) << read_file(file("said"));
}

TEST_F(Pools, GiveTheirWorkersTheRightsOfTheirUserHoweverTheyAreStarted) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another";
  std::ofstream(file("said")) << "";
  fs::permissions(file("said"), fs::perms::all);
  fs::permissions(world_.files(), fs::perms::others_exec, fs::perm_options::add);
  start(
      fmt::format("[pool.web]\ncommand = ['sh', '-c', 'echo $(id -un) $(id -ru) $(id -G) $HOME "
                  "$USER $LOGNAME >> {}; exec sleep 1000']\nuser = 'nobody'\n"
                  "backoff = {{ initial = 0 }}\n",
                  file("said")));
  const auto said = [&] { return read_file(file("said")); };
  std::string expected;
  // The first by the spawner, which hires hands then.
  for (int start = 0; start < 4; ++start) {
    expected += "nobody 65534 65534 /nonexistent nobody nobody\n";
    EXPECT_TRUE(eventually([&] { return said() == expected; })) << said();
    ::kill(static_cast<pid_t>(pids_of(await_settled("web", 1))[0]), SIGKILL);
  }
}

TEST_F(Pools, KeepTheirSizeHoweverWorkersEnd) {
  start(sleepers);
  auto before = pids_of(await_settled("web", 3));
  for (const int signal : {SIGKILL, SIGTERM, SIGSEGV}) {
    ASSERT_EQ(::kill(static_cast<pid_t>(before[1]), signal), 0);
    const auto after = await("web", [&](const auto& web) {
      return web.pool.ready == 3 && pids_of(web)[1] != before[1];
    });
    EXPECT_EQ(pids_of(after)[0], before[0]);
    EXPECT_EQ(pids_of(after)[2], before[2]);
    before = pids_of(after);
  }
  EXPECT_EQ(get("web").pool.restarts, 3);
  EXPECT_EQ(processes(), 3U);
}

TEST_F(Pools, TellOfADeathBeforeTheyTellOfItsSuccessor) {
  start(sleepers_for(1000, 1));
  const auto before = await_settled("web", 1);
  Follower follower(world_, before.pool.run);
  follower.next(EventKind::activated);  // of the snapshot
  ASSERT_EQ(::kill(static_cast<pid_t>(pids_of(before)[0]), SIGKILL), 0);
  std::vector<EventKind> told;
  while (told.size() < 5)
    told.push_back(follower.next().kind);
  using enum EventKind;
  EXPECT_EQ(told, (std::vector{exited, reaped, reserved, activated, ready}));
}

TEST_F(Pools, KeepACgroupReadyForEachWorkerThatWillHaveASuccessor) {
  const auto cgroups = [&](const std::string& pool) {
    const auto run = get(pool).pool.run.value_or("");
    std::size_t found = 0;
    for (const auto& child :
         fs::directory_iterator(world_.directory_of(world_.root()) + "/run-" + run))
      found += child.path().filename().string().starts_with("worker-" + pool + "@") ? 1 : 0;
    return found;
  };
  start(sleepers + std::string("[pool.once]\ncommand = ['sleep', '1000']\nrestart = 'no'\n"
                               "[pool.bad]\ncommand = ['false']\nstart-limit = { burst = 1 }\n"));
  await_settled("web", 3);
  await_settled("once", 1);
  await_held("bad", 1);
  EXPECT_TRUE(eventually([&] { return cgroups("web") == 6; })) << cgroups("web");
  EXPECT_EQ(cgroups("once"), 1U);
  EXPECT_TRUE(eventually([&] { return cgroups("bad") == 1; })) << cgroups("bad");
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 0}));
  await_settled("web", 0);
  EXPECT_TRUE(eventually([&] { return cgroups("web") == 0; })) << cgroups("web");
}

TEST_F(Pools, LetAWorkersTreeEndBeforeItsSlotIsFilledAgain) {
  // What it has forked holds a lock that the next one needs.
  start(fmt::format(R"(
[pool.web]
command = ["sh", "-c", "exec 9>{0}; flock -n 9 || echo twice >> {1}; sleep 1000 & echo started >> {1}; wait"]
restart = "always"
)",
                    file("lock"), file("said")));
  await_settled("web", 1);
  const auto lines = [&] { return read_file(file("said")); };
  ASSERT_TRUE(eventually([&] { return lines() == "started\n"; })) << lines();
  ASSERT_EQ(::kill(static_cast<pid_t>(pids_of(get("web"))[0]), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return lines().size() > 8; }));
  EXPECT_EQ(lines(), "started\nstarted\n");
}

struct Ending {
  const char* restart;
  const char* command;
  SlotState state;
};

TEST_F(Pools, AreFilledAgainAsTheirPolicySays) {
  const Ending cases[] = {
      {"no", "exit 1", SlotState::finished},
      {"no", "exit 0", SlotState::finished},
      {"on-failure", "exit 0", SlotState::finished},
      {"on-failure", "exit 7", SlotState::held},
      {"on-failure", "kill -TERM $$", SlotState::held},
      {"always", "exit 0", SlotState::held},
  };
  std::string configuration;
  for (std::size_t i = 0; i < std::size(cases); ++i)
    configuration += fmt::format(
        "[pool.p{}]\ncommand = ['sh', '-c', '{}']\nrestart = '{}'\n"
        "backoff = {{ initial = '1ms', max = '10ms' }}\n",
        i, cases[i].command, cases[i].restart);
  start(configuration);
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const auto pool = await(fmt::format("p{}", i), [&](const auto& output) {
      return !output.slots.empty() && output.slots[0].state == cases[i].state;
    });
    EXPECT_EQ(pool.pool.restarts, cases[i].state == SlotState::held ? 4 : 0) << cases[i].command;
    EXPECT_TRUE(pool.slots[0].reason) << cases[i].command;
  }
}

TEST_F(Pools, WhoseProgramCannotBeStartedAreHeldAndSayWhy) {
  start("[pool.web]\ncommand = ['/no/such/program']\nbackoff = { initial = '1ms' }\n");
  const auto web = await_held("web", 1);
  EXPECT_NE(web.slots[0].reason->find("ENOENT"), std::string::npos) << *web.slots[0].reason;
  EXPECT_NE(world_.daemon_log().find("reevectl restart web"), std::string::npos);
}

TEST_F(Pools, ThatAreHeldAreRestartedByHand) {
  start(
      fmt::format("[pool.web]\ncommand = ['sh', '-c', 'test -e {} && exec sleep 1000']\n"
                  "backoff = {{ initial = '1ms' }}\n",
                  file("mended")));
  await_held("web", 1);
  std::ofstream(file("mended")) << "";
  ASSERT_TRUE(world_.call<api::RestartPool>({"web"}));
  await_settled("web", 1);
}

TEST_F(Pools, AreScaledAndKeepTheWorkersThatStay) {
  start(sleepers);
  const auto before = pids_of(await_settled("web", 3));
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 5}));
  EXPECT_EQ(pids_of(await_settled("web", 5))[2], before[2]);
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 1}));
  EXPECT_EQ(pids_of(await_settled("web", 1)), std::vector{before[0]});
  EXPECT_EQ(processes(), 1U);
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 0}));
  await_settled("web", 0);
  EXPECT_EQ(processes(), 0U);
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 2}));
  await_settled("web", 2);
  // The file has its say again when it says something else.
  reload(sleepers);
  EXPECT_EQ(get("web").pool.size, 2);
  reload(sleepers_for(1000, 4));
  await_settled("web", 4);
}

// Until the watch tells of a pool that it holds for.
void await_told(Conversation& watch, const std::function<bool(const Pool&)>& holds) {
  while (const auto message = watch.receive()) {
    json::Parser parser;
    const auto reply = parser.parse(*message);
    ASSERT_TRUE(reply.ok()) << *message;
    const auto members = *reply->members();
    ASSERT_EQ(members.size(), 2U) << *message;
    EXPECT_EQ(members[1].first, "continues");
    api::WatchPools::Output output;
    ASSERT_TRUE(json::decode(members[0].second, output, json::UnknownMembers::refused)) << *message;
    if (std::any_of(output.pools.begin(), output.pools.end(), holds)) return;
  }
}

TEST_F(Pools, AreWatchedWhileTheyChange) {
  start("");
  EXPECT_EQ(world_.call<api::WatchPools>({}).error, "ExpectedMore");
  reload(sleepers);
  Conversation watch(world_);
  watch.ask<api::WatchPools>({}, Conversation::More::yes);
  const auto is_settled_with = [](std::int64_t ready) {
    return [ready](const Pool& pool) {
      return pool.pool == "web" && pool.state == PoolState::settled && pool.ready == ready &&
             pool.size == ready;
    };
  };
  await_told(watch, is_settled_with(3));
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 5}));
  await_told(watch, is_settled_with(5));
  reload("");
  await_told(watch, is_settled_with(0));
  reload(sleepers);
  await_told(watch, is_settled_with(3));
}

TEST_F(Pools, AreToldAsTheyWereLastToAWatcherThatDoesNotRead) {
  // A pool that takes many bytes to tell of.
  start("[pool.web]\ncommand = ['sh', '-c', 'exec sleep 1000', '" + std::string(100'000, 'x') +
        "']\n");
  await_settled("web", 1);
  Conversation watch(world_);
  watch.ask<api::WatchPools>({}, Conversation::More::yes);
  constexpr std::int64_t last = 20;
  for (std::int64_t generation = 2; generation <= last; ++generation) {
    ASSERT_TRUE(world_.call<api::RestartPool>({"web"}));
    await_settled("web", 1);
  }
  await_told(watch, [](const Pool& pool) {
    return pool.generation == last && pool.state == PoolState::settled && pool.ready == 1;
  });
}

TEST_F(Pools, RollOneSlotAfterTheOther) {
  start(sleepers);
  const auto before = pids_of(await_settled("web", 3));
  Follower follower(world_, *get("web").pool.run);
  ASSERT_TRUE(world_.call<api::RestartPool>({"web"}));
  // The next is stopped only once the one before is ready.
  for (const char* worker : {"web@0", "web@1", "web@2"}) {
    EXPECT_EQ(follower.next(EventKind::exited).worker->worker, worker);
    EXPECT_EQ(follower.next(EventKind::ready).worker->worker, worker);
  }
  const auto after = pids_of(await_settled("web", 3));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_NE(after[i], before[i]);
}

TEST_F(Pools, ThatAreReloadedTouchOnlyWhatHasChanged) {
  const std::string cache = "[pool.cache]\ncommand = ['sleep', '1000']\nsize = 2\n";
  start(sleepers_for(1000, 2) + cache);
  const auto web = pids_of(await_settled("web", 2));
  const auto kept = pids_of(await_settled("cache", 2));
  reload(sleepers_for(2000, 2) + cache);
  const auto changed = await("web", [&](const auto& output) {
    return output.pool.state == PoolState::settled && output.pool.generation == 2;
  });
  EXPECT_NE(pids_of(changed)[0], web[0]);
  EXPECT_NE(pids_of(changed)[1], web[1]);
  EXPECT_EQ(pids_of(get("cache")), kept);
  // What does not concern a running worker does not restart it.
  reload(sleepers_for(2000, 2) + "stop-timeout = '1s'\nstart-limit = { burst = 9 }\n" + cache);
  EXPECT_EQ(pids_of(await_settled("web", 2)), pids_of(changed));
}

TEST_F(Pools, StopAChangeAtTheFirstWorkerThatFails) {
  start(sleepers);
  const auto before = pids_of(await_settled("web", 3));
  const std::string broken =
      "[pool.web]\ncommand = ['/no/such']\nsize = 3\nrestart = 'always'\n"
      "backoff = { initial = '1ms' }\n";
  reload(broken);
  const auto halted =
      await("web", [](const auto& web) { return web.pool.state == PoolState::halted; });
  EXPECT_NE(halted.pool.reason->find("ENOENT"), std::string::npos);
  EXPECT_EQ(pids_of(halted)[1], before[1]);
  EXPECT_EQ(pids_of(halted)[2], before[2]);
  // It stays so over a crash, and is reported still.
  world_.restart();
  const auto again =
      await("web", [](const auto& web) { return web.pool.state == PoolState::halted; });
  EXPECT_EQ(pids_of(again)[1], before[1]);
  EXPECT_EQ(pids_of(again)[2], before[2]);
  reload(sleepers);
  const auto mended = pids_of(await_settled("web", 3));
  EXPECT_NE(mended[0], 0);
}

TEST_F(Pools, AreScaledWithoutHarmAfterAChangeWasStopped) {
  start(sleepers);
  const auto before = pids_of(await_settled("web", 3));
  reload(
      "[pool.web]\ncommand = ['/no/such']\nsize = 3\nrestart = 'always'\n"
      "start-limit = { burst = 1, interval = '1h' }\n");
  const auto is_halted = [](const auto& web) { return web.pool.state == PoolState::halted; };
  (void)await("web", is_halted);
  for (const std::int64_t size : {4, 5, 2}) {
    ASSERT_TRUE(world_.call<api::ScalePool>({"web", size}));
    const auto web = await("web", [&](const auto& each) {
      return is_halted(each) && std::ssize(each.slots) <= std::max<std::int64_t>(size, 3);
    });
    EXPECT_EQ(web.pool.size, size);
    EXPECT_EQ(pids_of(web)[1], before[1]);
  }
  (void)await("web", [](const auto& web) { return web.slots.size() == 2; });
}

TEST_F(Pools, StopAChangeAtAWorkerThatFailsAndIsNotTriedAgain) {
  start("[pool.web]\ncommand = ['sleep', '1000']\nsize = 3\nrestart = 'no'\n");
  const auto before = pids_of(await_settled("web", 3));
  reload("[pool.web]\ncommand = ['/no/such']\nsize = 3\nrestart = 'no'\n");
  const auto halted =
      await("web", [](const auto& web) { return web.pool.state == PoolState::halted; });
  EXPECT_NE(halted.pool.reason->find("ENOENT"), std::string::npos);
  EXPECT_EQ(pids_of(halted)[1], before[1]);
  EXPECT_EQ(pids_of(halted)[2], before[2]);
  EXPECT_NE(world_.daemon_log().find("worker web@0: could not be started"), std::string::npos);
}

TEST_F(Pools, StopAChangeAtAWorkerThatEndsBeforeItHasRunForReadyAfter) {
  std::map<std::string, std::pair<const char*, std::vector<std::int64_t>>> pools{
      {"serving", {"command = ['false']\nrestart = 'always'\n", {}}},
      {"working", {"command = ['true']\nrestart = 'no'\n", {}}},
      // Never seen but starting.
      {"eager",
       {"command = ['false']\nbackoff = { initial = 0 }\nstart-limit = { burst = 10000 }\n", {}}}};
  std::string sound, broken;
  for (const auto& [pool, each] : pools) {
    sound += fmt::format("[pool.{}]\nsize = 3\ncommand = ['sleep', '1000']\n", pool);
    broken += fmt::format("[pool.{}]\nsize = 3\nready-after = '1h'\n{}", pool, each.first);
  }
  start(sound);
  for (auto& [pool, each] : pools)
    each.second = pids_of(await_settled(pool, 3));
  reload(broken);
  for (auto& [pool, each] : pools) {
    const auto halted =
        await(pool, [](const auto& now) { return now.pool.state == PoolState::halted; });
    EXPECT_EQ(pids_of(halted)[1], each.second[1]) << pool;
    EXPECT_EQ(pids_of(halted)[2], each.second[2]) << pool;
  }
}

TEST_F(Pools, StopNoChangeForWhatFailedBeforeIt) {
  const auto pool = [](const char* command) {
    return fmt::format(
        "[pool.web]\ncommand = {}\nready-after = '10ms'\nrestart = 'always'\n"
        "backoff = {{ initial = 0 }}\nstart-limit = {{ burst = 10000 }}\n",
        command);
  };
  start(pool("['sleep', '1000']"));
  for (int round = 0; round < 10; ++round) {
    reload(pool("['false']"));
    ASSERT_TRUE(world_.call<api::ScalePool>({"web", 3}));
    reload(pool("['sleep', '1000']"));
    (void)await_settled("web", 3);
    ASSERT_TRUE(world_.call<api::ScalePool>({"web", 1}));
    (void)await_settled("web", 1);
  }
}

TEST_F(Pools, RememberThatAWorkerWasReadyWhateverReadyAfterBecomes) {
  const std::string job = fmt::format(
      "[pool.job]\ncommand = ['sh', '-c', 'until [ -e {} ]; do sleep 0.01; done']\n"
      "restart = 'no'\n",
      file("go"));
  start(job);
  const auto before = pids_of(await_settled("job", 1));
  reload(job + "ready-after = '1h'\n");
  EXPECT_EQ(pids_of(await_settled("job", 1)), before);
  std::ofstream(file("go")) << "";
  const auto over =
      await("job", [](const auto& now) { return now.slots[0].state == SlotState::finished; });
  EXPECT_EQ(over.pool.reason, std::nullopt);
}

TEST_F(Pools, CountAWorkerAsReadyOnceItHasRunForReadyAfter) {
  const auto for_so_long = [](const char* time) {
    return fmt::format("[pool.web]\ncommand = ['sleep', '1000']\nsize = 2\nready-after = '{}'\n",
                       time);
  };
  const auto is_starting = [](const auto& web) {
    return !web.slots.empty() && web.slots[0].state == SlotState::starting && web.slots[0].process;
  };
  start(for_so_long("1h"));
  const auto first = pids_of(await("web", is_starting))[0];
  EXPECT_EQ(get("web").pool.state, PoolState::changing);
  // Whoever takes over goes on waiting, and a change of the time is heeded.
  world_.restart();
  EXPECT_EQ(pids_of(await("web", is_starting))[0], first);
  reload(for_so_long("100ms"));
  EXPECT_EQ(pids_of(await_settled("web", 2))[0], first);
  // Who was ready stays so.
  reload(for_so_long("1h"));
  world_.restart();
  EXPECT_EQ(pids_of(await_settled("web", 2))[0], first);
}

TEST_F(Pools, ThatAreNotConfiguredAnyMoreEndWithTheirRun) {
  start(sleepers);
  await_settled("web", 3);
  reload("[pool.cache]\ncommand = ['sleep', '1000']\n");
  await_settled("cache", 1);
  EXPECT_TRUE(eventually([&] { return world_.call<api::GetPool>({"web"}).error == "NoSuchPool"; }));
  EXPECT_EQ(processes(), 1U);
  reload("");
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  reload(sleepers);
  await_settled("web", 3);
}

TEST_F(Pools, ThatAreConfiguredAgainBeforeTheyAreGoneAreFilledAgain) {
  start(sleepers);
  (void)await_settled("web", 3);
  reload("");
  reload(sleepers);
  (void)await_settled("web", 3);
}

TEST_F(Pools, AreNotChangedOnceTheyAreNotConfiguredAnyMore) {
  start("[pool.web]\ncommand = ['sh', '-c', 'trap \"\" TERM; while :; do sleep 1; done']\n");
  (void)await_settled("web", 1);
  reload("");
  EXPECT_EQ(world_.call<api::ScalePool>({"web", 2}).error, "NoSuchPool");
  EXPECT_EQ(world_.call<api::RestartPool>({"web"}).error, "NoSuchPool");
}

TEST_F(Pools, AreAsTheyWereScaledAlthoughReevedDiesWhileTheirRunIsBeingOpened) {
  start("");
  reload(sleepers);
  EXPECT_TRUE(world_.call<api::ScalePool>({"web", 5}));
  world_.restart();
  EXPECT_EQ(await_settled("web", 5).pool.configured_size, 3);
}

TEST_F(Pools, WhoseDeadNobodyReapsEndWhenTheyAreNotConfiguredAnyMore) {
  start(sleepers_for(1000, 1) + "[pool.other]\ncommand = ['sleep', '1000']\n");
  const auto pid = pids_of(await_settled("other", 1))[0];
  world_.kill_daemon();
  // It comes to this program, or to one that does not reap it either.
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
  world_.start();
  reload(sleepers_for(1000, 1));
  EXPECT_TRUE(eventually([&] {
    return world_.call<api::GetPool>({"other"}).error == "NoSuchPool";
  })) << json::encoded(get("other"));
  (void)await_settled("web", 1);
}

TEST_F(Pools, AreTakenOverWithTheirWorkersAfterACrash) {
  start(sleepers);
  const auto before = pids_of(await_settled("web", 3));
  world_.kill_daemon();
  ASSERT_EQ(::kill(static_cast<pid_t>(before[1]), SIGKILL), 0);
  world_.start();
  const auto after = await(
      "web", [&](const auto& web) { return web.pool.ready == 3 && pids_of(web)[1] != before[1]; });
  EXPECT_EQ(pids_of(after)[0], before[0]);
  EXPECT_EQ(pids_of(after)[2], before[2]);
  EXPECT_EQ(world_.run_directories().size(), 1U);
  EXPECT_EQ(processes(), 3U);
}

TEST_F(Pools, ForgetNoStartLimitOverACrash) {
  start(
      "[pool.web]\ncommand = ['sh', '-c', 'exit 1']\nbackoff = { initial = '1ms' }\n"
      "start-limit = { burst = 3, interval = '1h' }\n");
  const auto before = await_held("web", 1);
  world_.restart();
  const auto after = await_held("web", 1);
  EXPECT_EQ(after.pool.restarts, before.pool.restarts);
}

TEST_F(Pools, RememberHowTheirWorkersEndedLast) {
  start(sleepers_for(1000, 2) + "backoff = { initial = 0 }\nstart-limit = { burst = 100 }\n");
  auto pids = pids_of(await_settled("web", 2));
  std::vector<std::pair<std::string, std::int64_t>> ended;
  const auto end = [&](std::size_t slot, int signal) {
    ended.insert(ended.begin(), {"web@" + std::to_string(slot), pids[slot]});
    ASSERT_EQ(::kill(static_cast<pid_t>(pids[slot]), signal), 0);
    pids = pids_of(await("web", [&](const auto& web) {
      return web.pool.ready == 2 && pids_of(web)[slot] != pids[slot];
    }));
  };
  const auto told = [&] {
    std::vector<std::pair<std::string, std::int64_t>> found;
    for (const auto& each : get("web").exits)
      found.emplace_back(each.worker, each.process ? each.process->pid : 0);
    return found;
  };
  EXPECT_EQ(told(), ended);
  end(0, SIGKILL);
  end(1, SIGTERM);
  const auto exits = get("web").exits;
  ASSERT_EQ(exits.size(), 2U);
  EXPECT_EQ(exits[0].exit.signal, "SIGTERM");
  EXPECT_EQ(exits[1].exit.signal, "SIGKILL");
  EXPECT_EQ(exits[0].exit.cause, ExitCause::signaled);
  EXPECT_TRUE(exits[0].usage && exits[0].usage->processor_system);
  EXPECT_LT(exits[0].started_at->monotonic, exits[0].exit.at.monotonic);
  for (int i = 0; i < 5; ++i)
    end(0, SIGKILL);
  ended.pop_back();  // five are kept of a slot
  EXPECT_EQ(told(), ended);
  world_.restart();
  await_settled("web", 2);
  EXPECT_EQ(told(), ended);
  // The one that dies while no reeved runs is the last of them.
  world_.kill_daemon();
  ended.insert(ended.begin(), {"web@1", pids[1]});
  ASSERT_EQ(::kill(static_cast<pid_t>(pids[1]), SIGKILL), 0);
  world_.start();
  await("web", [&](const auto& web) { return web.pool.ready == 2 && pids_of(web)[1] != pids[1]; });
  EXPECT_EQ(told(), ended);
}

TEST_F(Pools, FollowAConfigurationThatChangedWhileNoReevedRan) {
  start(sleepers_for(1000, 3) + "[pool.gone]\ncommand = ['sleep', '1000']\n");
  const auto before = pids_of(await_settled("web", 3));
  await_settled("gone", 1);
  world_.kill_daemon();
  start(sleepers_for(2000, 2) + "[pool.new]\ncommand = ['sleep', '1000']\n");
  await("web", [&](const auto& web) {
    return web.pool.state == PoolState::settled && web.pool.ready == 2 &&
           pids_of(web)[0] != before[0] && pids_of(web)[1] != before[1];
  });
  await_settled("new", 1);
  EXPECT_TRUE(
      eventually([&] { return world_.call<api::GetPool>({"gone"}).error == "NoSuchPool"; }));
  EXPECT_EQ(processes(), 3U);
}

TEST_F(Pools, EndWithAReevedThatNoHolderOutlives) {
  start(sleepers);
  await_settled("web", 3);
  EXPECT_EQ(world_.stop_daemon(), 0);
  EXPECT_TRUE(world_.root_is_empty());
}

TEST_F(Pools, EndBeforeThoseThatTheyComeAfterEachWithItsSignal) {
  const auto pool = [&](const char* name, const char* signal) {
    return fmt::format(
        "[pool.{0}]\nstop-signal = '{1}'\ncommand = ['sh', '-c', '''trap \"sleep 0.1; echo {0} >> "
        "{2}; exit 0\" {1}; echo {0} up >> {2}; while :; do sleep 0.01; done''']\n",
        name, signal, file("said"));
  };
  const auto configuration = pool("cache", "USR1") + pool("database", "INT") +
                             "after = ['cache']\n" + pool("web", "USR2") + "after = ['database']\n";
  // Executed in order, and they speak when they come to it.
  const std::string up = "cache up\ndatabase up\nweb up\n", down = "web\ndatabase\ncache\n";
  const auto said = [&] { return read_file(file("said")); };
  start(configuration);
  ASSERT_TRUE(eventually([&] { return said().size() == up.size(); })) << said();
  reload("");
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  EXPECT_EQ(said().substr(up.size()), down);
  std::ofstream(file("said"), std::ios::trunc) << "";
  reload(configuration);
  ASSERT_TRUE(eventually([&] { return said().size() == up.size(); })) << said();
  EXPECT_EQ(world_.stop_daemon(), 0);
  EXPECT_TRUE(world_.root_is_empty());
  EXPECT_EQ(said().substr(up.size()), down);
}

TEST_F(Pools, AreNotToBeFilledByOthers) {
  start(sleepers);
  const auto run = await_settled("web", 3).pool.run;
  const auto stranger = Child::sleeper();
  EXPECT_EQ(world_.call<api::Reserve>({"web@7", run}).error, "PermissionDenied");
  EXPECT_EQ(world_.call<api::Register>({"web@7", run, stranger.id()}).error, "PermissionDenied");
  EXPECT_EQ(world_.call<api::Spawn>({"web@7", {"true"}, run}).error, "PermissionDenied");
  EXPECT_EQ(world_.call<api::Unregister>({"web@1", run}).error, "PermissionDenied");
  EXPECT_EQ(world_.call<api::CloseRun>({run}).error, "PermissionDenied");
  EXPECT_EQ(world_.call<api::EnterRun>({run}).error, "PermissionDenied");
  ASSERT_TRUE(world_.call<api::CleanupOrphans>({}));
  EXPECT_EQ(get("web").pool.ready, 3);
}

// As `systemctl stop` is stronger than Restart=always.
TEST_F(Pools, LeaveAWorkerStoppedThatSomebodyStops) {
  start(sleepers);
  const auto run = await_settled("web", 3).pool.run;
  ASSERT_TRUE(world_.call<api::Stop>({"web@1", run}));
  auto stopped =
      await("web", [](const auto& web) { return web.slots[1].state == SlotState::finished; });
  EXPECT_EQ(stopped.pool.ready, 2);
  world_.restart();
  stopped = await("web", [](const auto& web) {
    return web.slots.size() == 3 && web.slots[1].state == SlotState::finished;
  });
  EXPECT_EQ(stopped.pool.ready, 2);
  ASSERT_TRUE(world_.call<api::RestartPool>({"web"}));
  await_settled("web", 3);
}

TEST_F(Pools, RecycleWorkersThatHaveLivedLongEnough) {
  start(R"(
[pool.web]
command = ["sleep", "1000"]
size = 3
max-lifetime = "200ms"
)");
  const auto before = pids_of(await("web", [](const auto& web) { return web.pool.ready == 3; }));
  await("web", [&](const auto& web) {
    const auto now = pids_of(web);
    return now[0] != before[0] && now[1] != before[1] && now[2] != before[2];
  });
  EXPECT_EQ(get("web").pool.held, 0);
}

TEST_F(Pools, SendTheirWorkersTheSignalThatTheyWant) {
  start(fmt::format(R"(
[pool.web]
command = ["sh", "-c", "trap 'echo drained > {0}; exit 0' USR1; echo up > {0}; while :; do sleep 0.01; done"]
stop-signal = "SIGUSR1"
)",
                    file("said")));
  ASSERT_TRUE(eventually([&] { return read_file(file("said")) == "up\n"; }));
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 0}));
  await_settled("web", 0);
  EXPECT_EQ(read_file(file("said")), "drained\n");
}

TEST_F(Pools, WriteToFilesIfTheyAreToldTo) {
  start(
      fmt::format("[pool.web]\ncommand = ['sh', '-c', 'echo out; echo err >&2; sleep 1000']\n"
                  "stdout = 'file:{0}'\nstderr = 'file:{0}'\n",
                  file("said")));
  await_settled("web", 1);
  EXPECT_TRUE(eventually([&] { return read_file(file("said")) == "out\nerr\n"; }))
      << read_file(file("said"));
}

// What sd_notify(3) does: a datagram.
constexpr const char* say =
    "import os, socket, sys, time\n"
    "def say(text):\n"
    "  s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "  s.sendto(text.encode(), os.environ['NOTIFY_SOCKET'])\n"
    "def until(path):\n"
    "  while not os.path.exists(path): time.sleep(0.01)\n";

class Notifying : public Pools {
 protected:
  // A pool of one Python program, which may say() and wait until() a file is there.
  [[nodiscard]] static std::string pool(const std::string& program, const std::string& keys = {},
                                        const std::string& name = "web") {
    return fmt::format("[pool.{}]\n{}\ncommand = ['python3', '-c', '''{}{}''']\n", name, keys, say,
                       program);
  }
  [[nodiscard]] static std::string notifying(const std::string& program,
                                             const std::string& keys = {}) {
    return pool(program, "readiness = 'notify'\n" + keys);
  }
  void make(const std::string& name) const { std::ofstream(file(name)) << ""; }
  void await_status(const std::string& text, const std::string& pool = "web") {
    await(pool,
          [&](const auto& now) { return !now.slots.empty() && now.slots[0].status_text == text; });
  }
};

TEST_F(Notifying, WorkersAreReadyWhenTheySaySo) {
  start(
      notifying(fmt::format("say('STATUS=loading'); until('{}')\n"
                            "say('READY=1\\nSTATUS=serving'); time.sleep(1000)",
                            file("go"))));
  await_status("loading");
  EXPECT_EQ(get("web").slots[0].state, SlotState::starting);
  EXPECT_EQ(get("web").pool.state, PoolState::changing);
  make("go");
  const auto web = await_settled("web", 1);
  await_status("serving");
  EXPECT_EQ(world_.get(*web.pool.run, "web@0")->worker.status_text, "serving");
  // Whoever takes over knows it, too.
  world_.restart();
  EXPECT_EQ(pids_of(await_settled("web", 1)), pids_of(web));
  await_status("serving");
}

TEST_F(Notifying, NobodySaysThatItHasRunForReadyAfter) {
  start(pool("say('READY=1\\nSTATUS=serving'); time.sleep(1000)", "ready-after = '1h'\n"));
  await_status("serving");
  EXPECT_EQ(get("web").slots[0].state, SlotState::starting);
}

TEST_F(Notifying, WhatIsSaidWhileNoReevedRunsIsHeardByTheNextOne) {
  start(
      notifying(fmt::format("while not os.path.exists('{}'): time.sleep(0.01)\nsay('READY=1')\n"
                            "open('{}', 'w')\ntime.sleep(1000)",
                            file("go"), file("said"))));
  const auto before = pids_of(await("web", [](const auto& web) {
    return !web.slots.empty() && web.slots[0].state == SlotState::starting && web.slots[0].process;
  }));
  // As the service manager does.
  FileDescriptor kept;
  EXPECT_TRUE(eventually([&] {
    std::array<char, 4096> buffer;
    sys::Received received;
    const int got = sys::receive_bytes(world_.readiness(), buffer, received);
    const std::string_view text(buffer.data(), got < 0 ? 0 : received.bytes);
    if (text == "FDSTORE=1\nFDNAME=notifications") kept = std::move(received.descriptors.at(0));
    return bool(kept);
  }));
  world_.kill_daemon();
  make("go");
  ASSERT_TRUE(eventually([&] { return fs::exists(file("said")); }));
  ASSERT_TRUE(world_.try_start([&](const auto& daemon) {
    constexpr int first_passed = 3;
    ::dup2(kept.get(), first_passed);
    ::fcntl(first_passed, F_SETFD, 0);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_FDNAMES", "notifications", 1);
    return daemon();
  })) << world_.daemon_log();
  EXPECT_EQ(pids_of(await_settled("web", 1)), before);
  // Who begins now speaks to the same socket.
  ASSERT_TRUE(world_.call<api::RestartPool>({"web"}));
  await("web", [&](const auto& web) { return web.pool.ready == 1 && pids_of(web) != before; });
}

TEST_F(Notifying, APoolThatComesAfterAnotherBeginsOnceThatIsReady) {
  start(notifying(fmt::format("until('{}'); say('READY=1'); time.sleep(1000)", file("go"))) +
        "[pool.late]\ncommand = ['sleep', '1000']\nafter = ['web']\n");
  await("web", [](const auto& web) { return web.slots.size() == 1 && web.slots[0].process; });
  EXPECT_EQ(get("late").pool.state, PoolState::waiting);
  EXPECT_EQ(get("late").pool.ready, 0);
  make("go");
  await_settled("late", 1);
}

TEST_F(Notifying, WhatIsNotReadyInTimeIsKilledAndStartedAgain) {
  start(notifying("time.sleep(1000)",
                  "start-timeout = '200ms'\nbackoff = { initial = '1ms' }\n"
                  "start-limit = { burst = 2 }"));
  EXPECT_EQ(await_held("web", 1).slots[0].reason, "it was not ready in time");
}

TEST_F(Notifying, AskingForMoreTimeIsHeeded) {
  start(notifying(fmt::format("say('EXTEND_TIMEOUT_USEC=60000000\\nSTATUS=long'); until('{}')\n"
                              "say('READY=1'); time.sleep(1000)",
                              file("go")),
                  "start-timeout = '1s'"));
  await_status("long");
  ::usleep(1'200'000);  // beyond its time
  make("go");
  EXPECT_EQ(await_settled("web", 1).pool.restarts, 0);
}

TEST_F(Notifying, AnyProcessOfAWorkersTreeMaySpeakForIt) {
  start(
      notifying("child = os.fork()\n"
                "if not child:\n"
                "  os.setsid()\n"
                "  if not os.fork(): say('READY=1\\nSTATUS=a grandchild')\n"
                "time.sleep(1000)"));
  await_settled("web", 1);
  await_status("a grandchild");
}

TEST_F(Notifying, NobodyElseSpeaksForAWorker) {
  start(notifying(fmt::format("say('READY=1\\nSTATUS=mine'); until('{}')\n"
                              "say('STATUS=still mine'); time.sleep(1000)",
                              file("go"))) +
        pool("say('STATUS=other'); time.sleep(1000)", "", "other"));
  await_status("mine");
  await_status("other", "other");
  const auto stranger = run({{"/usr/bin/python3", "-c",
                              fmt::format("{}os.environ['NOTIFY_SOCKET'] = '{}.notify'\n"
                                          "say('STATUS=stolen\\nWATCHDOG=trigger')",
                                          say, world_.socket())},
                             {},
                             {},
                             {}});
  EXPECT_EQ(stranger.exit_status(), 0) << stranger;
  make("go");
  await_status("still mine");
  EXPECT_EQ(get("web").pool.restarts, 0);
}

TEST_F(Notifying, AWorkerThatDoesNotFeedItsWatchdogIsReplaced) {
  start(notifying(fmt::format("say('READY=1')\n"
                              "for i in range(40): time.sleep(0.05); say('WATCHDOG=1')\n"
                              "open('{}', 'w').write(os.environ['WATCHDOG_USEC'])\n"
                              "time.sleep(1000)",
                              file("fed")),
                  "watchdog = '1s'\nbackoff = { initial = '1ms' }"));
  const auto before = pids_of(await_settled("web", 1));
  // As long as it is fed, nothing happens.
  ASSERT_TRUE(eventually([&] { return read_file(file("fed")) == "1000000"; }));
  EXPECT_EQ(pids_of(get("web")), before);
  const auto after =
      await("web", [&](const auto& web) { return web.pool.ready == 1 && pids_of(web) != before; });
  EXPECT_EQ(after.pool.restarts, 1);
  ASSERT_EQ(after.exits.size(), 1U);
  EXPECT_EQ(after.exits[0].reason, "it did not feed its watchdog");
}

TEST_F(Notifying, WhatAWorkerSaysLastIsPartOfItsRecord) {
  start(notifying("say('READY=1'); say('STATUS=out of disk'); os._exit(3)", "restart = 'no'"));
  const auto web = await("web", [](const auto& now) {
    return !now.slots.empty() && now.slots[0].state == SlotState::finished;
  });
  const auto worker = world_.get(*web.pool.run, "web@0");
  EXPECT_EQ(worker->worker.status_text, "out of disk");
  EXPECT_EQ(worker->worker.exit->code, 3);
}

TEST_F(Notifying, AWorkerMayNameAnotherOfItsProcessesAsTheMainOne) {
  start(
      notifying("child = os.fork()\n"
                "if child: say(f'MAINPID={child}'); os._exit(0)\n"
                "say('READY=1\\nSTATUS=the child'); time.sleep(1000)",
                "restart = 'always'"));
  await_settled("web", 1);
  await_status("the child");
  EXPECT_EQ(get("web").pool.restarts, 0);
  EXPECT_TRUE(eventually([&] { return processes() == 1; }));
  // Its death is the worker's.
  const auto before = pids_of(get("web"));
  ASSERT_EQ(::kill(static_cast<pid_t>(before[0]), SIGKILL), 0);
  await("web", [&](const auto& now) { return now.pool.ready == 1 && pids_of(now) != before; });
}

TEST_F(Notifying, AWorkerCannotNameAProcessOfOthers) {
  start(notifying("say('READY=1\\nMAINPID=1\\nSTATUS=said'); time.sleep(1000)"));
  await_status("said");
  EXPECT_NE(pids_of(await_settled("web", 1))[0], 1);
}

TEST_F(Pools, OfAThousandWorkersAreScaledDownAndUp) {
  // Not by GetPool, again and again: that tells of each of them.
  const auto await_listed = [&](std::int64_t ready) {
    EXPECT_TRUE(eventually([&] {
      const auto listed = world_.call<api::ListPools>({});
      return listed && listed->pools.size() == 1 && listed->pools[0].ready == ready &&
             listed->pools[0].state == PoolState::settled;
    })) << json::encoded(world_.call<api::ListPools>({}).output->pools);
  };
  start(sleepers_for(1000, 1000));
  await_listed(1000);
  EXPECT_EQ(processes(), 1000U);
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 0}));
  await_listed(0);
  EXPECT_EQ(processes(), 0U);
  ASSERT_TRUE(world_.call<api::ScalePool>({"web", 1000}));
  await_listed(1000);
  const auto web = get("web");
  EXPECT_EQ(web.slots.size(), 1000U);
  EXPECT_EQ(web.exits.size(), 0U);
}

TEST_F(Pools, ThatCrashInALoopDoNotDelayHealthyOnes) {
  start(sleepers + std::string("start-limit = { burst = 100 }\n"
                               "[pool.bad]\ncommand = ['false']\nsize = 1000\n"
                               "backoff = { initial = '1ms', max = '10ms' }\n"
                               "start-limit = { interval = '1h' }\n"));
  auto before = pids_of(await("web", [](const auto& web) { return web.pool.ready == 3; }));
  // While they crash.
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(::kill(static_cast<pid_t>(before[0]), SIGKILL), 0);
    const auto after = await("web", [&](const auto& web) {
      return web.pool.ready == 3 && pids_of(web)[0] != before[0];
    });
    before = pids_of(after);
  }
  const auto bad = await_held("bad", 1000);
  EXPECT_EQ(bad.pool.restarts, 4000);
  EXPECT_EQ(get("web").pool.ready, 3);
}

}  // namespace
}  // namespace reeve::test
