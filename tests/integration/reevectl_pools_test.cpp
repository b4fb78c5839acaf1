// Pools by reevectl: looked at, scaled, restarted and reloaded, on a real reeved, and followed on a
// real terminal.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "ctl/options.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/terminal.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class ReevectlPools : public ::testing::Test {
 protected:
  World world_{World::Daemon::not_started};

  void start(const std::string& configuration) {
    world_.configure(configuration);
    world_.start();
  }
  [[nodiscard]] Command command(const Words& arguments) const {
    Command made;
    made.arguments = arguments;
    made.arguments.insert(made.arguments.begin(), test::reevectl());
    made.environment = {{"REEVE_SOCKET", world_.socket()},
                        {"REEVE_RUN_ID", {}},
                        {"COLUMNS", "200"},
                        {"TERM", "xterm"}};
    return made;
  }
  [[nodiscard]] Finished ctl(const Words& arguments) const { return run(command(arguments)); }
  // The line that it ends with, and nothing else.
  void expect_line(const Words& arguments, const std::string& line) const {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), 0) << finished << world_.daemon_log();
    EXPECT_EQ(finished.output, line + "\n");
    EXPECT_EQ(finished.errors, "");
  }
  void expect_failure(const Words& arguments, int exit_status, const Words& words) const {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), exit_status) << finished;
    EXPECT_NE(finished.errors, "");
    for (const auto& word : words)
      EXPECT_TRUE(has(finished.errors, word)) << word << " in " << finished;
  }
  template <class Output>
  Output as_json(Words arguments) const {
    arguments.insert(arguments.begin(), "--json=short");
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), 0) << finished;
    json::Parser parser;
    Output output;
    const auto parsed = parser.parse(finished.output);
    EXPECT_TRUE(parsed.ok() && json::decode(*parsed, output, json::UnknownMembers::refused))
        << finished;
    return output;
  }

  [[nodiscard]] std::string file(const std::string& name) const {
    return world_.files() + "/" + name;
  }
  [[nodiscard]] api::GetPool::Output get(const std::string& pool) {
    const auto got = world_.call<api::GetPool>({pool});
    return got ? *got.output : api::GetPool::Output{};
  }
  bool eventually_ready(const std::string& pool, std::int64_t ready) {
    return eventually([&] {
      const auto now = get(pool).pool;
      return now.state == PoolState::settled && now.ready == ready;
    });
  }
  // Three workers that end, once they are asked to, when allow() says so.
  void start_obstinate() {
    start(fmt::format(R"(
[pool.web]
command = ["sh", "-c", "trap 'while ! test -e {0}; do sleep 0.01; done; exit' TERM; echo up >> {1}; while :; do sleep 0.01; done"]
size = 3
restart = "always"
stop-timeout = "5min"
)",
                      file("allowed"), file("up")));
    ASSERT_TRUE(eventually([&] { return read_file(file("up")) == "up\nup\nup\n"; }));
  }
  void allow() const { std::ofstream(file("allowed")) << ""; }
  [[nodiscard]] Child start_ctl(const Words& arguments, const std::string& output) const {
    auto made = command(arguments);
    made.before = [path = file(output)] {
      const int opened = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
      ::dup2(opened, STDOUT_FILENO);
      ::dup2(opened, STDERR_FILENO);
    };
    return Child::run([&] { return become(made); });
  }
};

constexpr const char* sleepers = R"(
[pool.web]
command = ["sleep", "1000"]
size = 3
restart = "always"
)";
constexpr const char* cache = R"(
[pool.cache]
command = ["sleep", "2000"]
)";

