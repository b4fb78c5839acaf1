// Spawn: workers that reeved starts itself, as real programs.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "support/kernel.hpp"
#include "support/users.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

// A file that what is spawned writes to, read when it is over.
class Output {
 public:
  Output() : file_(::memfd_create("output", MFD_CLOEXEC)) {}
  [[nodiscard]] int descriptor() const { return file_.get(); }
  [[nodiscard]] std::string text() const {
    return read_file("/proc/self/fd/" + std::to_string(file_.get()));
  }

 private:
  FileDescriptor file_;
};

api::Spawn::Input shell(const std::string& worker, const std::string& run,
                        const std::string& script) {
  api::Spawn::Input input;
  input.worker = worker;
  input.run = run;
  input.command = {"sh", "-c", script};
  return input;
}

class Spawn : public ::testing::Test {
 protected:
  World world_;
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);

  Answer<api::Spawn::Output> spawn(const api::Spawn::Input& input,
                                   std::span<const int> descriptors = {}) {
    return world_.call<api::Spawn>(input, descriptors);
  }
  // What the script writes, in the end.
  std::string output_of(api::Spawn::Input input) {
    const Output output;
    input.output_file_descriptor = input.error_file_descriptor = 0;
    const std::array passed{output.descriptor()};
    const auto spawned = spawn(input, passed);
    EXPECT_TRUE(spawned) << spawned;
    EXPECT_TRUE(world_.call<api::Wait>({input.worker, input.run}));
    return output.text();
  }
};

TEST_F(Spawn, StartsAProgramInsideItsWorkersCgroup) {
  const auto worker = spawn(shell("worker", run_, "exec sleep 1000"));
  ASSERT_TRUE(worker) << worker;
  EXPECT_EQ(worker->worker.state, WorkerState::active);
  ASSERT_TRUE(worker->worker.process);
  const auto pid = static_cast<pid_t>(worker->worker.process->pid);
  EXPECT_EQ(control_group_of(pid), worker->worker.control_group);
  EXPECT_EQ(world_.call<api::ListProcesses>({run_, {}})->processes.size(), 1U);
  owner_.kill();
  EXPECT_TRUE(eventually([&] { return !process_exists(pid) && world_.root_is_empty(); }));
}

TEST_F(Spawn, KnowsHowItEndedOnAnyKernel) {
  ASSERT_TRUE(spawn(shell("seven", run_, "exit 7")));
  ASSERT_TRUE(spawn(shell("killed", run_, "kill -USR1 $$")));
  auto worker = world_.call<api::Wait>({"seven", run_})->worker;
  ASSERT_TRUE(worker.exit);
  EXPECT_TRUE(worker.exit->reaped);
  EXPECT_EQ(worker.exit->code, 7);
  worker = world_.call<api::Wait>({"killed", run_})->worker;
  ASSERT_TRUE(worker.exit);
  EXPECT_EQ(worker.exit->cause, ExitCause::signaled);
  EXPECT_EQ(worker.exit->signal, "SIGUSR1");
}

TEST_F(Spawn, LeavesNoZombie) {
  const auto spawned = spawn(shell("worker", run_, "exit 0"));
  ASSERT_TRUE(spawned);
  ASSERT_TRUE(world_.call<api::Wait>({"worker", run_}));
  EXPECT_FALSE(process_state(static_cast<pid_t>(spawned->worker.process->pid)));
  EXPECT_FALSE(spawn(shell("other", run_, "true")).output->worker.process == std::nullopt);
  auto failing = shell("failing", run_, "");
  failing.command = {"/nonesuch"};
  ASSERT_FALSE(spawn(failing));
  EXPECT_TRUE(eventually([&] {
    std::ifstream children("/proc/" + std::to_string(world_.daemon_pid()) + "/task/" +
                           std::to_string(world_.daemon_pid()) + "/children");
    std::string pid;
    std::size_t count = 0;
    while (children >> pid)
      ++count;
    return count == 1;  // the spawner
  }));
}

TEST_F(Spawn, GivesTheArgumentsTheDirectoryAndTheEnvironmentThatWereAskedFor) {
  api::Spawn::Input input;
  input.worker = "worker";
  input.run = run_;
  input.command = {"sh", "-c", R"(printf '%s|' "$@"; pwd; env)", "sh", "a b", "", "*"};
  input.environment = Metadata{{"NAME", "two\nlines"}, {"PATH", "/usr/bin:/bin"}};
  input.working_directory = "/proc/self";
  const auto output = output_of(input);
  EXPECT_TRUE(output.starts_with("a b||*|/proc/")) << output;
  for (const auto& line :
       {std::string("NAME=two\nlines"), "REEVE_RUN_ID=" + run_, std::string("REEVE_WORKER=worker"),
        "REEVE_SOCKET=" + world_.socket(), std::string("PATH=/usr/bin:/bin")})
    EXPECT_NE(output.find(line + "\n"), std::string::npos) << line << "\n" << output;
  EXPECT_EQ(output.find("NOTIFY_SOCKET"), std::string::npos) << output;
}

