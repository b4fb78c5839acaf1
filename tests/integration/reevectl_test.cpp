// reevectl as people and scripts use it: against a real reeved, and without any.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ctl/options.hpp"
#include "support/command.hpp"
#include "support/kernel.hpp"
#include "support/programs.hpp"
#include "support/world.hpp"
#include "sys/features.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

void become_nobody() {
  constexpr uid_t nobody = 65534;
  if (::setgroups(0, nullptr) < 0 || ::setresgid(nobody, nobody, nobody) < 0 ||
      ::setresuid(nobody, nobody, nobody) < 0)
    ::_exit(98);
}

Command reevectl(const Words& arguments) {
  Command command;
  command.arguments = arguments;
  command.arguments.insert(command.arguments.begin(), test::reevectl());
  command.environment = {{"REEVE_SOCKET", {}}, {"REEVE_RUN_ID", {}}, {"COLUMNS", "200"}};
  return command;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

// What it says goes to the log that is shown when a test fails.
Child start(const World& world, const Command& command) {
  return Child::run([&] {
    const auto log = world.files() + "/log";
    ::dup2(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), STDERR_FILENO);
    return become(command);
  });
}

bool has_become(const Child& process, const std::string& program) {
  return read_file("/proc/" + std::to_string(process.pid()) + "/cmdline").starts_with(program);
}

class Reevectl : public ::testing::Test {
 protected:
  World world_;
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);

  // Against the world's daemon and run.
  [[nodiscard]] Command command(const Words& arguments, const std::string& input = {}) const {
    auto made = reevectl(arguments);
    made.environment["REEVE_SOCKET"] = world_.socket();
    made.environment["REEVE_RUN_ID"] = run_;
    made.input = input;
    return made;
  }
  [[nodiscard]] Finished ctl(const Words& arguments, const std::string& input = {}) const {
    return test::run(command(arguments, input));
  }
  // Not in the world's run.
  [[nodiscard]] Finished ctl_run(const Words& arguments, const std::string& input = {}) const {
    auto made = command(arguments, input);
    made.environment["REEVE_RUN_ID"] = {};
    return test::run(made);
  }

  void expect_output(const Words& arguments, const Words& words) const {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), 0) << finished;
    EXPECT_EQ(finished.errors, "");
    for (const auto& word : words)
      EXPECT_NE(finished.output.find(word), std::string::npos) << word << " in " << finished;
  }

  // The same with --json=short, as one line that has the described type.
  template <class Output>
  Output as_json(Words arguments, int exit_status = 0) const {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    arguments.insert(arguments.begin(), "--json=short");
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), exit_status) << finished;
    EXPECT_EQ(finished.errors, "");
    EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\n'), 1) << finished;
    json::Parser parser;
    Output output;
    const auto parsed = parser.parse(finished.output);
    EXPECT_TRUE(parsed.ok() && json::decode(*parsed, output, json::UnknownMembers::refused))
        << finished;
    return output;
  }

  void expect_failure(const Words& arguments, int exit_status, const Words& words) const {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), exit_status) << finished;
    EXPECT_EQ(finished.output, "");
    EXPECT_NE(finished.errors, "");
    for (const auto& word : words)
      EXPECT_NE(finished.errors.find(word), std::string::npos) << word << " in " << finished;
  }

  static std::string pid_of(const Child& process) { return std::to_string(process.pid()); }
  [[nodiscard]] std::string brief() const { return run_.substr(0, 12); }
};

// ---- each verb once

TEST_F(Reevectl, EveryVerbTellsPeopleWhatItDid) {
  auto first = Child::sleeper();
  auto second = Child::sleeper();
  auto other_owner = Child::sleeper();
  const auto opened = ctl({"open", "--owner", pid_of(other_owner), "--name", "other", "--policy",
                           "terminate", "--grace", "5s", "--metadata", "key=value"});
  EXPECT_EQ(opened.exit_status(), 0) << opened;
  const auto other = opened.output.substr(0, opened.output.find('\n'));
  ASSERT_EQ(other.size(), 32U) << opened;

  expect_output({"runs"}, {"RUN", "OWNER", brief(), other.substr(0, 12), "other", "terminate"});
  expect_output(
      {"reserve", "a", "--timeout", "5min", "--fingerprint", "print", "--metadata", "key=value"},
      {world_.root() + "/run-" + run_ + "/worker-a"});
  expect_output({"activate", "a", "--pid", pid_of(first), "--handle", "handle"},
                {"worker a is active with process " + pid_of(first)});
  expect_output({"register", "b", "--pid", pid_of(second)},
                {"worker b is active with process " + pid_of(second)});
  expect_output({"status"}, {world_.socket(), "2 active", brief(), "other"});
  expect_output({"list"}, {"WORKER", "a", "b", "handle", "print", "active", pid_of(first)});
  expect_output({"show", "a"}, {"a", run_, "active", "handle", "print", "key=value", "worker-a"});
  expect_output({"tree"},
                {"run " + brief(), "worker a active, process " + pid_of(first), "├─", "└─"});
  expect_output({"pids"}, {pid_of(first) + "\n", pid_of(second) + "\n"});
  expect_output({"is-registered", "a"}, {"yes"});
  expect_output({"stats"}, {"STATISTIC", "active", "activatedTotal"});
  expect_output({"entries"}, {"CONTROL GROUP", "worker-a", brief()});
  expect_output({"entries", "--count"}, {"4\n"});
  expect_output({"validate"}, {"all workers are alive"});
  expect_output({"freeze", "a"}, {});
  expect_output({"show", "a"}, {"active (frozen)"});
  expect_output({"tree"}, {"worker a active (frozen), process " + pid_of(first)});
  expect_output({"thaw", "a"}, {});
  expect_output({"signal", "a", "SIGCONT"}, {});
  expect_output({"signal", "a", "CONT", "--whole-tree"}, {});
  expect_output({"stop", "a", "--grace", "10s"}, {"worker a has stopped"});
  first.wait();
  expect_output({"wait", "a"}, {"worker a:"});
  expect_output({"cleanup-dead"}, {"1 removed"});
  expect_output({"unregister", "b"}, {});
  expect_output({"cleanup-orphans"}, {"0 runs", "0 processes killed"});
  expect_output({"call", "CountEntries"}, {"\"count\""});
  expect_output({"call", "GetRun"}, {run_});  // that of --run, as with any other command
  expect_output({"call", "GetRun", "{\"run\":\"" + other + "\"}"}, {other});
  expect_output({"call", "org.varlink.service.GetInfo", "{}"}, {"\"product\": \"reeved\""});
  expect_output({"close", other.substr(0, 8)}, {"0 workers and 0 reservations removed"});
  expect_output({"close"}, {"processes killed"});
  expect_output({"--help"}, {"reserve", "--socket", "Exit status"});
  expect_output({"stop", "--help"}, {"stop WORKER", "--grace TIME"});
  expect_output({"--version"}, {"reevectl "});
  EXPECT_TRUE(world_.root_is_empty());
}

