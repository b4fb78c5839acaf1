// reeved either serves, or says in one message what is missing and how to mend it, with an exit
// status of its own, and leaves nothing behind.
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "daemon/exit_codes.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/surroundings.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t nobody = 65534;

void become_user(uid_t user) {
  if (::setgroups(0, nullptr) < 0 || ::setresgid(user, user, user) < 0 ||
      ::setresuid(user, user, user) < 0)
    ::_exit(98);
}

void write_file(const fs::path& path, const std::string& content) {
  std::ofstream(path) << content;
}

FileDescriptor listening_socket(const std::string& path, int kind = SOCK_STREAM) {
  FileDescriptor socket(::socket(AF_UNIX, kind | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  if (kind == SOCK_STREAM) {
    EXPECT_EQ(::listen(socket.get(), 16), 0);
  }
  return socket;
}

class Startup : public ::testing::Test {
 protected:
  Startup() { write_file(configuration_, ""); }

  World world_{World::Daemon::not_started};
  // Whatever this host has in /etc is not read.
  std::string configuration_ = world_.files() + "/reeve.toml";
  std::string other_socket_ = world_.files() + "/other-socket";
  std::string other_root_ = world_.root() + "/other";

  [[nodiscard]] static Command command(std::vector<std::string> options,
                                       std::function<void()> before = {}) {
    options.insert(options.begin(), reeved());
    return {std::move(options),
            {},
            {{"NOTIFY_SOCKET", {}},
             {"JOURNAL_STREAM", {}},
             {"LISTEN_FDS", {}},
             {"LISTEN_PID", {}},
             {"XDG_RUNTIME_DIR", {}}},
            std::move(before)};
  }
  [[nodiscard]] Command command_at(const std::string& socket, const std::string& root,
                                   std::function<void()> before = {}) const {
    std::vector<std::string> options{"--config", configuration_, "--socket", socket};
    if (!root.empty()) options.insert(options.end(), {"--root", root});
    return command(std::move(options), std::move(before));
  }

  static void expect_refusal(const Finished& finished, int exit_status,
                             const std::vector<std::string>& words) {
    EXPECT_EQ(finished.exit_status(), exit_status) << finished;
    EXPECT_EQ(finished.output, "");
    EXPECT_EQ(std::count(finished.errors.begin(), finished.errors.end(), '\n'), 1) << finished;
    EXPECT_TRUE(finished.errors.ends_with('\n')) << finished;
    for (const auto& word : words)
      EXPECT_NE(finished.errors.find(word), std::string::npos) << word << " in " << finished;
  }

  [[nodiscard]] Child serve(const Command& command) const {
    return Child::run([&] {
      const auto log = world_.files() + "/log";
      ::dup2(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), STDERR_FILENO);
      return become(command);
    });
  }
  // Until it answers.
  static void await_answer(const std::string& socket, const Child& daemon) {
    EXPECT_TRUE(eventually([&] {
      auto client = varlink::Client::connect(socket);
      return client.ok() && call_on<api::ListRuns>(*client, {});
    }));
    EXPECT_TRUE(daemon.is_alive());
  }
};

// ---- refusals

TEST_F(Startup, WithoutRootAndWithoutADelegatedCgroupItIsRefused) {
  const auto before = [] { become_user(nobody); };
  expect_refusal(run(command_at(other_socket_, "", before)), daemon::exit_no_permission,
                 {"as root", "Delegate=yes", "--root"});
  expect_refusal(run(command_at(other_socket_, world_.root(), before)), daemon::exit_no_permission,
                 {world_.root(), "as root", "Delegate=yes", "--root"});
  expect_refusal(run(command_at(other_socket_, other_root_, before)), daemon::exit_no_permission,
                 {other_root_, "as root", "Delegate=yes", "--root"});
  EXPECT_TRUE(world_.root_is_empty());
  EXPECT_FALSE(fs::exists(other_socket_));
}

TEST_F(Startup, WithoutCgroup2ItIsRefused) {
  expect_refusal(run(command_at(other_socket_, world_.root(), hide_cgroup2)),
                 daemon::exit_no_cgroup2, {"cgroup2", "mount -t cgroup2"});
  EXPECT_FALSE(fs::exists(other_socket_));
}

TEST_F(Startup, WithoutIoUringItIsRefused) {
  for (const auto& [number, remedy] :
       {std::pair{EPERM, "kernel.io_uring_disabled"}, {ENOSYS, "allow io_uring_setup"}}) {
    SCOPED_TRACE(remedy);
    const auto finished = run(command_at(
        other_socket_, world_.root(), [number = number] { forbid(SYS_io_uring_setup, number); }));
    expect_refusal(finished, daemon::exit_no_io_uring, {remedy, "seccomp profile"});
    EXPECT_FALSE(fs::exists(other_socket_));
  }
}

TEST_F(Startup, ASocketThatCannotBeMadeIsRefused) {
  world_.start();
  const auto served = world_.socket();
  const auto missing = world_.files() + "/not/there/socket";
  const auto file = world_.files() + "/file";
  const auto directory = world_.files() + "/directory";
  const auto too_long = world_.files() + "/" + std::string(120, 's');
  write_file(file, "precious");
  fs::create_directory(directory);
  const std::vector<std::pair<std::string, std::string>> cases{
      {missing, missing},
      {served, "another daemon listens there"},
      {file, file},
      {directory, directory},
      {too_long, too_long}};
  for (const auto& [path, word] : cases) {
    SCOPED_TRACE(path);
    expect_refusal(run(command_at(path, other_root_)), daemon::exit_socket, {word, "--socket"});
  }
  EXPECT_EQ(read_file(file), "precious");
  EXPECT_TRUE(fs::is_directory(directory));
  EXPECT_TRUE(world_.call<api::ListRuns>({}));
}

TEST_F(Startup, ARootThatAnotherServesIsRefused) {
  world_.start();
  expect_refusal(run(command_at(other_socket_, world_.root())), daemon::exit_root_in_use,
                 {world_.root(), "stop it", "--root"});
  EXPECT_FALSE(fs::exists(other_socket_));
  EXPECT_TRUE(world_.call<api::ListRuns>({}));
}

TEST_F(Startup, ARootThatItWouldEndWithIsRefused) {
  world_.start();
  auto owner = Child::sleeper();
  const auto run_id = world_.open_run(owner);
  const auto worker = world_.reserve(run_id, "worker");
  const auto inside = world_.directory_of(worker.control_group) + "/cgroup.procs";
  world_.kill_daemon();
  expect_refusal(run(command_at(other_socket_, world_.root(), [&] { write_file(inside, "0"); })),
                 daemon::exit_failure, {worker.control_group, "start it from outside", "--root"});
  EXPECT_EQ(world_.run_directories().size(), 1U);
}

TEST_F(Startup, ARefusalLeavesNoRootBehind) {
  const auto missing = world_.files() + "/not/there/socket";
  EXPECT_EQ(run(command_at(missing, other_root_)).exit_status(), daemon::exit_socket);
  EXPECT_FALSE(fs::exists(world_.directory_of(other_root_)));
  EXPECT_EQ(run(command_at(other_socket_, other_root_, [] { forbid(SYS_io_uring_setup, EPERM); }))
                .exit_status(),
            daemon::exit_no_io_uring);
  EXPECT_FALSE(fs::exists(world_.directory_of(other_root_)));
}

TEST_F(Startup, EveryFaultOfTheConfigurationIsToldWithItsPlace) {
  struct Case {
    const char* name;
    std::string content;
    std::vector<std::string> faults;  // "LINE:COLUMN: what"
  };
  const std::vector<Case> cases{
      {"no TOML", "socket = \n", {"1:"}},
      {"not closed", "root = \"/reeve\n", {"1:"}},
      {"an unknown key", "sokcet = \"/run/x\"\n", {"1:1: sokcet"}},
      {"an unknown table", "\n[acess]\nopen-runs-users = []\n", {"2:2: acess"}},
      {"a key of another table", "[access]\nsocket = \"/run/x\"\n", {"2:1: socket"}},
      {"a table that is none", "access = 5\n", {"1:10: access"}},
      {"a number for a path", "socket = 5\n", {"1:10: socket"}},
      {"a relative path", "socket = \"run/x\"\n", {"1:10: socket"}},
      {"a name for a list", "[access]\nopen-runs-users = \"root\"\n", {"2:19: open-runs-users"}},
      {"a number in a list of names",
       "[access]\nopen-runs-users = [\"root\", 7]\n",
       {"2:28: open-runs-users"}},
      {"several",
       "root = true\nnonsense = 1\n[access]\nopen-runs-groups = {}\nopen-runs-users = [[]]\n",
       {"1:8: root", "2:1: nonsense", "4:20: open-runs-groups", "5:20: open-runs-users"}},
      {"the same twice", "root = \"/a\"\nroot = \"/b\"\n", {"2:"}},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    write_file(configuration_, each.content);
    const auto finished = run(command_at(other_socket_, world_.root()));
    EXPECT_EQ(finished.exit_status(), daemon::exit_configuration) << finished;
    for (const auto& fault : each.faults)
      EXPECT_NE(finished.errors.find(configuration_ + ":" + fault), std::string::npos)
          << fault << " in " << finished;
    std::size_t told = 0;
    for (std::size_t at = 0; (at = finished.errors.find(configuration_, at)) != std::string::npos;
         ++at)
      ++told;
    EXPECT_EQ(told, each.faults.size()) << finished;
    EXPECT_FALSE(fs::exists(other_socket_));
  }
}

TEST_F(Startup, AConfigurationThatCannotBeReadOrFollowedIsRefused) {
  const auto missing = world_.files() + "/missing.toml";
  const auto start = [&](const std::string& path) {
    return run(command({"--config", path, "--socket", other_socket_, "--root", world_.root()}));
  };
  for (const auto& path : {missing, world_.files()}) {
    const auto finished = start(path);
    EXPECT_EQ(finished.exit_status(), daemon::exit_configuration) << finished;
    EXPECT_NE(finished.errors.find(path), std::string::npos) << finished;
  }
  for (const auto& [key, name] :
       {std::pair{"users", "no-such-user"}, {"groups", "no-such-group"}}) {
    write_file(configuration_,
               std::string("[access]\nopen-runs-") + key + " = [\"" + name + "\"]\n");
    expect_refusal(start(configuration_), daemon::exit_configuration,
                   {configuration_ + ":2:", name});
  }
}

// As the unit that keeps the runs is stopped: nothing else would end them.
TEST_F(Startup, WhatIsToEndTheRunsDoesSoWhereTheConfigurationIsWrong) {
  world_.start();
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run_id = world_.open_run(owner);
  world_.reserve(run_id, "worker");
  world_.activate(run_id, "worker", process);
  world_.kill_daemon();
  write_file(configuration_, "sokcet = 1\n");

  const auto ended = run(command(
      {"--config", configuration_, "--root", world_.root(), "--bus", "none", "--end-runs"}));

  EXPECT_EQ(ended.exit_status(), 0) << ended;
  EXPECT_NE(ended.errors.find("sokcet"), std::string::npos) << ended;
  EXPECT_EQ(WTERMSIG(process.wait()), SIGKILL);
  EXPECT_TRUE(world_.root_is_empty());
  EXPECT_TRUE(owner.is_alive());
}

TEST_F(Startup, AnUnknownFeatureToDoWithoutIsRefused) {
  auto start = command_at(other_socket_, world_.root());
  start.environment["REEVE_WITHOUT"] = "pidfs,pidfx";
  expect_refusal(run(start), daemon::exit_configuration,
                 {"REEVE_WITHOUT", "pidfx", "all", "pidfs"});
  EXPECT_FALSE(fs::exists(other_socket_));
}

TEST_F(Startup, WhatItDoesWithoutIsTold) {
  auto start = command_at(other_socket_, world_.root());
  start.environment["REEVE_WITHOUT"] = "pidfd-exit,pidfs";
  const auto daemon = serve(start);
  await_answer(other_socket_, daemon);
  const auto log = world_.daemon_log();
  EXPECT_NE(log.find("REEVE_WITHOUT says: pidfs, pidfd-exit"), std::string::npos) << log;
}

TEST_F(Startup, WrongUsageIsExplained) {
  const std::vector<std::vector<std::string>> cases{
      {"--nonsense"},      {"-x"},
      {"--socket"},        {"--root"},
      {"--config"},        {"serve"},
      {"--", "now"},       {"--root", ""},
      {"--root", "/"},     {"--root", "///"},
      {"--root", "reeve"}, {"--root", "/reeve/../.."},
  };
  for (const auto& options : cases) {
    SCOPED_TRACE(::testing::PrintToString(options));
    auto all = options;
    if (options.front() != "--config") all.insert(all.begin(), {"--config", configuration_});
    const auto finished = run(command(all));
    EXPECT_EQ(finished.exit_status(), daemon::exit_usage) << finished;
    EXPECT_EQ(finished.output, "");
    EXPECT_NE(finished.errors.find(options.front() == "--root" && options.size() > 1 ? "such as"
                                                                                     : "--help"),
              std::string::npos)
        << finished;
  }
}

TEST_F(Startup, HelpAndVersionAreTold) {
  for (const char* option : {"--help", "-h"}) {
    const auto finished = run(command({option}));
    EXPECT_EQ(finished.exit_status(), daemon::exit_ok) << finished;
    EXPECT_EQ(finished.errors, "");
    for (const char* word : {"--socket", "--root", "--config", "--check", "--version", "78"})
      EXPECT_NE(finished.output.find(word), std::string::npos) << word;
  }
  const auto finished = run(command({"--version"}));
  EXPECT_EQ(finished.exit_status(), daemon::exit_ok) << finished;
  EXPECT_TRUE(finished.output.starts_with("reeved ")) << finished;
}

// ---- serving

TEST_F(Startup, AnUnprivilegedUserServesACgroupOfItsOwn) {
  // What a unit's Delegate=yes with User= does. The last is where processes come from: moving one
  // needs the right to write to the common ancestor's.
  const auto directory = world_.directory_of(world_.root());
  const auto home = fs::path(directory).parent_path();
  for (const auto& path :
       {directory, directory + "/cgroup.procs", directory + "/cgroup.subtree_control",
        directory + "/cgroup.threads", (home / "cgroup.procs").string()})
    ASSERT_EQ(::chown(path.c_str(), nobody, nobody), 0) << path;
  auto daemon = serve(command_at(world_.socket(), world_.root(), [] { become_user(nobody); }));
  await_answer(world_.socket(), daemon);

  const auto as_nobody = [](LifeLine& line) {
    return Child::run([&] {
      become_user(nobody);
      line.report();
      return ::pause();
    });
  };
  LifeLine line;
  auto owner = as_nobody(line);
  auto process = as_nobody(line);
  auto stopped = as_nobody(line);
  line.let_go();
  ASSERT_TRUE(line.await_reports(3));
  // As the user itself, who needs no other permission.
  auto application = Child::run([&] {
    become_user(nobody);
    auto own = varlink::Client::connect(world_.socket());
    api::OpenRun::Input input;
    input.owner = owner.id();
    const auto opened = call_on<api::OpenRun>(*own, input);
    if (!opened) return 1;
    const auto run_id = opened->run.run;
    api::Reserve::Input reservation;
    reservation.worker = "worker";
    reservation.run = run_id;
    if (!call_on<api::Reserve>(*own, reservation)) return 2;
    api::Activate::Input activation;
    activation.worker = "worker";
    activation.run = run_id;
    activation.process = process.id();
    if (!call_on<api::Activate>(*own, activation)) return 3;
    api::Register::Input registration;
    registration.worker = "stopped";
    registration.run = run_id;
    registration.process = stopped.id();
    if (!call_on<api::Register>(*own, registration)) return 4;
    if (!call_on<api::Stop>(*own, {"stopped", run_id, Microseconds(0)})) return 5;
    return 0;
  });
  EXPECT_EQ(WEXITSTATUS(application.wait()), 0) << world_.daemon_log();
  EXPECT_FALSE(stopped.is_alive());
  EXPECT_TRUE(control_group_of(process.pid()).starts_with(world_.root() + "/run-"));
  owner.kill();
  EXPECT_TRUE(eventually([&] { return !process.is_alive(); }));
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0) << world_.daemon_log();
  EXPECT_FALSE(fs::exists(world_.socket()));
}

