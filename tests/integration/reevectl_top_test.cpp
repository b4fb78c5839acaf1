// reevectl top, as scripts and people use it: frames of a real reeved with pools, printed and on a
// real terminal.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "ctl/options.hpp"
#include "ctl/top/report.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/terminal.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

using Words = std::vector<std::string>;
using ctl::top::Report;
using ctl::top::ReportedRow;
using ctl::top::RowKind;

constexpr const char* taken = "\x1b[?1049h";
constexpr const char* given_back = "\x1b[?1049l";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class ReevectlTop : public ::testing::Test {
 protected:
  World world_{World::Daemon::not_started};
  Child owner_;
  std::string run_;

  // A pool that is busy, one that is not, and a run with a worker.
  void SetUp() override {
    world_.configure(R"(
[pool.busy]
command = ["sh", "-c", "while :; do :; done"]
[pool.idle]
command = ["sleep", "1000"]
size = 2
restart = "always"
backoff = { initial = "1ms" }
)");
    world_.start();
    ASSERT_TRUE(eventually([&] { return ready("busy") == 1 && ready("idle") == 2; }));
    owner_ = Child::sleeper();
    run_ = world_.open_run(owner_);
    world_.reserve(run_, "lonely");
  }
  std::int64_t ready(const std::string& pool) {
    const auto got = world_.call<api::GetPool>({pool});
    return got ? got->pool.ready : -1;
  }
  [[nodiscard]] Command command(Words arguments) const {
    arguments.insert(arguments.begin(), {test::reevectl(), "top"});
    return {std::move(arguments),
            {},
            {{"REEVE_SOCKET", world_.socket()},
             {"REEVE_RUN_ID", {}},
             {"TERM", "xterm"},
             {"LC_ALL", "C.UTF-8"}},
            {}};
  }
  [[nodiscard]] Finished top(const Words& arguments) const { return run(command(arguments)); }
  [[nodiscard]] Terminal on_terminal(unsigned short columns = 120, unsigned short rows = 24) const {
    return {command({"--delay=100ms"}), columns, rows};
  }
  [[nodiscard]] std::vector<Report> reports(Words arguments) const {
    arguments.insert(arguments.begin(), {"--json=short", "-d", "100ms"});
    const auto finished = top(arguments);
    EXPECT_EQ(finished.exit_status(), 0) << finished;
    std::vector<Report> reports;
    for (const auto line : split(trim(finished.output), '\n')) {
      json::Parser parser;
      const auto parsed = parser.parse(line);
      EXPECT_TRUE(parsed.ok() &&
                  json::decode(*parsed, reports.emplace_back(), json::UnknownMembers::refused))
          << finished;
    }
    return reports;
  }
};

const ReportedRow& row(const Report& report, const std::string& name) {
  static const ReportedRow none;
  for (const auto& each : report.rows)
    if (each.name == name) return each;
  ADD_FAILURE() << "there is no row " << name;
  return none;
}

// Without what draws it.
Words lines_of(const std::string& screen) {
  Words lines;
  for (const auto line : split(screen, '\n')) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\x1b')
        i = line.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZhlm", i);
      else if (line[i] != '\r')
        text += line[i];
    }
    lines.push_back(text);
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

// The first words of the table's rows, without the branches.
Words names_in(const std::string& screen) {
  Words names;
  for (const auto& line : lines_of(screen)) {
    const auto begin = line.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789");
    names.push_back(begin == std::string::npos ? ""
                                               : line.substr(begin, line.find(' ', begin) - begin));
  }
  names.erase(names.begin(), names.begin() + std::min<std::ptrdiff_t>(3, names.size()));
  return names;
}

// ---- for scripts