TEST_F(Spawn, GivesNothingOfReevedsToTheProgram) {
  const auto output =
      output_of(shell("worker", run_,
                      "ls /proc/self/fd; umask; ulimit -n; "
                      "grep -E '^(SigBlk|SigIgn)' /proc/self/status; ps -o sid= -p $$; echo $$"));
  const auto lines = split(output, '\n');
  ASSERT_GE(lines.size(), 10U) << output;
  // Its streams, and what ls has opened.
  EXPECT_EQ(std::vector(lines.begin(), lines.begin() + 4),
            (std::vector<std::string_view>{"0", "1", "2", "3"}));
  EXPECT_EQ(lines[4], "0022");
  std::array<char, 32> mine{};
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::snprintf(mine.data(), mine.size(), "%llu", static_cast<unsigned long long>(limit.rlim_cur));
  EXPECT_EQ(lines[5], mine.data());
  for (std::size_t i = 6; i < 8; ++i)
    EXPECT_TRUE(lines[i].ends_with("\t0000000000000000")) << lines[i];
  EXPECT_EQ(trim(lines[8]), lines[9]) << "a session of its own";
}

TEST_F(Spawn, GivesTheProgramTheAttributesThatWereAskedFor) {
  auto input =
      shell("worker", run_,
            "umask; nice; ulimit -Sn; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj");
  input.file_mode_mask = 0027;
  input.nice = 5;
  input.out_of_memory_score_adjust = 300;
  input.resource_limits = Metadata{{"NOFILE", "64:128"}, {"CORE", "0"}};
  EXPECT_EQ(output_of(input), "0027\n5\n64\n128\n0\n300\n");
}

TEST_F(Spawn, GivesTheUserTheGroupsThatRootNames) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  auto input = shell("worker", run_, "nice; id -gn; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '");
  input.user = "nobody";
  input.group = "daemon";
  input.supplementary_groups = {{"40100", "40101"}};
  input.nice = -3;
  EXPECT_EQ(output_of(input), "-3\ndaemon\n1 40100 40101 65534 ");
}

bool may_raise_limits() {
  rlimit present{};
  ::getrlimit(RLIMIT_NOFILE, &present);
  const rlimit more{present.rlim_cur, present.rlim_max + 1};
  return ::setrlimit(RLIMIT_NOFILE, &more) == 0 && ::setrlimit(RLIMIT_NOFILE, &present) == 0;
}

TEST_F(Spawn, GivesToAnotherUserWhatOnlyRootMayAskFor) {
  if (!may_raise_limits()) GTEST_SKIP() << "needs CAP_SYS_RESOURCE, which not every root has";
  auto input = shell("worker", run_, "ulimit -Hn; cat /proc/self/oom_score_adj");
  input.user = "nobody";
  input.out_of_memory_score_adjust = -100;
  rlimit present{};
  ::getrlimit(RLIMIT_NOFILE, &present);
  const auto more = std::to_string(present.rlim_max + 1);
  input.resource_limits = Metadata{{"NOFILE", more}};
  EXPECT_EQ(output_of(input), more + "\n-100\n");
}

TEST_F(Spawn, SaysAtWhichStepItFailed) {
  struct Case {
    std::vector<std::string> command;
    std::optional<std::string> directory, user;
    const char* step;
    const char* name;
    std::optional<std::string> group = {};
  };
  const Case cases[] = {
      {{"nonesuch"}, {}, {}, "execute", "ENOENT"},
      {{"/etc/passwd"}, {}, {}, "execute", "EACCES"},
      {{"/proc/self/fd"}, {}, {}, "execute", "EACCES"},
      {{"sh"}, "/nonesuch", {}, "workingDirectory", "ENOENT"},
      {{"sh"}, "/etc/passwd", {}, "workingDirectory", "ENOTDIR"},
      {{"sh"}, {}, "no-such-user", "user", "ESRCH"},
      {{"sh"}, {}, {}, "groups", "ESRCH", "no-such-group"},
  };
  for (const auto& [command, directory, user, step, name, group] : cases) {
    api::Spawn::Input input;
    input.worker = "worker";
    input.run = run_;
    input.command = command;
    input.working_directory = directory;
    input.user = user;
    input.group = group;
    const auto failed = spawn(input);
    EXPECT_EQ(failed.error, "SpawnFailed") << command.front();
    EXPECT_TRUE(failed.mentions(std::string("\"step\":\"") + step + "\"")) << failed;
    EXPECT_TRUE(failed.mentions(std::string("\"errnoName\":\"") + name + "\"")) << failed;
    // The name is free at once.
    EXPECT_EQ(world_.get(run_, "worker").error, "NoSuchWorker");
  }
}