TEST_F(ReevectlPools, AreListedAndShownWithTheirSlots) {
  start(std::string(sleepers) + cache + "[pool.bad]\ncommand = ['false']\nsize = 2\n" +
        "backoff = { initial = '1ms' }\nstart-limit = { burst = 2, interval = '1h' }\n");
  ASSERT_TRUE(eventually_ready("web", 3));
  ASSERT_TRUE(eventually_ready("cache", 1));
  ASSERT_TRUE(eventually([&] { return get("bad").pool.held == 2; }));
  const auto listed = ctl({"pools", "--no-legend"});
  const auto rows = split(listed.output, '\n');
  ASSERT_EQ(rows.size(), 4U) << listed;
  const auto row = [](std::string_view text) {
    std::string words;
    for (const auto word : split(text, ' '))
      if (!word.empty()) words += (words.empty() ? "" : " ") + std::string(word);
    return words;
  };
  EXPECT_EQ(row(rows[0]), "bad settled 0/2 2 2 false worker bad@0: it exited with status 1");
  EXPECT_EQ(row(rows[1]), "cache settled 1/1 0 0 sleep 2000 -");
  EXPECT_EQ(row(rows[2]), "web settled 3/3 0 0 sleep 1000 -");
  EXPECT_EQ(row(split(ctl({"pools"}).output, '\n')[0]),
            "POOL STATE READY HELD RESTARTS COMMAND REASON");

  const auto web = get("web");
  const auto shown = ctl({"pools", "web"}).output;
  for (const auto& words : {std::string("Pool: web"), std::string("State: settled"),
                            std::string("Workers: 3 of 3 workers ready"), "Run: " + *web.pool.run,
                            std::string("Command: sleep 1000"), std::string("SLOT WORKER STATE"),
                            fmt::format("web@2  ready {}", web.slots[2].process->pid)})
    EXPECT_TRUE(has(shown, words)) << words << " in\n" << shown;
  const auto bad = ctl({"pools", "bad"}).output;
  for (const char* words : {"Workers: 0 of 2 workers ready, 2 held", "bad@1  held",
                            "it exited with status 1", "ENDED", "RAN FOR", "exited 1"})
    EXPECT_TRUE(has(bad, words)) << words << " in\n" << bad;
  const auto worker = ctl({"show", "--run", *web.pool.run, "bad@1"}).output;
  EXPECT_TRUE(has(worker, "exited 1")) << worker;
  EXPECT_TRUE(has(worker, "ago bad@1")) << worker;
  EXPECT_FALSE(has(worker, "bad@0")) << worker;
}

TEST_F(ReevectlPools, AreToldToScriptsInJson) {
  start(sleepers);
  ASSERT_TRUE(eventually_ready("web", 3));
  EXPECT_EQ(as_json<api::ListPools::Output>({"pools"}).pools.at(0).ready, 3);
  EXPECT_EQ(as_json<api::GetPool::Output>({"pools", "web"}).slots.size(), 3U);
  const auto scaled = as_json<api::ScalePool::Output>({"scale", "web", "5"}).pool;
  EXPECT_EQ(scaled.state, PoolState::settled);
  EXPECT_EQ(scaled.ready, 5);
  EXPECT_EQ(as_json<api::RestartPool::Output>({"restart", "web"}).pool.generation, 2);
  EXPECT_EQ(as_json<api::RestartPool::Output>({"restart", "web", "--no-block"}).pool.generation, 3);
  EXPECT_EQ(as_json<api::ListPools::Output>({"reload"}).pools.at(0).ready, 5);
  as_json<api::Reload::Output>({"reload", "--no-block"});
}

TEST_F(ReevectlPools, AreScaledAndRestartedUntilThatIsDone) {
  start(sleepers);
  ASSERT_TRUE(eventually_ready("web", 3));
  expect_line({"scale", "web", "5"}, "pool web: 5 of 5 workers ready");
  const auto before = get("web");
  EXPECT_EQ(before.slots.size(), 5U);
  expect_line({"restart", "web"}, "pool web: 5 of 5 workers ready");
  const auto after = get("web");
  EXPECT_EQ(after.pool.state, PoolState::settled);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_NE(after.slots.at(i).process->pid, before.slots[i].process->pid);
  expect_line({"scale", "web", "0"}, "pool web: 0 of 0 workers ready");
  EXPECT_TRUE(get("web").slots.empty());
  EXPECT_TRUE(has(ctl({"pools", "web"}).output, "Configured: 3 workers"));
}

TEST_F(ReevectlPools, AreChangedBehindItsBackIfItIsNotToBlock) {
  start_obstinate();
  const auto finished = ctl({"restart", "web", "--no-block"});
  EXPECT_EQ(finished.exit_status(), 0) << finished;
  EXPECT_TRUE(has(finished.output, "3 to change")) << finished;
  EXPECT_EQ(get("web").pool.state, PoolState::changing);
  allow();
  EXPECT_TRUE(eventually_ready("web", 3));
}