TEST_F(ReevectlTop, PrintsAFrameWhereThereIsNoTerminal) {
  const auto finished = top({"-d", "100ms"});
  EXPECT_EQ(finished.exit_status(), 0) << finished;
  EXPECT_EQ(finished.errors, "");
  EXPECT_FALSE(has(finished.output, "\x1b")) << finished;
  const auto lines = split(trim(finished.output), '\n');
  ASSERT_EQ(lines.size(), 10U) << finished;
  EXPECT_TRUE(has(finished.output, ": 2 runs, 2 pools, 4 workers, CPU ")) << finished;
  EXPECT_TRUE(lines[1].starts_with("NAME ")) << finished;
  for (const char* words : {"\npools ", "─busy ", "settled 1/1", "│ └─busy@0 ", "settled 2/2",
                            "─idle@0 ", "─idle@1 ", "─lonely ", "reserved"})
    EXPECT_TRUE(has(finished.output, words)) << words << " in " << finished;
  const auto without = top({"-b", "--no-legend", "-d", "100ms"}).output;
  EXPECT_EQ(split(trim(without), '\n').size(), 8U) << without;
  auto plain = command({"-d", "100ms"});
  plain.environment["LC_ALL"] = "C";
  const auto ascii = run(plain).output;
  EXPECT_TRUE(has(ascii, "\n| `-busy@0 ") || has(ascii, "\n  `-busy@0 ")) << ascii;
  EXPECT_TRUE(std::all_of(ascii.begin(), ascii.end(), [](char c) { return c > 0; })) << ascii;
}

TEST_F(ReevectlTop, TellsProgramsWhatIsUsed) {
  const auto all = reports({"-n", "3"});
  ASSERT_EQ(all.size(), 3U);
  for (const auto& report : all) {
    EXPECT_TRUE(report.is_connected);
    EXPECT_EQ(report.rows.size(), 8U);
    const auto& worker = row(report, "busy@0");
    EXPECT_EQ(worker.kind, RowKind::worker);
    EXPECT_EQ(worker.pool, "busy");
    EXPECT_EQ(worker.state, "ready");
    EXPECT_TRUE(worker.processor);
    // Where there are such controllers.
    const auto group = world_.directory_of(control_group_of(static_cast<pid_t>(*worker.pid)));
    EXPECT_EQ(worker.memory.has_value(), fs::exists(group + "/memory.current"));
    EXPECT_EQ(worker.tasks.has_value(), fs::exists(group + "/pids.current"));
    EXPECT_NE(worker.memory, 0);
    EXPECT_EQ(worker.tasks.value_or(1), 1);
    EXPECT_EQ(row(report, "busy").processor, worker.processor);
    EXPECT_EQ(row(report, "pools").run, worker.run);
    EXPECT_EQ(row(report, "lonely").run, run_);
    EXPECT_EQ(row(report, "lonely").processor, Microseconds{0});
    // The busiest first.
    std::vector<std::int64_t> used;
    for (const auto& each : report.rows)
      if (each.kind == RowKind::pool) used.push_back(each.processor.value_or(-1us).count());
    EXPECT_EQ(used.size(), 2U);
    EXPECT_TRUE(std::is_sorted(used.rbegin(), used.rend()));
  }
  EXPECT_LT(all[0].at.monotonic, all[1].at.monotonic);
  // On a machine that has other things to do it may have to wait.
  EXPECT_TRUE(eventually([&] {
    const auto report = reports({}).at(0);
    return row(report, "busy@0").processor > 10ms && row(report, "pools").processor > 10ms &&
           row(report, "idle").processor == 0us;
  }));
}

TEST_F(ReevectlTop, CountsRestarts) {
  const auto before = row(reports({}).at(0), "idle@1");
  EXPECT_EQ(before.restarts, 0);
  ::kill(static_cast<pid_t>(before.pid.value()), SIGKILL);
  ASSERT_TRUE(eventually([&] {
    const auto got = world_.call<api::GetPool>({"idle"});
    return got->pool.restarts == 1 && got->pool.ready == 2;
  }));
  const auto after = reports({}).at(0);
  EXPECT_EQ(row(after, "idle@1").restarts, 1);
  EXPECT_NE(row(after, "idle@1").pid, before.pid);
  EXPECT_EQ(row(after, "idle@0").restarts, 0);
  EXPECT_EQ(row(after, "idle").restarts, 1);
}

TEST_F(ReevectlTop, ShowsTheRunThatIsNamed) {
  const auto report = reports({"--run", run_.substr(0, 8)}).at(0);
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_EQ(report.rows[0].run, run_);
  EXPECT_EQ(report.rows[1].name, "lonely");
}