TEST_F(Reevectl, EveryVerbTellsScriptsInJson) {
  auto first = Child::sleeper();
  auto second = Child::sleeper();
  auto other_owner = Child::sleeper();
  const auto other =
      as_json<api::OpenRun::Output>({"open", "--owner", pid_of(other_owner), "--name", "other"});
  EXPECT_EQ(other.run.name, "other");
  EXPECT_EQ(other.run.owner.pid, other_owner.pid());
  EXPECT_EQ(as_json<api::ListRuns::Output>({"runs"}).runs.size(), 2U);
  EXPECT_EQ(as_json<api::Reserve::Output>({"reserve", "a"}).worker.state, WorkerState::reserved);
  EXPECT_EQ(
      as_json<api::Activate::Output>({"activate", "a", "--pid", pid_of(first)}).worker.process->pid,
      first.pid());
  EXPECT_EQ(as_json<api::Register::Output>({"register", "b", "--pid", pid_of(second)}).worker.state,
            WorkerState::active);
  EXPECT_EQ(as_json<api::GetStatistics::Output>({"status"}).statistics.active, 2);
  EXPECT_EQ(as_json<api::ListWorkers::Output>({"list", "--state", "active"}).workers.size(), 2U);
  EXPECT_EQ(as_json<api::GetWorker::Output>({"show", "a"}).worker.worker, "a");
  EXPECT_EQ(as_json<api::ListProcesses::Output>({"pids", "--all"}).processes.size(), 2U);
  EXPECT_TRUE(as_json<api::IsRegistered::Output>({"is-registered", "a"}).registered);
  EXPECT_FALSE(as_json<api::IsRegistered::Output>({"is-registered", "x"}, 3).registered);
  EXPECT_EQ(as_json<api::GetStatistics::Output>({"stats"}).statistics.registered, 2);
  EXPECT_EQ(as_json<api::ListEntries::Output>({"entries"}).entries.size(), 4U);
  EXPECT_EQ(as_json<api::CountEntries::Output>({"entries", "--count"}).count, 4);
  EXPECT_TRUE(as_json<api::ValidateWorkers::Output>({"validate"}).dead.empty());
  EXPECT_EQ(as_json<api::Stop::Output>({"stop", "a"}).worker.state, WorkerState::exited);
  EXPECT_EQ(as_json<api::ValidateWorkers::Output>({"validate"}, 3).dead.size(), 1U);
  EXPECT_EQ(as_json<api::Wait::Output>({"wait", "a"}).worker.worker, "a");
  EXPECT_EQ(as_json<api::CleanupDeadWorkers::Output>({"cleanup-dead"}).removed, 1);
  EXPECT_EQ(as_json<api::CleanupOrphans::Output>({"cleanup-orphans"}).report.runs_removed, 0);
  EXPECT_TRUE(eventually([this] {  // its cgroup goes a little later
    return as_json<api::CountEntries::Output>({"call", "CountEntries", "{}"}).count == 3;
  }));
  const auto tree = ctl({"--json=short", "tree"});
  json::Parser parser;
  EXPECT_TRUE(parser.parse(tree.output).ok()) << tree;
  EXPECT_EQ(as_json<api::CloseRun::Output>({"close", other.run.run}).report.runs_removed, 1);
  EXPECT_EQ(as_json<api::CloseRun::Output>({"close"}).report.processes_killed, 1);
}