TEST_F(Spawn, RefusesWhatCannotBe) {
  const auto refused = [&](const std::function<void(api::Spawn::Input&)>& change) {
    auto input = shell("worker", run_, "exit 0");
    change(input);
    return spawn(input).error;
  };
  const std::string nul("a\0b", 3);
  EXPECT_EQ(refused([](auto& input) { input.command.clear(); }), "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) { input.command = {""}; }), "InvalidParameter");
  EXPECT_EQ(refused([&](auto& input) { input.command.push_back(nul); }), "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) {
              input.environment = Metadata{{"A=B", ""}};
            }),
            "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) {
              input.environment = Metadata{{"", "a"}};
            }),
            "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) { input.working_directory = "here"; }), "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) { input.user = ""; }), "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) { input.group = ""; }), "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) {
              input.supplementary_groups = {{"root", ""}};
            }),
            "InvalidParameter");
  for (const int wrong : {-1, 01000})
    EXPECT_EQ(refused([&](auto& input) { input.file_mode_mask = wrong; }), "InvalidParameter");
  for (const int wrong : {-21, 20})
    EXPECT_EQ(refused([&](auto& input) { input.nice = wrong; }), "InvalidParameter");
  for (const int wrong : {-1001, 1001})
    EXPECT_EQ(refused([&](auto& input) { input.out_of_memory_score_adjust = wrong; }),
              "InvalidParameter");
  for (const auto& limit : std::vector<std::pair<std::string, std::string>>{
           {"NOSUCH", "1"}, {"NOFILE", ""}, {"NOFILE", "-1"}, {"NOFILE", "2:1"}, {"CPU", "1:2:3"}})
    EXPECT_EQ(refused([&](auto& input) { input.resource_limits = Metadata{limit}; }),
              "InvalidParameter")
        << limit.first << "=" << limit.second;
  EXPECT_EQ(refused([](auto& input) { input.output_file_descriptor = 0; }), "InvalidParameter");
  EXPECT_EQ(refused([](auto& input) {
              input.limits = Limits{-1, {}, {}, {}, {}};
            }),
            "InvalidParameter");
  world_.reserve(run_, "reserved");
  EXPECT_EQ(spawn(shell("reserved", run_, "exit 0")).error, "AlreadyReserved");
}

TEST_F(Spawn, GivesTheProgramTheRightsOfWhoAskedAndNoOthers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be several users";
  world_.configure("[access]\nopen-runs-users = [\"40001\"]\n");
  world_.restart();
  const Output output;
  const User alice{40001, {40100, 40101}};
  const auto said = as(alice, [&] {
    auto client = world_.connect();
    auto owner = Child::sleeper();
    api::OpenRun::Input open;
    open.owner = owner.id();
    const auto run = call_on<api::OpenRun>(client, open);
    if (!run) return outcome(run);
    auto input = shell("worker", run->run.run, "id -u; id -g; id -G; grep Cap /proc/self/status");
    input.output_file_descriptor = 0;
    const std::array passed{output.descriptor()};
    const auto spawned = call_on<api::Spawn>(client, input, passed);
    if (!spawned) return outcome(spawned);
    (void)call_on<api::Wait>(client, {"worker", run->run.run});
    input = shell("other", run->run.run, "nice; ulimit -Hn; cat /proc/self/oom_score_adj");
    input.output_file_descriptor = 0;
    input.nice = 4;
    input.out_of_memory_score_adjust = 7;
    input.resource_limits = Metadata{{"NOFILE", "16"}};
    const auto other = call_on<api::Spawn>(client, input, passed);
    if (!other) return outcome(other);
    (void)call_on<api::Wait>(client, {"other", run->run.run});
    std::string refused;
    const auto refuse = [&](const std::function<void(api::Spawn::Input&)>& change) {
      auto wrong = shell("of root", run->run.run, "exit 0");
      change(wrong);
      refused += outcome(call_on<api::Spawn>(client, wrong)) + " ";
    };
    refuse([](auto& wrong) { wrong.user = "root"; });
    refuse([](auto& wrong) { wrong.group = "root"; });
    refuse([](auto& wrong) { wrong.supplementary_groups = {{"root"}}; });
    refuse([](auto& wrong) { wrong.nice = -1; });
    refuse([](auto& wrong) { wrong.out_of_memory_score_adjust = -1; });
    rlimit present{};
    ::getrlimit(RLIMIT_NOFILE, &present);
    refuse([&](auto& wrong) {
      wrong.resource_limits = Metadata{{"NOFILE", std::to_string(present.rlim_max + 1)}};
    });
    return refused;
  });
  EXPECT_EQ(said,
            "PermissionDenied PermissionDenied PermissionDenied PermissionDenied PermissionDenied "
            "SpawnFailed ");
  const auto text = output.text();
  const auto lines = split(text, '\n');
  ASSERT_GE(lines.size(), 7U) << text;
  EXPECT_EQ(lines[0], "40001");
  EXPECT_EQ(lines[1], "40001");
  std::vector<std::string_view> groups = split(lines[2], ' ');
  std::sort(groups.begin(), groups.end());
  EXPECT_EQ(groups, (std::vector<std::string_view>{"40001", "40100", "40101"}));
  EXPECT_TRUE(text.ends_with("\n4\n16\n7\n")) << text;
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
    EXPECT_NE(text.find(std::string(set) + ":\t0000000000000000"), std::string::npos) << text;
}