TEST_F(ReevectlTop, MistakesAreExplained) {
  const struct {
    Words arguments;
    int exit_status;
    const char* words;
  } cases[] = {
      {{"-n", "0"}, ctl::exit_usage, "--iterations"},
      {{"-n", "many"}, ctl::exit_usage, "--iterations"},
      {{"-d", "1ms"}, ctl::exit_usage, "--delay"},
      {{"--delay=soon"}, ctl::exit_usage, "--delay"},
      {{"web"}, ctl::exit_usage, "reevectl top"},
      {{"--run", std::string(32, '0')}, ctl::exit_failure, "run"},
      {{"--socket", "/nowhere"}, ctl::exit_no_daemon, "/nowhere"},
  };
  for (const auto& [arguments, exit_status, words] : cases) {
    const auto finished = top(arguments);
    EXPECT_EQ(finished.exit_status(), exit_status) << finished;
    EXPECT_EQ(finished.output, "");
    EXPECT_TRUE(has(finished.errors, words)) << words << " in " << finished;
  }
}

// ---- on a terminal

TEST_F(ReevectlTop, ShowsWhatKeysAskFor) {
  auto terminal = on_terminal();
  const Words tree{"pools",  "busy",   "busy@0",           "idle",
                   "idle@0", "idle@1", run_.substr(0, 12), "lonely"};
  const auto shows = [&](const Words& names) {
    return terminal.shows([&](const std::string& screen) { return names_in(screen) == names; });
  };
  EXPECT_TRUE(terminal.says(taken));
  ASSERT_TRUE(shows(tree)) << terminal.said();
  const auto lonely = run_.substr(0, 12) + "/lonely";
  const struct {
    const char* keys;
    const char* head;
    Words names;
  } cases[] = {
      {"w", "workers only", {"pools/busy@0", "pools/idle@0", "pools/idle@1", lonely}},
      {"n",
       "by name, every 100ms, workers only",
       {"pools/busy@0", "pools/idle@0", "pools/idle@1", lonely}},
      {"p", "pools only", {"busy", "idle"}},
      {"r", "by restarts", {"busy", "idle"}},
      {"m", "by memory", {"busy", "idle"}},
      {"t", "by memory, every 100ms (", {}},
      {"t", "workers only", {}},
      {"a", "by memory, every 100ms (", {}},
      {"nc", "by CPU, every 100ms (", tree},
      {"/IDLE@", "filter: IDLE@_", {"pools", "idle", "idle@0", "idle@1"}},
      {"1", "filter: IDLE@1_", {"pools", "idle", "idle@1"}},
      {"\x7f\x7f\r", "filter: IDLE (", {"pools", "idle", "idle@0", "idle@1"}},
      {"/q", "filter: IDLEq_", {"nothing"}},
      {"\x1b", "by CPU, every 100ms (", tree},
      {"+", "every 200ms", tree},
      {"-", "every 100ms", tree},
      {"?", "reevectl top", {}},
      {"x", "by CPU, every 100ms (", tree},
      {" ", "paused", tree},
  };
  for (const auto& [keys, head, names] : cases) {
    terminal.type(keys);
    EXPECT_TRUE(terminal.shows([&, head = head, names = names](const std::string& screen) {
      return has(screen, head) && (names.empty() || names_in(screen) == names);
    })) << keys
        << ": " << head << " in " << terminal.said().substr(terminal.said().rfind("\x1b[H"));
  }
  // Paused: nothing is drawn but what keys ask for.
  const auto drawn = [&] {
    std::size_t count = 0;
    for (auto at = terminal.said().find("\x1b[H"); at != std::string::npos;
         at = terminal.said().find("\x1b[H", at + 1))
      ++count;
    return count;
  };
  const auto before = drawn();
  terminal.type("n");
  EXPECT_TRUE(terminal.shows("by name"));
  EXPECT_EQ(drawn(), before + 1);
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0);
}