TEST_F(Reevectl, PrettyJsonIsLaidOutAndSaysTheSame) {
  const auto pretty = ctl({"--json=pretty", "runs"});
  EXPECT_GT(lines_of(pretty.output).size(), 5U) << pretty;
  json::Parser first, second;
  const auto expanded = first.parse(pretty.output);
  ASSERT_TRUE(expanded.ok()) << pretty;
  const auto brief = ctl({"-j", "runs"});  // no terminal: in short
  const auto compact = second.parse(brief.output);
  ASSERT_TRUE(compact.ok()) << brief;
  EXPECT_EQ(expanded->text(), compact->text());
  EXPECT_EQ(lines_of(brief.output).size(), 1U);
}

TEST_F(Reevectl, EventsAreFollowedUntilInterrupted) {
  const auto file = world_.files() + "/events";
  const auto follow = [&](const Words& arguments) {
    auto made = command(arguments);
    made.before = [&] {
      ::dup2(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), STDOUT_FILENO);
    };
    return start(world_, made);
  };
  const auto shows = [&](const std::string& text) {
    return eventually([&] { return read_file(file).find(text) != std::string::npos; });
  };
  auto follower = follow({"events"});
  ASSERT_TRUE(shows("runOpened"));
  world_.reserve(run_, "worker");
  EXPECT_TRUE(shows("worker worker")) << read_file(file);
  follower.signal(SIGINT);
  EXPECT_EQ(WTERMSIG(follower.wait()), SIGINT);

  follower = follow({"events", "--json=short"});
  ASSERT_TRUE(shows("runOpened"));
  world_.reserve(run_, "second");
  ASSERT_TRUE(shows("\"second\""));
  ASSERT_TRUE(eventually([&] { return read_file(file).ends_with('\n'); }));
  for (const auto& line : lines_of(read_file(file))) {
    json::Parser parser;
    api::Subscribe::Output output;
    const auto parsed = parser.parse(line);
    EXPECT_TRUE(parsed.ok() && json::decode(*parsed, output, json::UnknownMembers::refused))
        << line;
  }
  // A restart of reeved does not end it.
  world_.restart();
  EXPECT_TRUE(shows("\"gap\"")) << read_file(file);
  world_.reserve(run_, "third");
  EXPECT_TRUE(shows("\"third\"")) << read_file(file);
}

TEST_F(Reevectl, HeadingsCanBeLeftOut) {
  world_.reserve(run_, "worker");
  for (const char* verb : {"runs", "list", "entries", "stats"}) {
    SCOPED_TRACE(verb);
    const auto with = lines_of(ctl({verb}).output);
    const auto without = lines_of(ctl({verb, "--no-legend"}).output);
    ASSERT_GT(with.size(), 1U);
    EXPECT_EQ(without.size(), with.size() - 1);
    EXPECT_TRUE(with.front().starts_with("RUN") || with.front().starts_with("STATISTIC"));
  }
}

TEST_F(Reevectl, SocketAndRunComeFromTheEnvironmentUnlessGiven) {
  world_.reserve(run_, "worker");
  auto made = reevectl({"show", "worker"});
  made.environment["REEVE_SOCKET"] = world_.socket();
  made.environment["REEVE_RUN_ID"] = run_.substr(0, 12);
  EXPECT_EQ(test::run(made).exit_status(), 0);

  made.environment["REEVE_SOCKET"] = "/nowhere";
  made.environment["REEVE_RUN_ID"] = std::string(32, '0');
  made.arguments = {test::reevectl(), "--socket", world_.socket(), "--run", run_, "show", "worker"};
  EXPECT_EQ(test::run(made).exit_status(), 0);
  made.arguments = {test::reevectl(), "show", "worker", "--socket=" + world_.socket(),
                    "--run=" + run_};
  EXPECT_EQ(test::run(made).exit_status(), 0);
  made.arguments = {test::reevectl(), "show", "worker"};
  EXPECT_EQ(test::run(made).exit_status(), ctl::exit_no_daemon);
}

// ---- exit statuses and explanations

TEST_F(Reevectl, WrongUsageIsExplained) {
  const std::vector<Words> cases{
      {},
      {"nonsense"},
      {"--nonsense", "list"},
      {"show"},
      {"show", "a", "b"},
      {"list", "extra"},
      {"exec", "worker"},
      {"run"},
      {"signal", "worker"},
      {"list", "--name", "x"},
      {"list", "--name"},
      {"open"},
      {"open", "--owner", "init"},
      {"open", "--owner", "1x"},
      {"activate", "worker"},
      {"register", "worker"},
      {"activate", "worker", "--pid", "one"},
      {"activate", "worker", "--pid", "99999999999999999999"},
      {"--json=yaml", "list"},
      {"stop", "worker", "--grace", "soon"},
      {"stop", "worker", "--grace", "-1s"},
      {"stop", "worker", "--grace", "1e9"},
      {"stop", "worker", "--grace", "9999999999999999h"},
      {"reserve", "worker", "--metadata", "novalue"},
      {"reserve", "worker", "--metadata", "=value"},
      {"list", "--state", "dead"},
      {"close", "--policy", "nonsense"},
      {"events", "--after", "now"},
      {"call", "CountEntries", "not JSON"},
      {"call", "CountEntries", "[]"},
  };
  for (const auto& arguments : cases)
    expect_failure(arguments, ctl::exit_usage, {});
}