TEST_F(Spawn, BecomesTheUserThatRootNames) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  auto input = shell("worker", run_, "id -un; echo $HOME $USER $LOGNAME");
  input.user = "nobody";
  EXPECT_EQ(output_of(input), "nobody\n/nonexistent nobody nobody\n");
}

TEST_F(Spawn, OutlivesReevedAndIsAdopted) {
  const auto spawned = spawn(shell("worker", run_, "sleep 1000 & exec sleep 1000"));
  ASSERT_TRUE(spawned);
  world_.restart();
  const auto adopted = world_.get(run_, "worker");
  ASSERT_TRUE(adopted) << adopted;
  EXPECT_EQ(json::encoded(adopted->worker.process), json::encoded(spawned->worker.process));
  EXPECT_EQ(adopted->worker.state, WorkerState::active);
  ASSERT_TRUE(world_.call<api::Stop>({"worker", run_, {}}));
}

// The program hangs before it is executed, as on a file system that does not answer.
TEST_F(Spawn, HoldsUpNobodyElseWhenItHangs) {
  const auto freeze_run = [&](const char* value) {
    std::ofstream(world_.directory_of(world_.root()) + "/run-" + run_ + "/cgroup.freeze") << value;
  };
  freeze_run("1");
  Conversation hanging(world_);
  hanging.ask<api::Spawn>(shell("hanging", run_, "exit 0"));
  auto owner = Child::sleeper();
  const auto other = world_.open_run(owner);
  EXPECT_TRUE(spawn(shell("worker", other, "exec sleep 1000")));
  EXPECT_EQ(world_.get(run_, "hanging")->worker.state, WorkerState::reserved);
  api::CloseRun::Input close;
  close.run = run_;
  close.on_owner_exit = OwnerExitPolicy::kill;
  EXPECT_TRUE(world_.call<api::CloseRun>(close));
  const auto answer = hanging.receive();
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->find("RunClosing"), std::string::npos) << *answer;
}

TEST_F(Spawn, StartsManyAtOnce) {
  constexpr int many = 300;
  Conversation conversation(world_);
  for (int i = 0; i < many; ++i)
    conversation.ask<api::Spawn>(shell("worker-" + std::to_string(i), run_, "exec sleep 1000"));
  for (int i = 0; i < many; ++i) {
    const auto answer = conversation.receive();
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->find("\"state\":\"active\""), std::string::npos) << *answer;
  }
  EXPECT_EQ(world_.call<api::GetStatistics>({run_})->statistics.active, many);
}

TEST_F(Spawn, GoesOnWhenTheSpawnerWasKilled) {
  ASSERT_TRUE(spawn(shell("first", run_, "exec sleep 1000")));
  const auto spawner = [&] {
    std::ifstream children("/proc/" + std::to_string(world_.daemon_pid()) + "/task/" +
                           std::to_string(world_.daemon_pid()) + "/children");
    pid_t pid = 0;
    while (children >> pid)
      if (read_file("/proc/" + std::to_string(pid) + "/comm") == "reeved-spawner\n") return pid;
    return pid_t{0};
  };
  const auto before = spawner();
  ASSERT_NE(before, 0);
  ::kill(before, SIGKILL);
  ASSERT_TRUE(eventually([&] { return process_state(before) == 'Z'; }));
  const auto second = spawn(shell("second", run_, "exec sleep 1000"));
  EXPECT_TRUE(second) << second;
  EXPECT_NE(spawner(), before);
  EXPECT_TRUE(eventually([&] { return !process_exists(before); })) << "nobody reaps it";
}

TEST_F(Spawn, EndsItsSpawnerWithReeved) {
  std::ifstream children("/proc/" + std::to_string(world_.daemon_pid()) + "/task/" +
                         std::to_string(world_.daemon_pid()) + "/children");
  pid_t spawner = 0;
  ASSERT_TRUE(children >> spawner);
  world_.kill_daemon();
  EXPECT_TRUE(eventually([&] { return process_state(spawner).value_or('Z') == 'Z'; }));
}

}  // namespace
}  // namespace reeve::test