TEST_F(Startup, TheSocketOfADaemonThatWasKilledIsReplaced) {
  for (int i = 0; i < 3; ++i) {
    world_.start();
    EXPECT_TRUE(world_.call<api::ListRuns>({}));
    world_.kill_daemon();
    EXPECT_TRUE(fs::exists(world_.socket()));
  }
}

TEST_F(Startup, APrivateDaemonThatEndsWhatAnotherLeftAwaitsItsOwnRun) {
  auto owner = Child::sleeper();
  world_.start();
  world_.open_run(owner);
  world_.kill_daemon();
  owner.kill();
  auto start = command_at(other_socket_, world_.root());
  start.arguments.emplace_back("--private");
  auto daemon = serve(start);
  ASSERT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  auto client = varlink::Client::connect(other_socket_);
  ASSERT_TRUE(client.ok());
  auto own = Child::sleeper();
  api::OpenRun::Input input;
  input.owner = own.id();
  const auto opened = call_on<api::OpenRun>(*client, input);
  EXPECT_TRUE(opened) << opened;
  own.kill();
  EXPECT_EQ(daemon.wait(), 0);  // with the last run
}

TEST_F(Startup, AnybodyMayConnectToTheSocket) {
  world_.start();
  struct stat status {};
  ASSERT_EQ(::stat(world_.socket().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777U, 0666U);
}

TEST_F(Startup, ASignalToEndIsFollowedAndTheSocketRemoved) {
  for (const int number : {SIGTERM, SIGINT}) {
    SCOPED_TRACE(number);
    auto daemon = serve(command_at(other_socket_, other_root_));
    await_answer(other_socket_, daemon);
    daemon.signal(SIGHUP);  // not one of them
    await_answer(other_socket_, daemon);
    daemon.signal(number);
    EXPECT_EQ(daemon.wait(), 0);
    EXPECT_FALSE(fs::exists(other_socket_));
    EXPECT_FALSE(fs::exists(world_.directory_of(other_root_)));  // it had made it
  }
}

TEST_F(Startup, ASocketThatWasPassedIsServedAndLeftAlone) {
  const auto listener = listening_socket(other_socket_);
  auto activated = command({"--config", configuration_, "--root", world_.root()}, [&] {
    constexpr int first_passed = 3;
    if (listener.get() == first_passed)
      ::fcntl(first_passed, F_SETFD, 0);
    else
      ::dup2(listener.get(), first_passed);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  });
  activated.environment["LISTEN_FDS"] = "1";
  activated.environment["LISTEN_FDNAMES"] = "varlink";
  auto daemon = serve(activated);
  await_answer(other_socket_, daemon);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_TRUE(fs::exists(other_socket_));
  daemon = serve(activated);
  await_answer(other_socket_, daemon);
}

TEST_F(Startup, ASocketThatIsRemovedIsMadeAgain) {
  const auto directory = world_.files() + "/run";
  const auto socket = directory + "/socket";
  auto daemon = serve(command(
      {"--config", configuration_, "--root", world_.root(), "--socket", socket, "--bus", "none"}));
  await_answer(socket, daemon);
  for (int times = 0; times < 3; ++times) {
    std::error_code made_again_meanwhile;
    fs::remove_all(directory, made_again_meanwhile);
    EXPECT_TRUE(eventually([&] { return fs::exists(socket); }));
    await_answer(socket, daemon);
  }
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_FALSE(fs::exists(socket));
}

TEST_F(Startup, ASocketThatWasPassedIsMadeAgainWhereItIsGone) {
  const auto passed = listening_socket(other_socket_);
  auto activated = command({"--config", configuration_, "--root", world_.root()}, [&] {
    constexpr int first_passed = 3;
    if (passed.get() == first_passed)
      ::fcntl(first_passed, F_SETFD, 0);
    else
      ::dup2(passed.get(), first_passed);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  });
  activated.environment["LISTEN_FDS"] = "1";
  fs::remove(other_socket_);
  auto daemon = serve(activated);
  await_answer(other_socket_, daemon);
  daemon.kill();
  daemon = serve(activated);
  await_answer(other_socket_, daemon);
}

TEST_F(Startup, WhatIsPassedInsteadOfAListeningSocketIsRefused) {
  const auto start_with = [&](const FileDescriptor& passed, const char* count) {
    auto activated = command({"--config", configuration_, "--root", world_.root()}, [&] {
      for (const int target : {3, 4})
        if (passed.get() != target) ::dup2(passed.get(), target);
      ::fcntl(3, F_SETFD, 0);
      ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    });
    activated.environment["LISTEN_FDS"] = count;
    return run(activated);
  };
  const auto datagram = listening_socket(other_socket_, SOCK_DGRAM);
  const auto stream = listening_socket(world_.files() + "/stream");
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  expect_refusal(start_with(datagram, "1"), daemon::exit_socket, {"listening unix stream socket"});
  expect_refusal(start_with(null, "1"), daemon::exit_socket, {"listening unix stream socket"});
  expect_refusal(start_with(stream, "2"), daemon::exit_socket, {"one listening"});
}

}  // namespace
}  // namespace reeve::test