TEST_F(Reevectl, ANegativeAnswerHasAStatusOfItsOwn) {
  const auto unknown = ctl({"is-registered", "unknown"});
  EXPECT_EQ(unknown.exit_status(), ctl::exit_negative) << unknown;
  EXPECT_EQ(unknown.output, "no\n");
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", process);
  process.kill();
  ASSERT_TRUE(world_.await_state(run_, "worker", WorkerState::exited));
  const auto invalid = ctl({"validate"});
  EXPECT_EQ(invalid.exit_status(), ctl::exit_negative) << invalid;
  EXPECT_NE(invalid.output.find("worker"), std::string::npos);
}

TEST_F(Reevectl, WithoutADaemonItSaysHowToGetOne) {
  const auto nowhere = world_.files() + "/nowhere";
  for (const Words& verb : {Words{"status"},
                            {"list"},
                            {"runs"},
                            {"tree"},
                            {"events"},
                            {"show", "a"},
                            {"close"},
                            {"reserve", "a"},
                            {"stop", "a"},
                            {"call", "ListRuns"},
                            {"cleanup-orphans"}}) {
    auto arguments = verb;
    arguments.insert(arguments.begin(), {"--socket", nowhere});
    expect_failure(arguments, ctl::exit_no_daemon, {nowhere, "systemctl start reeved", "--socket"});
  }
}

TEST_F(Reevectl, FailuresNameTheNextStep) {
  auto process = Child::sleeper();
  auto other = Child::sleeper();
  auto dead = Child::sleeper();
  const auto dead_pid = pid_of(dead);
  dead.kill();
  const auto other_run = world_.open_run(other);
  world_.reserve(run_, "reserved");
  world_.reserve(run_, "active");
  world_.activate(run_, "active", process);
  const struct {
    Words arguments;
    Words words;
  } cases[] = {
      {{"show", "unknown"}, {"unknown", brief(), "reevectl list"}},
      {{"--run", "ffff0000ffff", "list"}, {"ffff0000ffff", "reevectl runs"}},
      {{"activate", "unknown", "--pid", pid_of(process)},
       {"worker active", "already active", "stop it"}},
      {{"activate", "unknown", "--pid", pid_of(other)}, {"not reserved", "reserve it", "register"}},
      {{"reserve", "reserved"}, {"already reserved", "activate or unregister"}},
      {{"reserve", "active"}, {"already active", pid_of(process), "stop it"}},
      {{"activate", "reserved", "--pid", dead_pid}, {dead_pid}},
      {{"activate", "reserved", "--pid", "1"}, {"process 1"}},
      {{"activate", "reserved", "--pid", "0"}, {"process 0"}},
      {{"activate", "reserved", "--pid", "-1"}, {"process -1"}},
      {{"--run", other_run, "register", "new", "--pid", pid_of(process)},
       {pid_of(process), brief(), "--run"}},
      {{"open", "--owner", dead_pid}, {dead_pid, "does not run"}},
      {{"reserve", "a/b"}, {"name", "slash"}},
      {{"signal", "active", "SIGNONSENSE"}, {"signal", "SIGTERM"}},
      {{"signal", "reserved", "SIGTERM"}, {"does not run"}},
      {{"register", "new", "--pid", pid_of(owner_)}, {pid_of(owner_), "owner"}},
      {{"call", "Nonsense"}, {"no method", "io.reeve.Registry.Nonsense"}},
      {{"call", "Reserve", "{}"}, {"worker is missing"}},
      {{"close", "--policy", "keep"}, {"onOwnerExit"}},
  };
  for (const auto& each : cases)
    expect_failure(each.arguments, ctl::exit_failure, each.words);
  auto outside = command({"close"});
  outside.environment["REEVE_RUN_ID"] = {};
  const auto none = test::run(outside);
  EXPECT_EQ(none.exit_status(), ctl::exit_failure);
  for (const char* word : {"--run", "REEVE_RUN_ID"})
    EXPECT_NE(none.errors.find(word), std::string::npos) << none;
}

TEST_F(Reevectl, APidThatDoesNotFitIsNotTakenForAnother) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  const auto beyond = std::to_string((1LL << 32) + process.pid());
  for (const char* verb : {"activate", "register"}) {
    const auto finished =
        ctl({verb, verb == std::string("activate") ? "worker" : "new", "--pid", beyond});
    EXPECT_NE(finished.exit_status(), 0) << finished;
    EXPECT_NE(finished.errors, "");
  }
  EXPECT_EQ(world_.call<api::ListProcesses>({run_, {}})->processes.size(), 0U);
}

// ---- run and exec

TEST_F(Reevectl, RunBecomesTheCommandAndOwnsTheRun) {
  LifeLine line;
  auto made = command({"run", "--name", "mine", "--policy", "terminate", "--grace", "7s",
                       "--metadata", "key=value", "--", "sleep", "1000"});
  made.environment["REEVE_RUN_ID"] = {};
  auto application = start(world_, made);
  line.let_go();
  std::optional<reeve::Run> mine;
  ASSERT_TRUE(eventually([&] {
    const auto runs = world_.call<api::ListRuns>({});
    for (const auto& each : runs->runs)
      if (each.name == "mine") mine = each;
    return mine && control_group_of(application.pid()).starts_with(mine->control_group) &&
           has_become(application, "sleep");
  }));
  EXPECT_EQ(mine->owner.pid, application.pid());  // no wrapper process
  EXPECT_EQ(mine->on_owner_exit, OwnerExitPolicy::terminate);
  EXPECT_EQ(mine->grace, std::chrono::seconds(7));
  EXPECT_EQ(mine->metadata, (Metadata{{"key", "value"}}));
  application.signal(SIGTERM);
  const int status = application.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(eventually([&] { return world_.run_directories().size() == 1; }));
}