TEST_F(ReevectlPools, ThatHaltAreAFailureThatSaysWhatToDo) {
  const auto program = file("program");
  fs::create_symlink("/bin/sleep", program);
  start(
      fmt::format("[pool.web]\ncommand = ['{}', '1000']\nsize = 3\n"
                  "backoff = {{ initial = '1ms' }}\n",
                  program));
  ASSERT_TRUE(eventually_ready("web", 3));
  fs::remove(program);
  expect_failure({"restart", "web"}, ctl::exit_failure,
                 {"pool web", "web@0", "ENOENT", "reevectl restart web"});
  const auto listed = ctl({"pools"}).output;
  EXPECT_TRUE(has(listed, "halted 2/3") || has(listed, "halted   2/3")) << listed;
  EXPECT_TRUE(has(listed, "ENOENT")) << listed;
  EXPECT_TRUE(has(ctl({"pools", "web"}).output, "Reason: ")) << listed;
  // What is not mended is not as configured.
  expect_failure({"reload"}, ctl::exit_failure, {"pool web", "ENOENT", "reevectl restart web"});
  fs::create_symlink("/bin/sleep", program);
  expect_line({"restart", "web"}, "pool web: 3 of 3 workers ready");
}

TEST_F(ReevectlPools, ThatCannotBeStartedMakeAReloadAFailure) {
  start(sleepers);
  ASSERT_TRUE(eventually_ready("web", 3));
  world_.configure(std::string(sleepers) +
                   "[pool.bad]\ncommand = ['/no/such']\nstart-limit = { burst = 1, interval = "
                   "'1h' }\n");
  expect_failure({"reload"}, ctl::exit_failure, {"pool bad", "bad@0", "ENOENT"});
  // That is known by then.
  EXPECT_EQ(ctl({"reload"}).exit_status(), ctl::exit_ok);
}

TEST_F(ReevectlPools, WorkersAreFoundByTheirNamesAlone) {
  start(sleepers);
  ASSERT_TRUE(eventually_ready("web", 3));
  EXPECT_TRUE(has(ctl({"show", "web@1"}).output, "State: active"));
  EXPECT_EQ(ctl({"complete", "--", "stop", "web@"}).output, "web@0\nweb@1\nweb@2\n");
  EXPECT_EQ(ctl({"stop", "web@1"}).exit_status(), ctl::exit_ok);
  EXPECT_TRUE(eventually([&] { return get("web").slots[1].state == SlotState::finished; }));
  expect_failure({"show", "nonesuch@1"}, ctl::exit_failure, {"--run"});
}

TEST_F(ReevectlPools, AreReloadedUntilTheyAreAsConfigured) {
  start("");
  expect_line({"reload"}, "the configuration is in force: 0 pools, 0 of 0 workers ready");
  world_.configure(sleepers);
  expect_line({"reload"}, "the configuration is in force: 1 pool, 3 of 3 workers ready");
  world_.configure(std::string(sleepers) + cache + "after = ['web']\n");
  expect_line({"reload"}, "the configuration is in force: 2 pools, 4 of 4 workers ready");
  world_.configure(cache);
  expect_line({"reload"}, "the configuration is in force: 1 pool, 1 of 1 workers ready");
  EXPECT_EQ(world_.call<api::GetPool>({"web"}).error, "NoSuchPool");
  world_.configure(std::string(cache) + sleepers);
  expect_line({"reload", "--no-block"}, "the configuration is in force");
  EXPECT_TRUE(eventually_ready("web", 3));
}

TEST_F(ReevectlPools, AreLeftAsTheyWereByAWrongConfiguration) {
  start(sleepers);
  ASSERT_TRUE(eventually_ready("web", 3));
  world_.configure("[pool.web]\nsize = 5000\n[pool.cache]\ncommand = 'sleep'\n");
  const auto refused = ctl({"reload"});
  EXPECT_EQ(refused.exit_status(), ctl::exit_failure);
  EXPECT_EQ(refused.output, "");
  for (const char* place : {"reeve.toml:1:7: ", "reeve.toml:2:8: ", "reeve.toml:4:11: "})
    EXPECT_TRUE(has(refused.errors, place)) << refused;
  EXPECT_EQ(std::count(refused.errors.begin(), refused.errors.end(), '\n'), 4) << refused;
  EXPECT_EQ(get("web").pool.ready, 3);
}