// A terminal erases the last cell of a line that is full if it is told to erase the rest of it.
TEST_F(ReevectlTop, ErasesNothingOfWhatItHasWritten) {
  auto terminal = on_terminal(80, 24);
  EXPECT_TRUE(terminal.shows([](const std::string& screen) {
    const auto lines = split(screen, '\n');
    return screen.find("RESTARTS") != std::string::npos &&
           std::all_of(lines.begin(), lines.end(), [](std::string_view line) {
             const auto erasing = std::max(line.rfind("\x1b[K") + 1, line.rfind("\x1b[0J") + 1);
             return erasing == 0 || lines_of(std::string(line.substr(0, erasing - 1))).empty();
           });
  })) << terminal.said();
}

TEST_F(ReevectlTop, FollowsTheSizeOfTheTerminalAndScrolls) {
  auto terminal = on_terminal(200, 6);
  const auto fits = [](std::ptrdiff_t columns) {
    return [columns](const std::string& screen) {
      const auto lines = lines_of(screen);
      return std::all_of(lines.begin(), lines.end(), [&](const std::string& line) {
        // All of its characters take one column; in UTF-8 each has one first byte.
        return std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }) <=
               columns;
      });
    };
  };
  ASSERT_TRUE(terminal.shows("RESTARTS")) << terminal.said();
  EXPECT_TRUE(terminal.shows("rows 1 to 3 of 8")) << terminal.said();
  const struct {
    const char* keys;
    const char* rows;
  } cases[] = {{"\x1b[B", "2 to 4"}, {"\x1b[6~", "5 to 7"}, {"\x1b[6~", "6 to 8"},
               {"\x1bOB", "6 to 8"}, {"\x1b[A", "5 to 7"},  {"\x1b[5~", "2 to 4"},
               {"\x1b[F", "6 to 8"}, {"\x1b[H", "1 to 3"},  {"\x1b[5~", "1 to 3"}};
  for (const auto& [keys, rows] : cases) {
    terminal.type(keys);
    EXPECT_TRUE(terminal.shows(fmt::format("rows {} of 8", rows))) << rows << terminal.said();
  }
  constexpr unsigned short narrow[] = {60, 30, 10};
  for (const auto columns : narrow) {
    terminal.resize(columns, 14);
    EXPECT_TRUE(terminal.shows([&](const std::string& screen) {
      return fits(columns)(screen) && names_in(screen).size() == 8;
    })) << columns
        << terminal.said().substr(terminal.said().rfind("\x1b[H"));
  }
  terminal.resize(200, 24);
  EXPECT_TRUE(terminal.shows("RESTARTS")) << terminal.said();
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(ReevectlTop, GivesTheTerminalBackHoweverItEnds) {
  const struct {
    const char* name;
    std::function<void(const Terminal&)> end;
    int signal;  // that it dies of
  } cases[] = {
      {"q", [](const Terminal& terminal) { terminal.type("q"); }, 0},
      {"^C", [](const Terminal& terminal) { terminal.type("\x03"); }, 0},
      {"^\\", [](const Terminal& terminal) { terminal.type("\x1c"); }, SIGQUIT},
      {"SIGINT", [](const Terminal& terminal) { terminal.process().signal(SIGINT); }, 0},
      {"SIGTERM", [](const Terminal& terminal) { terminal.process().signal(SIGTERM); }, SIGTERM},
      {"SIGHUP", [](const Terminal& terminal) { terminal.process().signal(SIGHUP); }, SIGHUP},
      {"SIGSEGV", [](const Terminal& terminal) { terminal.process().signal(SIGSEGV); }, SIGSEGV},
      {"SIGABRT", [](const Terminal& terminal) { terminal.process().signal(SIGABRT); }, SIGABRT},
  };
  for (const auto& [name, end, signal] : cases) {
    SCOPED_TRACE(name);
    auto terminal = on_terminal();
    const auto before = terminal.manner();
    ASSERT_TRUE(terminal.shows("lonely")) << terminal.said();
    EXPECT_EQ(terminal.manner().c_lflag & (ICANON | ECHO), 0U);
    end(terminal);
    const int status = terminal.wait();
    EXPECT_EQ(WIFSIGNALED(status) ? WTERMSIG(status) : 0, signal) << status;
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(terminal.said().ends_with(given_back)) << terminal.said();
    const auto after = terminal.manner();
    EXPECT_EQ(after.c_lflag, before.c_lflag);
    EXPECT_EQ(after.c_iflag, before.c_iflag);
    EXPECT_EQ(after.c_cc[VMIN], before.c_cc[VMIN]);
  }
}