TEST_F(Reevectl, RunPassesEverythingThrough) {
  const std::string input = "line\n\x01\xFF and no newline";
  const auto cat = ctl_run({"run", "--", "cat"}, input);
  EXPECT_EQ(cat.exit_status(), 0) << cat;
  EXPECT_EQ(cat.output, input);
  EXPECT_EQ(cat.errors, "");

  const auto both = ctl_run({"run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(both.exit_status(), 7);
  EXPECT_EQ(both.output, "out\n");
  EXPECT_EQ(both.errors, "err\n");

  EXPECT_EQ(ctl_run({"run", "--", "sh", "-c", "kill -KILL $$"}).exit_status(), -SIGKILL);
  EXPECT_EQ(ctl_run({"run", "--", "sh", "-c", "kill -USR1 $$"}).exit_status(), -SIGUSR1);

  // Options of the command are not reevectl's.
  const auto echo = ctl_run({"run", "--", "echo", "--help", "--", "-j"});
  EXPECT_EQ(echo.output, "--help -- -j\n");

  // Nothing of reevectl's own is left open or blocked in the command.
  Command direct;
  direct.arguments = {"/bin/sh", "-c",
                      "ls /proc/self/fd; grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"};
  const auto alone = test::run(direct);
  const auto inside = ctl_run({"run", "--", "/bin/sh", "-c", direct.arguments.back()});
  EXPECT_EQ(inside.output, alone.output);

  const auto variables = ctl_run(
      {"run", "--", "sh", "-c", "echo $REEVE_SOCKET; echo $REEVE_RUN_ID; cat /proc/self/cgroup"});
  const auto lines = lines_of(variables.output);
  ASSERT_GE(lines.size(), 3U) << variables;
  EXPECT_EQ(lines[0], world_.socket());
  EXPECT_NE(variables.output.find(world_.root() + "/run-" + lines[1]), std::string::npos);
}

TEST_F(Reevectl, WhatTheCommandLeavesEndsWithIt) {
  LifeLine line;
  const auto finished =
      ctl_run({"run", "--", "sh", "-c",
               "sleep 1000 & (setsid sh -c 'sleep 1000 & exec sleep 1000' >&2 &) ; exit 3"});
  line.let_go();
  EXPECT_EQ(finished.exit_status(), 3) << finished;
  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(eventually([&] { return world_.run_directories().size() == 1; }));
}

TEST_F(Reevectl, WhatCannotBeRunHasTheStatusesOfEnv) {
  const auto file = world_.files() + "/file";
  std::ofstream(file) << "no program";
  for (const Words& verb : {Words{"run"}, {"exec", "worker"}}) {
    const auto start = [&](const std::string& program) {
      auto arguments = verb;
      arguments.insert(arguments.end(), {"--", program});
      return verb.size() == 1 ? ctl_run(arguments) : ctl(arguments);
    };
    SCOPED_TRACE(verb.front());
    const auto missing = start("/no/such/program");
    EXPECT_EQ(missing.exit_status(), ctl::exit_not_found) << missing;
    EXPECT_NE(missing.errors.find("/no/such/program"), std::string::npos);
    (void)world_.call<api::Unregister>({"worker", run_});
    const auto closed = start(file);
    EXPECT_EQ(closed.exit_status(), ctl::exit_cannot_execute) << closed;
    EXPECT_NE(closed.errors.find(file), std::string::npos);
    (void)world_.call<api::Unregister>({"worker", run_});
  }
  auto forbidden = command({"run", "--", "true"});
  forbidden.before = become_nobody;
  const auto refused = test::run(forbidden);
  EXPECT_EQ(refused.exit_status(), ctl::exit_run_failed) << refused;
  EXPECT_NE(refused.errors.find("may not open runs"), std::string::npos) << refused;
  const auto unknown = ctl({"--run", std::string(32, '0'), "exec", "worker", "--", "true"});
  EXPECT_EQ(unknown.exit_status(), ctl::exit_run_failed) << unknown;
  EXPECT_NE(unknown.errors.find("reevectl runs"), std::string::npos) << unknown;
  EXPECT_TRUE(eventually([&] { return world_.run_directories().size() == 1; }));
}

TEST_F(Reevectl, ExecBecomesAWorker) {
  const auto finished =
      ctl({"exec", "--handle", "handle", "--fingerprint", "print", "--metadata", "key=value",
           "worker", "--", "sh", "-c",
           "echo $REEVE_WORKER $REEVE_RUN_ID $REEVE_SOCKET; cat /proc/self/cgroup; cat; exit 5"},
          "input");
  EXPECT_EQ(finished.exit_status(), 5) << finished;
  EXPECT_TRUE(finished.output.starts_with("worker " + run_ + " " + world_.socket() + "\n"))
      << finished;
  EXPECT_TRUE(finished.output.ends_with("input")) << finished;
  const auto worker = world_.await_reaped(run_, "worker");
  EXPECT_NE(finished.output.find(worker.control_group + "\n"), std::string::npos) << finished;
  expect_code(worker, 5);
  EXPECT_EQ(worker.handle, "handle");
  EXPECT_EQ(worker.fingerprint, "print");
  EXPECT_EQ(worker.metadata, (Metadata{{"key", "value"}}));
}

// A shell's command that shows a worker once reeved has noticed that its parent reaped it.
std::string once_reaped(const std::string& arguments) {
  return std::string("while shown=$(") + test::reevectl() + " " + arguments +
         ") && echo \"$shown\" | grep -q zombie; do :; done; echo \"$shown\"";
}
std::string how_true_ended() {
  return kernel_tells_exit_statuses() ? "exited (exited 0)" : "exited (status unknown)";
}

TEST_F(Reevectl, SpawnHasReevedStartAWorker) {
  const auto file = world_.files() + "/said";
  const auto spawned = ctl({"spawn", "worker", "--environment", "NAME=value", "--environment",
                            "OTHER=a=b", "--working-directory", "/proc", "--pipe", "--", "sh", "-c",
                            "{ echo $NAME $OTHER $REEVE_WORKER; pwd; cat; } >" + file},
                           "input\n");
  EXPECT_EQ(spawned.exit_status(), 0) << spawned;
  EXPECT_EQ(ctl({"wait", "worker"}).exit_status(), 0);
  EXPECT_EQ(read_file(file), "value a=b worker\n/proc\ninput\n");
  EXPECT_EQ(world_.get(run_, "worker")->worker.exit->code, 0);

  const auto failed = ctl({"spawn", "other", "--", "/nonesuch"});
  EXPECT_EQ(failed.exit_status(), ctl::exit_failure);
  EXPECT_NE(failed.errors.find("execute"), std::string::npos) << failed;
  EXPECT_NE(failed.errors.find("ENOENT"), std::string::npos) << failed;
}

TEST_F(Reevectl, LimitsAreWrittenAsPeopleWriteThem) {
  const std::pair<Words, const char*> cases[] = {
      {{"--memory-max", "512X"}, "--memory-max must be a size"},
      {{"--memory-high", "-1"}, "--memory-high must be a size"},
      {{"--memory-max", "9999999999G"}, "--memory-max must be a size"},
      {{"--processor-quota", "half"}, "--processor-quota must be a percentage"},
      {{"--io-weight", "much"}, "--io-weight must be a number"},
      {{"--tasks-max", ""}, "--tasks-max must be a number"},
  };
  for (const auto& [option, message] : cases) {
    Words arguments{"reserve", "worker"};
    arguments.insert(arguments.end(), option.begin(), option.end());
    const auto refused = ctl(arguments);
    EXPECT_EQ(refused.exit_status(), ctl::exit_usage);
    EXPECT_NE(refused.errors.find(message), std::string::npos) << refused;
  }
  // Where there are no controllers, as in this test's root, a limit that is understood is refused.
  const auto unavailable = ctl({"reserve", "worker", "--memory-max", "512M"});
  EXPECT_NE(unavailable.errors.find("memory controller"), std::string::npos) << unavailable;
  const auto unweighed = ctl({"reserve", "worker", "--io-weight", "200"});
  EXPECT_NE(unweighed.errors.find("io controller"), std::string::npos) << unweighed;
}

TEST_F(Reevectl, DoctorTellsWhatIsHereAndWhatIsDoneWithout) {
  auto asked = command({"doctor"});
  asked.environment["REEVE_WITHOUT"] = {};
  const auto with_all = test::run(asked);
  EXPECT_EQ(with_all.exit_status(), ctl::exit_ok) << with_all;
  EXPECT_NE(with_all.output.find("reeved serves at " + world_.socket()), std::string::npos);
  asked.environment["REEVE_WITHOUT"] = "all";
  const auto without = test::run(asked);
  EXPECT_EQ(without.exit_status(), ctl::exit_ok) << without;
  for (const auto& feature : sys::features) {
    EXPECT_NE(with_all.output.find(feature.text), std::string::npos) << feature.text;
    EXPECT_NE(without.output.find(feature.otherwise), std::string::npos) << feature.otherwise;
  }
  EXPECT_EQ(ctl({"doctor", "--json=short"}).output.find("{\"kernel\":"), 0U);
}

TEST_F(Reevectl, ShellsAreToldWhatMayComeNext) {
  world_.reserve(run_, "some worker");
  const std::pair<Words, const char*> cases[] = {
      {{""}, "freeze"},
      {{"stop", ""}, "some worker"},
      {{"stop", "--"}, "--grace"},
      {{"--run", ""}, nullptr},
      {{"close", ""}, nullptr},
      {{"list", "--state", ""}, "stopping"},
      {{"list", "--state="}, "--state=stopping"},
      {{"signal", "some worker", ""}, "SIGTERM"},
      {{"call", ""}, "io.reeve.Registry.Spawn"},
  };
  for (const auto& [words, expected] : cases) {
    Words arguments{"complete", "--"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const auto told = ctl(arguments);
    const auto line = (expected != nullptr ? expected : run_.substr(0, 12)) + "\n";
    EXPECT_NE(told.output.find(line), std::string::npos) << line << told;
  }
}

// It replaces only what is behind the last of the signs at which it takes words apart.
TEST_F(Reevectl, BashIsToldWhatMayComeNextBehindSignsToo) {
  world_.reserve(run_, "some worker");
  world_.reserve(run_, "web@17");
  const std::pair<const char*, const char*> cases[] = {
      {"reevectl freeze some", "some worker|"},
      {"reevectl freeze web@", "17|"},
      {"reevectl freeze we", "web@17|"},
      {"reevectl list --state=stopp", "stopping|"},
  };
  for (const auto& [line, expected] : cases) {
    auto bash = command({});
    bash.arguments = {"/bin/bash", "-c",
                      "reevectl() { " + test::reevectl() +
                          R"( "$@"; }; . )" REEVE_COMPLETIONS
                          R"(/reevectl.bash; COMP_WORDBREAKS=$' \t\n"\'@><=;|&(:'; COMP_LINE=$0;
                             COMP_POINT=${#COMP_LINE}; _reevectl;
                             printf '%s|' "${COMPREPLY[@]}")",
                      line};
    const auto told = test::run(bash);
    EXPECT_EQ(told.output, expected) << line << told;
  }
}

TEST_F(Reevectl, TheManualPageHasEveryCommandAndOption) {
  const auto page = read_file(REEVE_MANUAL "/reevectl.1.scd");
  std::size_t seen = 0;
  for (const auto& line : lines_of(ctl({"--help"}).output)) {
    if (!line.starts_with("  ")) continue;
    const auto word = line.substr(2, line.find(' ', 2) - 2);
    const bool is_option = word.starts_with("--");
    EXPECT_NE(page.find(is_option ? word : "*" + word + "*"), std::string::npos) << word;
    ++seen;
  }
  EXPECT_GT(seen, 50U);
}

TEST_F(Reevectl, ARunFindsItselfFromInside) {
  const std::string script = test::reevectl() + " exec worker -- true && " + test::reevectl() +
                             " is-registered worker && " + once_reaped("list --no-legend") +
                             " && env -u REEVE_RUN_ID " + test::reevectl() + " close";
  const auto finished = ctl_run({"run", "--", "sh", "-c", script});
  // It has ended its own run, and so itself.
  EXPECT_EQ(finished.exit_status(), -SIGKILL) << finished;
  EXPECT_NE(finished.output.find("yes\n"), std::string::npos) << finished;
  EXPECT_NE(finished.output.find(how_true_ended()), std::string::npos) << finished;
  EXPECT_TRUE(eventually([&] { return world_.run_directories().size() == 1; }));
}

// ---- without a daemon

class WithoutDaemon : public ::testing::Test {
 protected:
  World world_{World::Daemon::not_started};
  std::string root_ = world_.root() + "/private";
  std::string run_directory_ = world_.files() + "/run";

  void SetUp() override { fs::create_directory(run_directory_); }

  // With a /run of the test's own, where private daemons have their sockets.
  [[nodiscard]] Command command(const Words& arguments) const {
    auto all = arguments;
    all.insert(all.begin(),
               {"--socket", world_.files() + "/nowhere", "run", "--root", root_, "--"});
    auto made = reevectl(all);
    made.before = [this] {
      if (::unshare(CLONE_NEWNS) < 0 ||
          ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
          ::mount(run_directory_.c_str(), "/run", nullptr, MS_BIND, nullptr) < 0)
        ::_exit(98);
    };
    return made;
  }

  // Without their spawners.
  [[nodiscard]] std::vector<pid_t> daemons() const {
    auto found = processes_of_daemons();
    std::erase_if(found, [](pid_t pid) {
      return read_file("/proc/" + std::to_string(pid) + "/comm") == "reeved-spawner\n";
    });
    return found;
  }
  [[nodiscard]] std::vector<pid_t> processes_of_daemons() const {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const auto name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const auto line = read_file(entry.path().string() + "/cmdline");
      if (line.starts_with(std::string("reeved\0", 7)) && line.find(root_) != std::string::npos)
        found.push_back(std::stoi(name));
    }
    return found;
  }
  [[nodiscard]] std::vector<std::string> sockets() const {
    std::vector<std::string> found;
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(run_directory_, none))
      if (entry.is_socket()) found.push_back(entry.path());
    return found;
  }
  void expect_nothing_left() const {
    EXPECT_TRUE(eventually([&] { return processes_of_daemons().empty(); }));
    EXPECT_TRUE(eventually([&] { return sockets().empty(); }))
        << ::testing::PrintToString(sockets());
    EXPECT_TRUE(eventually([&] { return !fs::exists(world_.directory_of(root_)); }));
  }
};

TEST_F(WithoutDaemon, RunStartsOneThatGoesWithTheRun) {
  LifeLine line;
  const auto finished = run(command({"sh", "-c",
                                     "echo $REEVE_RUN_ID; cat /proc/self/cgroup; "
                                     "(setsid sh -c 'sleep 1000 & exec sleep 1000' &) ; exit 4"}));
  line.let_go();
  EXPECT_EQ(finished.exit_status(), 4) << finished;
  const auto id = finished.output.substr(0, finished.output.find('\n'));
  EXPECT_NE(finished.output.find("0::" + root_ + "/run-" + id), std::string::npos) << finished;
  EXPECT_NE(finished.errors.find("starting one for this run"), std::string::npos) << finished;
  EXPECT_TRUE(line.all_are_gone());
  expect_nothing_left();
}

TEST_F(WithoutDaemon, RunSaysNothingOfItWhereNoSocketWasGiven) {
  auto made = command({"cat"});
  made.arguments.erase(made.arguments.begin() + 1, made.arguments.begin() + 3);
  made.input = "input";
  const auto finished = run(made);
  EXPECT_EQ(finished.exit_status(), 0) << finished;
  EXPECT_EQ(finished.output, "input");
  EXPECT_EQ(finished.errors, "");
  expect_nothing_left();
}

TEST_F(WithoutDaemon, TheCommandReachesItsDaemon) {
  const auto script = test::reevectl() + " exec worker -- true && " + once_reaped("show worker");
  const auto finished = run(command({"sh", "-c", script}));
  EXPECT_EQ(finished.exit_status(), 0) << finished;
  EXPECT_NE(finished.output.find(how_true_ended()), std::string::npos) << finished;
  expect_nothing_left();
}

TEST_F(WithoutDaemon, ACommandThatDoesNotExistLeavesNothing) {
  EXPECT_EQ(run(command({"/no/such/program"})).exit_status(), ctl::exit_not_found);
  expect_nothing_left();
}

TEST_F(WithoutDaemon, TwoRunsOnOneRootDoNotDisturbEachOther) {
  LifeLine line;
  auto long_lived = start(world_, command({"sleep", "1000"}));
  line.let_go();
  ASSERT_TRUE(eventually([&] { return has_become(long_lived, "sleep"); }));
  EXPECT_EQ(run(command({"sh", "-c", "exit 6"})).exit_status(), 6);
  EXPECT_TRUE(long_lived.is_alive());
  EXPECT_TRUE(eventually([&] { return daemons().size() == 1; }));
  long_lived.kill();
  EXPECT_TRUE(line.all_are_gone());
  expect_nothing_left();
}

// Each is the first on the root, or the last, for some other: a directory just made must not be
// taken for one that a crash left.
TEST_F(WithoutDaemon, ManyRunsThatBeginAndEndAtOnceOnOneRootAllSucceed) {
  for (int round = 0; round < 3; ++round) {
    std::vector<Child> runs;
    for (int i = 0; i < 16; ++i)
      runs.push_back(start(world_, command({"true"})));
    for (auto& each : runs)
      EXPECT_EQ(each.wait(), 0);
  }
  expect_nothing_left();
}

TEST_F(WithoutDaemon, ADaemonThatCannotStartIsExplainedAndLeavesNothing) {
  auto made = command({"true"});
  made.environment["XDG_RUNTIME_DIR"] = run_directory_;
  made.before = become_nobody;
  // Nobody may not be able to see this build: the two stand beside each other where all can.
  for (const auto& program : {test::reevectl(), test::reeved()})
    fs::copy_file(program, world_.files() + "/" + fs::path(program).filename().string());
  made.arguments.front() = world_.files() + "/reevectl";
  fs::permissions(run_directory_, fs::perms::all);
  const auto finished = run(made);
  EXPECT_EQ(finished.exit_status(), ctl::exit_run_failed) << finished;
  EXPECT_NE(finished.errors.find("Delegate=yes"), std::string::npos) << finished;
  expect_nothing_left();
}

// Whoever waits for the end of a pipe must not wait for the daemon.
TEST_F(WithoutDaemon, TheDaemonKeepsNothingOpenThatTheCommandInherited) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const FileDescriptor reader(ends[0]);
  FileDescriptor writer(ends[1]);
  constexpr int inherited = 50;
  auto made = command({"sh", "-c", "exec sleep 1000"});
  made.before = [&, before = made.before] {
    before();
    ::dup2(writer.get(), inherited);
  };
  auto application = start(world_, made);
  writer.reset();
  ASSERT_TRUE(eventually([&] { return has_become(application, "sleep"); }));
  const auto holders = processes_of_daemons();
  ASSERT_EQ(holders.size(), 2U);  // reeved and its spawner
  for (const auto holder : holders)
    EXPECT_FALSE(
        fs::exists("/proc/" + std::to_string(holder) + "/fd/" + std::to_string(inherited)));
  application.kill();
  expect_nothing_left();
}