TEST_F(ReevectlPools, MistakesAreExplained) {
  start(sleepers);
  ASSERT_TRUE(eventually_ready("web", 3));
  const struct {
    Words arguments;
    int exit_status;
    Words words;
  } cases[] = {
      {{"pools", "mail"}, ctl::exit_failure, {"no pool mail", "reevectl pools"}},
      {{"scale", "mail", "3"}, ctl::exit_failure, {"no pool mail", "reevectl pools"}},
      {{"restart", "mail"}, ctl::exit_failure, {"no pool mail", "reevectl pools"}},
      {{"scale", "web", "5000"}, ctl::exit_failure, {"size", "4096"}},
      {{"scale", "web", "few"}, ctl::exit_usage, {"few"}},
      {{"scale", "web", "3x"}, ctl::exit_usage, {"3x"}},
      {{"scale", "web"}, ctl::exit_usage, {"scale POOL N"}},
      {{"restart"}, ctl::exit_usage, {"restart POOL"}},
      {{"restart", "web", "mail"}, ctl::exit_usage, {"restart POOL"}},
      {{"pools", "--no-block"}, ctl::exit_usage, {"--no-block"}},
      {{"reload", "web"}, ctl::exit_usage, {"reload"}},
  };
  for (const auto& each : cases)
    expect_failure(each.arguments, each.exit_status, each.words);
  EXPECT_EQ(get("web").pool.size, 3);
}

TEST_F(ReevectlPools, AreFollowedOverARestartOfReeved) {
  start_obstinate();
  auto following = start_ctl({"restart", "web"}, "said");
  ASSERT_TRUE(eventually([&] { return get("web").pool.state == PoolState::changing; }));
  world_.restart();
  EXPECT_TRUE(following.is_alive());
  allow();
  EXPECT_EQ(following.wait(), 0) << read_file(file("said"));
  EXPECT_EQ(read_file(file("said")), "pool web: 3 of 3 workers ready\n");
}

// ---- on a terminal

struct Size {
  unsigned short columns;
  const char* line;
};

TEST_F(ReevectlPools, ShowOnATerminalHowFarTheyAre) {
  start_obstinate();
  const Size cases[] = {
      {80, "\r\x1b[Kweb [>                                       ] 0/3, 2/3 ready"},
      {40, "\r\x1b[Kweb [>                 ] 0/3, 2/3 ready"},
      {20, "\r\x1b[Kweb 0/3, 2/3 ready"},
      {10, "\r\x1b[Kweb 0/3, "},
  };
  for (const auto& [columns, line] : cases) {
    Terminal terminal(command({"restart", "web"}), columns);
    EXPECT_TRUE(terminal.says(line)) << terminal.said();
    terminal.type('\x03');
    terminal.wait();
  }
  Terminal terminal(command({"restart", "web"}), 80);
  EXPECT_TRUE(terminal.says("0/3, 2/3 ready")) << terminal.said();
  allow();
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_EQ(terminal.last_line(), "pool web: 3 of 3 workers ready\r\n") << terminal.said();
  // Neither where it cannot be erased, nor for who wants JSON.
  auto dumb = command({"restart", "web"});
  dumb.environment["TERM"] = "dumb";
  for (const auto& quiet : {dumb, command({"restart", "web", "--json=short"})}) {
    Terminal without(quiet, 80);
    EXPECT_EQ(without.wait(), 0);
    EXPECT_FALSE(has(without.said(), "\x1b")) << without.said();
    EXPECT_TRUE(has(without.said(), "3")) << without.said();
  }
}

TEST_F(ReevectlPools, GoOnWhenWhoFollowsThemIsInterrupted) {
  start_obstinate();
  Terminal terminal(command({"restart", "web"}), 80);
  ASSERT_TRUE(terminal.says("0/3, 2/3 ready")) << terminal.said();
  terminal.type('\x03');
  const int status = terminal.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  EXPECT_EQ(terminal.last_line(),
            "reevectl: interrupted; the change of pool web goes on: see reevectl pools web\r\n")
      << terminal.said();
  const auto before = get("web");
  EXPECT_EQ(before.pool.state, PoolState::changing);
  allow();
  ASSERT_TRUE(eventually_ready("web", 3));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(get("web").slots[i].generation, 2);
}

TEST_F(ReevectlPools, AreNamedToShells) {
  start(std::string(sleepers) + cache);
  ASSERT_TRUE(eventually_ready("web", 3));
  for (const char* verb : {"pools", "scale", "restart"})
    EXPECT_EQ(ctl({"complete", "--", verb, ""}).output, "cache\nweb\n") << verb;
  EXPECT_EQ(ctl({"complete", "--", "reload", ""}).output, "");
  EXPECT_TRUE(has(ctl({"complete", "--", "restart", "--"}).output, "--no-block\n"));
}

}  // namespace
}  // namespace reeve::test
