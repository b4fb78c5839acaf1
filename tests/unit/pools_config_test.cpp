#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config/config.hpp"

namespace reeve::config {

namespace {

using Names = std::vector<std::string>;
using namespace std::chrono_literals;

std::string described(const Faults& faults) {
  std::string all;
  for (const auto& message : faults.messages)
    all += message + '\n';
  return all;
}

// The only pool of a text that has no fault.
Pool pool_of(const std::string& text) {
  const auto config = parse(text, "reeve.toml");
  if (!config || config->pools.size() != 1) {
    ADD_FAILURE() << text << (config ? "" : described(config.error()));
    return {};
  }
  return config->pools.front();
}

// What a [pool.web] with a command and this becomes.
Pool web_with(const std::string& text) {
  return pool_of("[pool.web]\ncommand = ['/bin/web']\n" + text);
}

Names names_of(const std::vector<Named>& all) {
  Names names;
  for (const auto& each : all)
    names.push_back(each.name + " at " + each.where);
  return names;
}

TEST(PoolsConfig, NeedsNothingButACommand) {
  const auto pool = pool_of("[pool.web]\ncommand = ['/bin/web']\n");
  EXPECT_EQ(pool.name, "web");
  EXPECT_EQ(pool.where, "reeve.toml:1:7");
  EXPECT_EQ(pool.command, Names{"/bin/web"});
  EXPECT_EQ(pool.size, 1);
  EXPECT_FALSE(pool.user.has_value());
  EXPECT_FALSE(pool.working_directory.has_value());
  EXPECT_TRUE(pool.environment.empty());
  EXPECT_EQ(pool.restart, Restart::on_failure);
  EXPECT_EQ(pool.backoff.initial, 100ms);
  EXPECT_EQ(pool.backoff.max, 30s);
  EXPECT_EQ(pool.backoff.factor, 2);
  EXPECT_EQ(pool.backoff.jitter, 0.1);
  EXPECT_EQ(pool.start_limit.burst, 5);
  EXPECT_EQ(pool.start_limit.interval, 10s);
  EXPECT_EQ(pool.stop_signal, "SIGTERM");
  EXPECT_EQ(pool.stop_timeout, 10s);
  EXPECT_EQ(pool.readiness, Readiness::exec);
  EXPECT_EQ(pool.start_timeout, 90s);
  EXPECT_FALSE(pool.watchdog.has_value());
  EXPECT_FALSE(pool.max_lifetime.has_value());
  EXPECT_EQ(pool.recycle_jitter, 0.1);
  EXPECT_FALSE(pool.max_memory_bytes.has_value());
  EXPECT_FALSE(pool.limits.memory_max_bytes.has_value());
  EXPECT_FALSE(pool.limits.memory_high_bytes.has_value());
  EXPECT_FALSE(pool.limits.processor_quota_percent.has_value());
  EXPECT_FALSE(pool.limits.processor_weight.has_value());
  EXPECT_FALSE(pool.limits.tasks_max.has_value());
  EXPECT_FALSE(pool.limits.io_weight.has_value());
  EXPECT_TRUE(pool.oom_group);
  EXPECT_EQ(pool.input.kind, Stream::Kind::null);
  EXPECT_EQ(pool.output.kind, Stream::Kind::journal);
  EXPECT_EQ(pool.error.kind, Stream::Kind::journal);
  EXPECT_TRUE(pool.after.empty());
}

TEST(PoolsConfig, ReadsEveryKey) {
  const auto config = parse(
      "[pool.web]\n"
      "command = ['/usr/bin/python3', '', '--port=0']\n"
      "size = 8\n"
      "user = 'web'\n"
      "working-directory = '/srv/web'\n"
      "restart = 'always'\n"
      "stop-signal = 'QUIT'\n"
      "stop-timeout = '1min'\n"
      "readiness = 'notify'\n"
      "start-timeout = 20\n"
      "watchdog = '500ms'\n"
      "max-lifetime = '7d'\n"
      "recycle-jitter = 0.25\n"
      "max-memory = '1M'\n"
      "oom-group = false\n"
      "stdin = 'file:/dev/zero'\n"
      "stdout = 'inherit'\n"
      "stderr = 'null'\n"
      "after = ['cache', 'database']\n"
      "environment = {PORT = '8080', EMPTY = ''}\n"
      "[pool.web.backoff]\n"
      "initial = '250ms'\n"
      "max = '1h'\n"
      "factor = 1.5\n"
      "jitter = 0\n"
      "[pool.web.start-limit]\n"
      "burst = 3\n"
      "interval = '5min'\n"
      "[pool.web.limits]\n"
      "memory-max = '512M'\n"
      "memory-high = 1048576\n"
      "cpu-quota = '150%'\n"
      "cpu-weight = 200\n"
      "io-weight = 300\n"
      "tasks-max = 64\n"
      "[pool.cache]\n"
      "command = ['cache']\n"
      "[pool.database]\n"
      "command = ['database']\n",
      "reeve.toml");
  ASSERT_TRUE(config.ok()) << described(config.error());
  ASSERT_EQ(config->pools.size(), 3U);
  EXPECT_EQ(config->pools[0].name, "cache");
  EXPECT_EQ(config->pools[1].name, "database");
  const auto& pool = config->pools[2];
  EXPECT_EQ(pool.name, "web");
  EXPECT_EQ(pool.command, (Names{"/usr/bin/python3", "", "--port=0"}));
  EXPECT_EQ(pool.size, 8);
  ASSERT_TRUE(pool.user.has_value());
  EXPECT_EQ(pool.user->name, "web");
  EXPECT_EQ(pool.user->where, "reeve.toml:4:8");
  EXPECT_EQ(pool.working_directory, "/srv/web");
  EXPECT_EQ(pool.environment, (Metadata{{"PORT", "8080"}, {"EMPTY", ""}}));
  EXPECT_EQ(pool.restart, Restart::always);
  EXPECT_EQ(pool.backoff.initial, 250ms);
  EXPECT_EQ(pool.backoff.max, 1h);
  EXPECT_EQ(pool.backoff.factor, 1.5);
  EXPECT_EQ(pool.backoff.jitter, 0);
  EXPECT_EQ(pool.start_limit.burst, 3);
  EXPECT_EQ(pool.start_limit.interval, 5min);
  EXPECT_EQ(pool.stop_signal, "SIGQUIT");
  EXPECT_EQ(pool.stop_timeout, 1min);
  EXPECT_EQ(pool.readiness, Readiness::notify);
  EXPECT_EQ(pool.start_timeout, 20s);
  EXPECT_EQ(pool.watchdog, 500ms);
  EXPECT_EQ(pool.max_lifetime, 7 * 24h);
  EXPECT_EQ(pool.recycle_jitter, 0.25);
  EXPECT_EQ(pool.max_memory_bytes, 1LL << 20);
  EXPECT_EQ(pool.limits.memory_max_bytes, 512LL << 20);
  EXPECT_EQ(pool.limits.memory_high_bytes, 1LL << 20);
  EXPECT_EQ(pool.limits.processor_quota_percent, 150);
  EXPECT_EQ(pool.limits.processor_weight, 200);
  EXPECT_EQ(pool.limits.tasks_max, 64);
  EXPECT_EQ(pool.limits.io_weight, 300);
  EXPECT_FALSE(pool.oom_group);
  EXPECT_EQ(pool.input.kind, Stream::Kind::file);
  EXPECT_EQ(pool.input.path, "/dev/zero");
  EXPECT_EQ(pool.output.kind, Stream::Kind::inherit);
  EXPECT_EQ(pool.error.kind, Stream::Kind::null);
  EXPECT_EQ(names_of(pool.after),
            (Names{"cache at reeve.toml:19:10", "database at reeve.toml:19:19"}));
}

TEST(PoolsConfig, ReadsWhatIsWrittenInOtherWays) {
  EXPECT_EQ(web_with("limits.cpu-quota = 50\n").limits.processor_quota_percent, 50);
  EXPECT_EQ(web_with("max-memory = 4096\n").max_memory_bytes, 4096);
  EXPECT_EQ(web_with("backoff.factor = 3\n").backoff.factor, 3);
  EXPECT_EQ(web_with("stop-timeout = 0\n").stop_timeout, 0s);
  EXPECT_EQ(web_with("ready-after = 0\n").ready_after, 0s);
  EXPECT_EQ(web_with("ready-after = '2s'\n").ready_after, 2s);
  EXPECT_EQ(web_with("size = 0\n").size, 0);
  EXPECT_EQ(web_with("backoff = {initial = '1s', max = '1s'}\n").backoff.max, 1s);
  EXPECT_EQ(web_with("limits = {memory-max = '1M', memory-high = '1M'}\n").limits.memory_high_bytes,
            1 << 20);
  EXPECT_EQ(web_with("size = 4096\n").size, 4096);
  for (const auto& [written, signal] :
       {std::pair{"SIGTERM", "SIGTERM"}, {"INT", "SIGINT"}, {"10", "SIGUSR1"}})
    EXPECT_EQ(web_with(fmt::format("stop-signal = '{}'\n", written)).stop_signal, signal);
  EXPECT_EQ(web_with("stdin = 'inherit'\n").input.kind, Stream::Kind::inherit);
  EXPECT_EQ(web_with("stdin = 'null'\n").input.kind, Stream::Kind::null);
  EXPECT_EQ(web_with("stdout = 'journal'\n").output.kind, Stream::Kind::journal);
  EXPECT_EQ(web_with("stderr = 'file:/var/log/web'\n").error.path, "/var/log/web");
  EXPECT_EQ(web_with("restart = 'no'\n").restart, Restart::no);
  EXPECT_EQ(web_with("restart = 'on-failure'\n").restart, Restart::on_failure);
  EXPECT_EQ(web_with("readiness = 'exec'\n").readiness, Readiness::exec);
  EXPECT_EQ(pool_of("pool = {\"a.b-c_9\" = {command = ['x']}}\n").name, "a.b-c_9");
  const std::string longest(64, 'n');
  EXPECT_EQ(pool_of(fmt::format("pool.{}.command = ['x']\n", longest)).name, longest);
}

struct Case {
  std::string text;
  std::string place;
  std::string words;
};

void expect_one_fault(const std::string& text, const Case& expected) {
  SCOPED_TRACE(text);
  const auto config = parse(text, "reeve.toml");
  ASSERT_FALSE(config.ok());
  ASSERT_EQ(config.error().messages.size(), 1U) << described(config.error());
  const auto message = config.error().messages.front() + '\n';
  EXPECT_TRUE(message.starts_with(fmt::format("reeve.toml:{}: ", expected.place))) << message;
  EXPECT_NE(message.find(expected.words), std::string::npos) << message;
}

TEST(PoolsConfig, TellsWhereAFaultOfAKeyIsAndWhatWouldBeRight) {
  const char* a_time = "must be a time longer than 0, a year at most: \"250ms\"";
  const char* any_time = "must be a time, a year at most: \"250ms\"";
  const char* a_size = "must be a size above 0: \"512M\"";
  const char* a_weight = "must be a whole number from 1 to 10000";
  const char* a_program = "must name a program: [\"/usr/bin/program\", \"argument\"]";
  const char* a_part = "must be a number from 0 to 1";
  const char* a_percentage = "must be a percentage of one processor from 1 to 1000000: \"150%\"";
  const char* a_signal = "must be the name of a signal: \"SIGTERM\"";
  const char* an_input = "stdin must be \"null\", \"inherit\" or \"file:/path\"";
  const char* an_output = "must be \"null\", \"inherit\", \"journal\" or \"file:/path\"";
  // In the second line, behind [pool.web].
  const Case cases[] = {
      {"command = 'x'", "2:11", "pool web: command must be a list of strings"},
      {"command = ['x', 1]", "2:17", "pool web: command must be a list of strings"},
      {"command = []", "2:11", a_program},
      {"command = ['']", "2:11", a_program},
      {"command = ['', 'x']", "2:11", a_program},
      {"command = ['x', \"a\\u0000b\"]", "2:17", "command must hold no NUL character"},
      {"size = -1", "2:8", "pool web: size must be a whole number from 0 to 4096"},
      {"size = 4097", "2:8", "size must be a whole number from 0 to 4096"},
      {"size = '4'", "2:8", "size must be a whole number from 0 to 4096"},
      {"size = 1.0", "2:8", "size must be a whole number from 0 to 4096"},
      {"user = ''", "2:8", "user must be a string, the name or the number of a user"},
      {"user = 1000", "2:8", "user must be a string, the name or the number of a user"},
      {"user = \"a\\u0000\"", "2:8", "user must be a string"},
      {"working-directory = 'srv'", "2:21", "working-directory must be a string, an absolute path"},
      {"working-directory = 1", "2:21", "working-directory must be a string, an absolute path"},
      {"environment = ['A=b']", "2:15", "environment must be a table: [pool.NAME.environment]"},
      {"environment.PORT = 8080", "2:20",
       "pool web: environment.PORT must be a string without NUL: \"8080\""},
      {"environment.A = \"\\u0000\"", "2:17", "environment.A must be a string without NUL"},
      {"environment.'A=B' = 'c'", "2:21", "must have a name, without = and NUL"},
      {"environment.'' = 'c'", "2:18", "must have a name, without = and NUL"},
      {"environment.NOTIFY_SOCKET = '/a'", "2:29",
       "environment.NOTIFY_SOCKET must be left out: reeved sets it"},
      {"environment.REEVE_RUN_ID = 'a'", "2:28", "must be left out: reeved sets it"},
      {"restart = 'never'", "2:11", "restart must be \"no\", \"on-failure\" or \"always\""},
      {"restart = false", "2:11", "restart must be \"no\", \"on-failure\" or \"always\""},
      {"backoff = '1s'", "2:11", "backoff must be a table: [pool.NAME.backoff]"},
      {"backoff.initial = '-1s'", "2:19", any_time},
      {"backoff.max = 'soon'", "2:15", any_time},
      {"backoff.max = 31536001", "2:15", any_time},
      {"backoff.factor = 0.99", "2:18", "backoff.factor must be a number from 1 to 1000"},
      {"backoff.factor = inf", "2:18", "backoff.factor must be a number from 1 to 1000"},
      {"backoff.factor = nan", "2:18", "backoff.factor must be a number from 1 to 1000"},
      {"backoff.factor = '2'", "2:18", "backoff.factor must be a number from 1 to 1000"},
      {"backoff.jitter = -0.1", "2:18", a_part},
      {"backoff.jitter = 1.1", "2:18", a_part},
      {"backoff.max = '50ms'", "2:15", "backoff.max must not be less than backoff.initial"},
      {"backoff.initial = '31s'", "2:19", "backoff.max must not be less than backoff.initial"},
      {"backoff = {initial = '2s', max = '1s'}", "2:34",
       "pool web: backoff.max must not be less than backoff.initial"},
      {"start-limit = 5", "2:15", "start-limit must be a table: [pool.NAME.start-limit]"},
      {"start-limit.burst = 0", "2:21", "burst must be a whole number from 1 to 10000"},
      {"start-limit.burst = 10001", "2:21", "burst must be a whole number from 1 to 10000"},
      {"start-limit.interval = 0", "2:24", a_time},
      {"stop-signal = 'SIGNONSENSE'", "2:15", a_signal},
      {"stop-signal = '0'", "2:15", a_signal},
      {"stop-signal = 15", "2:15", a_signal},
      {"stop-timeout = '1 s'", "2:16", any_time},
      {"stop-timeout = 1.5", "2:16", any_time},
      {"readiness = 'forking'", "2:13", "readiness must be \"exec\" or \"notify\""},
      {"ready-after = -1", "2:15", any_time},
      {"ready-after = '1s'\nreadiness = 'notify'", "2:15",
       "pool web: ready-after is for readiness = \"exec\""},
      {"start-timeout = 0", "2:17", a_time},
      {"watchdog = 0", "2:12", a_time},
      {"watchdog = '0ms'", "2:12", a_time},
      {"watchdog = -1", "2:12", a_time},
      {"watchdog = false", "2:12", a_time},
      {"max-lifetime = '0s'", "2:16", a_time},
      {"recycle-jitter = 2", "2:18", a_part},
      {"max-memory = 0", "2:14", a_size},
      {"max-memory = '1GB'", "2:14", a_size},
      {"limits = []", "2:10", "limits must be a table: [pool.NAME.limits]"},
      {"limits.memory-max = '0'", "2:21", a_size},
      {"limits.memory-high = '50%'", "2:22", a_size},
      {"limits = {memory-max = '1M', memory-high = '2M'}", "2:44",
       "pool web: limits.memory-high must not be more than limits.memory-max"},
      {"max-memory = '2M'\nlimits.memory-max = '1M'", "2:14",
       "pool web: max-memory must not be more than limits.memory-max"},
      {"max-memory = '2M'\nlimits.memory-high = '1M'", "2:14",
       "pool web: max-memory must not be more than limits.memory-high"},
      {"limits.cpu-quota = 0", "2:20", a_percentage},
      {"limits.cpu-quota = '0%'", "2:20", a_percentage},
      {"limits.cpu-quota = '1.5'", "2:20", a_percentage},
      {"limits.cpu-quota = '150'", "2:20", a_percentage},
      {"limits.cpu-quota = '%'", "2:20", a_percentage},
      {"limits.cpu-weight = 0", "2:21", a_weight},
      {"limits.cpu-weight = 10001", "2:21", a_weight},
      {"limits.io-weight = 10001", "2:20", a_weight},
      {"limits.tasks-max = 0", "2:20", "tasks-max must be a whole number from 1 to 4194304"},
      {"oom-group = 'yes'", "2:13", "oom-group must be true or false"},
      {"oom-group = 1", "2:13", "oom-group must be true or false"},
      {"stdin = 'journal'", "2:9", an_input},
      {"stdin = ''", "2:9", an_input},
      {"stdin = 'file:'", "2:9", an_input},
      {"stdout = 'file:log'", "2:10", an_output},
      {"stdout = '/var/log/web'", "2:10", an_output},
      {"stderr = true", "2:10", an_output},
      {"stderr = \"file:/a\\u0000b\"", "2:10", an_output},
      {"after = 'cache'", "2:9", "after must be a list of strings"},
      {"after = ['cache']", "2:10", "pool web: after: there is no pool cache"},
      {"after = ['web']", "2:10", "pool web: after goes in a circle: web after web"},
  };
  for (const auto& each : cases) {
    const bool gives_command = each.text.starts_with("command");
    expect_one_fault(fmt::format("[pool.web]\n{}\n{}", each.text,
                                 gives_command ? "" : "command = ['/bin/web']\n"),
                     each);
  }
}

TEST(PoolsConfig, TellsWhatIsUnknownAndWhatMayBeMeant) {
  const std::string command = "command = ['x']\n";
  const std::string pool = "[pool.web]\n" + command;
  const Case cases[] = {
      {pool + "sise = 4\n", "3:1", "sise is not a key of [pool.NAME]; is size meant?"},
      {pool + "stop_timeout = 4\n", "3:1", "; is stop-timeout meant?"},
      {pool + "working-dir = '/'\n", "3:1", "working-dir is not a key of [pool.NAME]\n"},
      {pool + "colour = 'red'\n", "3:1", "colour is not a key of [pool.NAME]\n"},
      {pool + "memory-max = '1G'\n", "3:1", "; it belongs in [pool.NAME.limits]"},
      {pool + "socket = '/x'\n", "3:1", "; it belongs above all tables"},
      {pool + "[pool.web.backoff]\nstop-timeout = 1\n", "4:1",
       "stop-timeout is not a key of [pool.NAME.backoff]; it belongs in [pool.NAME]"},
      {pool + "[pool.web.backoff]\nfaktor = 1\n", "4:1", "; is factor meant?"},
      {pool + "[pool.web.start-limit]\nburts = 1\n", "4:1",
       "is not a key of [pool.NAME.start-limit]"},
      {pool + "[pool.web.limits]\ncpu-qouta = 1\n", "4:1", "; is cpu-quota meant?"},
      {pool + "[pool.web.limit]\n", "3:11", "limit is not a key of [pool.NAME]; is limits meant?"},
      {command, "1:1", "command is not a key of the configuration; it belongs in [pool.NAME]"},
      {"pool = 1\n", "1:8", "pool must be a table: [pool.NAME]"},
      {"[[pool]]\n", "1:1", "pool must be a table: [pool.NAME]"},
      {"[[pool.web]]\n" + command, "1:1", "pool web must be a table: [pool.NAME]"},
      {"[pool]\n" + command, "2:11", "pool command must be a table: [pool.NAME]"},
      {"[pool.web]\n", "1:7", "pool web has no command: command = [\"/usr/bin/program\""},
      {"[pool.web]\nsize = 0\n", "1:7", "pool web has no command"},
      {"[pool.'']\n" + command, "1:7", "is no name for a pool"},
      {"[pool.-web]\n" + command, "1:7", "-web is no name for a pool: it has at most 64 letters"},
      {"[pool.'a/b']\n" + command, "1:7", "a/b is no name for a pool"},
      {"[pool.'a b']\n" + command, "1:7", "a b is no name for a pool"},
      {"[pool.\"a\\n\"]\n" + command, "1:7", "a\\x0a is no name for a pool"},
      {fmt::format("[pool.{}]\n", std::string(65, 'n')) + command, "1:7", "is no name for a pool"},
  };
  for (const auto& each : cases)
    expect_one_fault(each.text, each);
}

TEST(PoolsConfig, TellsEveryFaultOfEveryPool) {
  const auto config = parse(
      "[pool.web]\n"
      "command = []\n"
      "size = -1\n"
      "after = ['cache', 'nowhere']\n"
      "backoff = {initial = 'x', max = '1us'}\n"
      "[pool.cache]\n"
      "command = ['x']\n"
      "sise = 4\n"
      "[pool.cache.limits]\n"
      "memory-max = 'lots'\n"
      "memory-high = '1G'\n"
      "[pool.mail]\n",
      "reeve.toml");
  ASSERT_FALSE(config.ok());
  const Names places{"2:11", "3:8", "5:22", "8:1", "10:14", "12:7", "4:19"};
  const auto& messages = config.error().messages;
  ASSERT_EQ(messages.size(), places.size()) << described(config.error());
  for (std::size_t i = 0; i < places.size(); ++i)
    EXPECT_TRUE(messages[i].starts_with(fmt::format("reeve.toml:{}: ", places[i]))) << messages[i];
}

TEST(PoolsConfig, TellsEveryCircleOnce) {
  struct Graph {
    const char* what;
    std::vector<std::pair<const char*, const char*>> pools;  // name, and after what
    Names circles;
  };
  const Graph graphs[] = {
      {"a chain", {{"a", ""}, {"b", "'a'"}, {"c", "'b', 'a'"}}, {}},
      {"a diamond", {{"a", "'b', 'c'"}, {"b", "'d'"}, {"c", "'d'"}, {"d", ""}}, {}},
      {"two",
       {{"a", "'b'"}, {"b", "'a'"}},
       {"3:10: pool a: after goes in a circle: a after b after a"}},
      {"some that wait for a circle",
       {{"a", "'c'"}, {"b", ""}, {"c", "'b', 'd'"}, {"d", "'e'"}, {"e", "'c'"}},
       {"9:15: pool c: after goes in a circle: c after d after e after c"}},
      {"two circles",
       {{"a", "'b'"}, {"b", "'a'"}, {"c", "'c'"}, {"d", "'a', 'c'"}},
       {"3:10: pool a: after goes in a circle: a after b after a",
        "9:10: pool c: after goes in a circle: c after c"}},
  };
  for (const auto& [what, pools, circles] : graphs) {
    SCOPED_TRACE(what);
    std::string text;
    for (const auto& [name, after] : pools)
      text += fmt::format("[pool.{}]\ncommand = ['x']\nafter = [{}]\n", name, after);
    const auto config = parse(text, "reeve.toml");
    ASSERT_EQ(config.ok(), circles.empty()) << described(config.error());
    if (config.ok()) continue;
    Names expected;
    for (const auto& circle : circles)
      expected.push_back("reeve.toml:" + circle);
    EXPECT_EQ(config.error().messages, expected);
  }
}

TEST(PoolsConfig, APoolNamedTwiceInAfterIsAFault) {
  expect_one_fault("[pool.a]\ncommand = ['x']\n[pool.b]\ncommand = ['x']\nafter = ['a', 'a']\n",
                   {"", "5:15", "pool b: after: a stands there twice"});
}

TEST(PoolsConfig, ALaterFileAddsPoolsAndReplacesSingleKeysOfOthers) {
  const auto config = parse({
      {"reeve.toml",
       "[pool.web]\n"
       "command = ['web', '--fast']\n"
       "size = 8\n"
       "after = ['cache']\n"
       "environment = {A = '1', B = '1'}\n"
       "backoff = {initial = '1s', max = '2s'}\n"
       "[pool.cache]\n"
       "command = ['cache']\n"},
      {"10.toml",
       "[pool.web]\n"
       "command = ['web']\n"
       "environment = {B = '2', C = '2'}\n"
       "backoff.max = '3s'\n"
       "[pool.mail]\n"
       "command = ['mail']\n"
       "after = ['web']\n"},
      {"20.toml", "pool.cache.size = 0\npool.web.after = []\n"},
  });
  ASSERT_TRUE(config.ok()) << described(config.error());
  ASSERT_EQ(config->pools.size(), 3U);
  EXPECT_EQ(config->pools[0].name, "cache");
  EXPECT_EQ(config->pools[0].size, 0);
  EXPECT_EQ(config->pools[1].name, "mail");
  EXPECT_EQ(config->pools[1].where, "10.toml:5:7");
  const auto& web = config->pools[2];
  EXPECT_EQ(web.where, "reeve.toml:1:7");
  EXPECT_EQ(web.command, Names{"web"});
  EXPECT_EQ(web.size, 8);
  EXPECT_TRUE(web.after.empty());
  EXPECT_EQ(web.environment, (Metadata{{"A", "1"}, {"B", "2"}, {"C", "2"}}));
  EXPECT_EQ(web.backoff.initial, 1s);
  EXPECT_EQ(web.backoff.max, 3s);
}

TEST(PoolsConfig, WhatDoesNotFitTogetherIsToldOfTheFileThatSaidItLast) {
  const std::string file =
      "[pool.a]\ncommand = ['x']\n[pool.b]\ncommand = ['x']\nafter = ['a']\n"
      "limits.memory-high = '1G'\n";
  const std::pair<std::string, std::string> cases[] = {
      {"pool.a.backoff.initial = '1h'\n", "10.toml:1:26: pool a: backoff.max must not be less"},
      {"\npool.a.after = ['b']\n", "10.toml:2:17: pool a: after goes in a circle: a after b"},
      {"pool.c.size = 0\n", "10.toml:1:6: pool c has no command"},
      {"pool.b.limits.memory-max = '1M'\n", "reeve.toml:6:22: pool b: limits.memory-high must not"},
  };
  for (const auto& [text, fault] : cases) {
    const auto config = parse({{"reeve.toml", file}, {"10.toml", text}});
    ASSERT_FALSE(config.ok()) << text;
    ASSERT_EQ(config.error().messages.size(), 1U) << described(config.error());
    EXPECT_TRUE(config.error().messages.front().starts_with(fault)) << described(config.error());
  }
}

// What seems to be missing may stand in the file that is no TOML.
TEST(PoolsConfig, NothingIsMissedWhereAFileCannotBeRead) {
  const auto config = parse({{"reeve.toml", "[pool.web]\nafter = ['x']\n"}, {"10.toml", "="}});
  ASSERT_FALSE(config.ok());
  ASSERT_EQ(config.error().messages.size(), 1U) << described(config.error());
  EXPECT_TRUE(config.error().messages.front().starts_with("10.toml:1:"));
}

}  // namespace

}  // namespace reeve::config