TEST_F(WithoutDaemon, AStaleRunIsEndedByTheNextOne) {
  LifeLine line;
  auto application =
      start(world_, command({"sh", "-c", "(setsid sleep 1000 &) ; exec sleep 1000"}));
  ASSERT_TRUE(eventually([&] { return has_become(application, "sleep"); }));
  const auto holders = daemons();
  ASSERT_EQ(holders.size(), 1U);
  ::kill(holders.front(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return daemons().empty(); }));
  EXPECT_TRUE(application.is_alive());  // the run does not hang on the daemon
  application.kill();
  const auto stale = world_.directory_of(root_);
  std::string left;
  for (const auto& entry : fs::directory_iterator(stale))
    if (entry.is_directory()) left = read_file(entry.path().string() + "/entered/cgroup.procs");
  EXPECT_NE(left, "");  // nobody has ended it yet

  EXPECT_EQ(run(command({"true"})).exit_status(), 0);
  line.let_go();
  EXPECT_TRUE(line.all_are_gone());
  // The killed daemon's socket accepts connections for some time yet: a later run takes it away.
  EXPECT_TRUE(
      eventually([&] { return sockets().empty() || run(command({"true"})).exit_status() != 0; }));
  expect_nothing_left();
}

}  // namespace
}  // namespace reeve::test