TEST_F(ReevectlTop, IsEndedAlsoWhereNobodyReadsItsTerminal) {
  auto terminal = on_terminal(200);
  ASSERT_TRUE(terminal.shows("lonely")) << terminal.said();
  // Until it waits in its write.
  const auto call = fmt::format("/proc/{}/syscall", terminal.process().pid());
  if (read_file(call).empty()) GTEST_SKIP() << "this kernel does not tell in which call it waits";
  const auto waits = [&] { return read_file(call).starts_with(fmt::format("{} ", SYS_write)); };
  ASSERT_TRUE(eventually([&] {
    terminal.type("w");
    return waits();
  }));
  terminal.process().signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return !terminal.process().is_alive(); }));
  EXPECT_NE(terminal.manner().c_lflag & ICANON, 0U);
}

TEST_F(ReevectlTop, GivesTheTerminalBackWhileItIsStopped) {
  auto terminal = on_terminal();
  ASSERT_TRUE(terminal.shows("lonely")) << terminal.said();
  terminal.type("\x1a");
  const auto pid = terminal.process().pid();
  ASSERT_TRUE(eventually([&] { return process_state(pid) == 'T'; }));
  EXPECT_TRUE(terminal.says(given_back)) << terminal.said();
  EXPECT_NE(terminal.manner().c_lflag & ICANON, 0U);
  EXPECT_NE(terminal.manner().c_lflag & ECHO, 0U);
  terminal.process().signal(SIGCONT);
  terminal.type("w");
  EXPECT_TRUE(terminal.shows("workers only")) << terminal.said();
  EXPECT_GT(terminal.said().rfind(taken), terminal.said().rfind(given_back));
  EXPECT_EQ(terminal.manner().c_lflag & (ICANON | ECHO), 0U);
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(ReevectlTop, GoesOnOverARestartOfReeved) {
  auto terminal = on_terminal();
  ASSERT_TRUE(terminal.shows("lonely")) << terminal.said();
  world_.kill_daemon();
  // What is known is still shown, and what it uses: the workers live on.
  EXPECT_TRUE(terminal.shows([](const std::string& screen) {
    return has(screen, "not connected") && has(screen, "lonely") && has(screen, "busy@0");
  })) << terminal.said();
  world_.start();
  world_.reserve(run_, "second");
  EXPECT_TRUE(terminal.shows([](const std::string& screen) {
    return !has(screen, "not connected") && has(screen, "second");
  })) << terminal.said();
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(ReevectlTop, IsLeftAlsoWhereReevedDoesNotAnswer) {
  auto terminal = on_terminal();
  ASSERT_TRUE(terminal.shows("lonely")) << terminal.said();
  ::kill(world_.daemon_pid(), SIGSTOP);
  EXPECT_TRUE(terminal.shows("reeved does not answer")) << terminal.said();
  terminal.type("p");
  EXPECT_TRUE(terminal.shows("pools only")) << terminal.said();
  terminal.type("q");
  EXPECT_EQ(terminal.wait(), 0);
  ::kill(world_.daemon_pid(), SIGCONT);
}

TEST_F(ReevectlTop, GoesOnInScriptsWhereReevedDoesNot) {
  auto made = command({"--batch", "-n", "1000", "-d", "50ms"});
  const auto output = world_.files() + "/output";
  made.before = [&] {
    ::dup2(::open(output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), STDOUT_FILENO);
  };
  auto process = Child::run([&] { return become(made); });
  const auto says = [&](const char* words) {
    return eventually([&] { return has(read_file(output), words); });
  };
  EXPECT_TRUE(says("4 workers"));
  world_.kill_daemon();
  EXPECT_TRUE(says("not connected"));
  world_.start();
  world_.reserve(run_, "second");
  EXPECT_TRUE(says("second")) << read_file(output);
  EXPECT_TRUE(process.is_alive());
}

}  // namespace
}  // namespace reeve::test
