// What somebody would try who wants more than is theirs, or to be in the way of others.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/result.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/users.hpp"
#include "sys/calls.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

const User alice{40001};  // who may open runs
const User stranger{40003};

class Attack : public ::testing::Test {
 protected:
  explicit Attack(const std::string& more = {}) {
    world_.configure("[access]\nopen-runs-users = [\"40001\"]\n" + more);
    world_.start();
  }

  std::string snapshot() {
    return world_.call<api::ListEntries>({}).parameters + world_.call<api::ListRuns>({}).parameters;
  }
  std::string count_as(const User& user) {
    return as(user, [&] { return outcome(world_.call<api::CountEntries>({})); });
  }

  World world_{World::Daemon::not_started};
};

// ---- a caller that is not who it was

// A connection is its maker's, though a process that has become root, as one that executed a
// program with the set-user-id bit has, is behind it.
TEST_F(Attack, AProcessThatBecameRootsIsNotTakenAlongByItsOwnOldConnection) {
  const auto owner = sleeper_of(alice.id);
  const auto run = world_.open_run(owner);
  const auto before = snapshot();
  struct Ids {
    uid_t real, effective, saved;
  };
  for (const auto& ids : {Ids{0, 0, 0}, Ids{alice.id, alice.id, 0}, Ids{alice.id, 0, 0}}) {
    const auto told = as({}, [&]() -> std::string {
      if (::setresuid(alice.id, alice.id, 0) < 0) return "no change of user";
      auto client = world_.connect();
      if (::setresuid(ids.real, ids.effective, ids.saved) < 0) return "no change of user";
      const auto place = control_group_of(::getpid());
      const auto entered = outcome(call_on<api::EnterRun>(client, {run}));
      const auto opened = outcome(call_on<api::OpenRun>(client, {}));
      if (control_group_of(::getpid()) != place) return "moved";
      return entered + " " + opened;
    });
    EXPECT_EQ(told, "PermissionDenied PermissionDenied")
        << ids.real << " " << ids.effective << " " << ids.saved;
    EXPECT_EQ(snapshot(), before);
  }
}

TEST_F(Attack, AConnectionThatIsPassedOnGivesTheRightsOfItsMakerAndNoOthers) {
  const auto owner = sleeper_of(alice.id);
  const auto run = world_.open_run(owner);
  const auto reserve = [&](varlink::Client& client, const char* worker) {
    api::Reserve::Input input;
    input.worker = worker;
    input.run = run;
    return outcome(call_on<api::Reserve>(client, input));
  };
  auto roots = world_.connect();
  EXPECT_EQ(as(stranger, [&] { return reserve(roots, "by a stranger"); }), "success");
  // The stranger's, used by root: here the child is a stranger only while it connects.
  EXPECT_EQ(as({},
               [&] {
                 (void)!::setresuid(-1, stranger.id, 0);
                 auto strangers = world_.connect();
                 (void)!::setresuid(0, 0, 0);
                 return reserve(strangers, "by root");
               }),
            "PermissionDenied");
}

// ---- around reeved, by the files

TEST_F(Attack, NobodyButRootCanChangeTheCgroupsOfARun) {
  const auto owner = sleeper_of(alice.id);
  const auto run = world_.open_run(owner);
  const auto leaf = world_.directory_of(world_.reserve(run, "worker").control_group);
  EXPECT_EQ(as(alice, [&] { return outcome(world_.call<api::EnterRun>({run})); }), "success");
  std::vector<std::string> directories{world_.directory_of(world_.root())};
  for (const auto& entry : fs::recursive_directory_iterator(directories.front()))
    if (entry.is_directory()) directories.push_back(entry.path());
  ASSERT_EQ(directories.size(), 4U);  // the root, the run, what entered it, the worker
  for (const auto& user : {alice, stranger})
    for (const auto& directory : directories) {
      SCOPED_TRACE(directory + " by " + std::to_string(user.id));
      EXPECT_EQ(as(user,
                   [&]() -> std::string {
                     for (const auto& file : fs::directory_iterator(directory))
                       if (file.is_regular_file() &&
                           ::open(file.path().c_str(), O_WRONLY | O_CLOEXEC) >= 0)
                         return file.path();
                     if (::mkdir((directory + "/own").c_str(), 0755) == 0) return "mkdir";
                     if (::rmdir(leaf.c_str()) == 0) return "rmdir";
                     if (::setxattr(directory.c_str(), "user.reeve", "{}", 2, 0) == 0)
                       return "setxattr";
                     if (::removexattr(directory.c_str(), "user.reeve") == 0) return "removexattr";
                     if (::chmod(directory.c_str(), 0777) == 0) return "chmod";
                     // Being born inside takes the right to write to cgroup.procs.
                     try {
                       (void)Child::born_in(directory, [] { return 0; });
                       return "clone";
                     } catch (const std::exception&) {
                       return {};
                     }
                   }),
                "");
    }
}

TEST_F(Attack, TheSocketIsOpenToAllWhateverTheUmaskAndNeverAnythingElse) {
  world_.kill_daemon();
  ASSERT_TRUE(world_.try_start([](const auto& daemon) {
    ::umask(0777);
    return daemon();
  }));
  struct stat status {};
  ASSERT_EQ(::lstat(world_.socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFSOCK | 0666U);
  EXPECT_EQ(count_as(stranger), "success");
}

TEST_F(Attack, ASymlinkInTheSocketsPlaceIsNotFollowed) {
  EXPECT_EQ(world_.stop_daemon(), 0);
  const auto target = world_.files() + "/target";
  const auto made = [&](const char* kind) {
    fs::remove(target);
    if (kind == std::string("a file")) std::ofstream(target) << "precious";
    if (kind == std::string("a socket")) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      target.copy(address.sun_path, sizeof address.sun_path - 1);
      const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
  };
  fs::create_symlink(target, world_.socket());
  for (const char* kind : {"nothing", "a file", "a socket"}) {
    SCOPED_TRACE(kind);
    made(kind);
    struct stat before {
    }, after{};
    const bool there = ::lstat(target.c_str(), &before) == 0;
    const auto finished =
        run({{reeved(), "--socket", world_.socket(), "--root", world_.root()}, {}, {}, {}});
    EXPECT_EQ(finished.exit_status(), 6) << finished;
    EXPECT_NE(finished.errors.find("EEXIST"), std::string::npos) << finished;
    EXPECT_TRUE(fs::is_symlink(world_.socket()));
    EXPECT_EQ(::lstat(target.c_str(), &after) == 0, there);
    EXPECT_EQ(after.st_mode, before.st_mode);
  }
  fs::remove(world_.socket());
  world_.start();
}

// ---- descriptors that are slow to close

// A TCP connection whose other end does not read: close(2) of it waits for that end, or for the
// linger time, which is longer than any test.
class Lingering {
 public:
  Lingering() {
    const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), generic, length), 0) << errno_name(errno);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), generic, &length), 0);
    slow_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(slow_.get(), generic, length), 0) << errno_name(errno);
    other_end_ = FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const linger for_days{1, 1'000'000};
    EXPECT_EQ(::setsockopt(slow_.get(), SOL_SOCKET, SO_LINGER, &for_days, sizeof for_days), 0);
    const std::string block(65536, 'x');
    while (::send(slow_.get(), block.data(), block.size(), MSG_DONTWAIT) > 0) {
    }
  }
  [[nodiscard]] int descriptor() const { return slow_.get(); }
  void close_own() { slow_.reset(); }
  // As if the other end had gone: whoever waits for it waits no longer.
  void let_go() { other_end_.reset(); }

 private:
  FileDescriptor slow_;
  FileDescriptor other_end_;
};

class SlowToClose : public Attack {
 protected:
  void send(const varlink::Client& client, std::string_view text, std::vector<int> descriptors) {
    EXPECT_EQ(sys::send_bytes(client.descriptor(), text, descriptors),
              static_cast<ssize_t>(text.size()));
  }
  // Sends it along and keeps none: what reeved then has is the last one, whose closing waits.
  void leave(Lingering& lingering, const std::function<void()>& send_it) const {
    ::kill(world_.daemon_pid(), SIGSTOP);
    send_it();
    lingering.close_own();
    ::kill(world_.daemon_pid(), SIGCONT);
  }
  // Each by a connection of its own, within the patience of a test.
  void expect_service() {
    EXPECT_EQ(count_as(alice), "success");
    EXPECT_EQ(count_as({}), "success");
    auto owner = sleeper_of(alice.id);
    const auto run = world_.open_run(owner);
    auto process = sleeper_of(alice.id);
    world_.reserve(run, "worker");
    world_.activate(run, "worker", process);
    owner.kill();
    EXPECT_TRUE(eventually([&] { return !process.is_alive(); }));
  }
  // After all has been used once, and hardly anything is left of it.
  std::size_t descriptors_at_rest() {
    expect_service();
    EXPECT_TRUE(eventually([&] {
      return world_.root_is_empty() &&
             world_.daemon_descriptors().sockets == World::sockets_at_rest;
    }));
    return world_.daemon_descriptors().all;
  }
  void expect_rest(std::size_t count) {
    EXPECT_TRUE(eventually([&] {
      return world_.root_is_empty() && world_.daemon_descriptors().all <= count;
    })) << count
        << " before, " << world_.daemon_descriptors().all << " now";
  }

  static constexpr std::string_view whole = "{\"method\":\"org.varlink.service.GetInfo\"}\0";
  static constexpr std::string_view waiting =
      "{\"method\":\"io.reeve.Registry.Subscribe\",\"more\":true}\0";
};

TEST_F(SlowToClose, OnesThatNobodyTakesHoldUpNobody) {
  const auto before = descriptors_at_rest();
  Lingering lingering;
  {
    const auto client = world_.connect();
    leave(lingering, [&] {
      send(client, {whole.data(), whole.size() + 1}, {lingering.descriptor()});
    });
    pollfd answer{client.descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&answer, 1, -1), 1);
    expect_service();
  }
  lingering.let_go();
  expect_rest(before);
}

TEST_F(SlowToClose, OnesOfAnUnfinishedMessageHoldUpNobody) {
  const auto before = descriptors_at_rest();
  Lingering lingering;
  {
    const auto client = world_.connect();
    leave(lingering, [&] { send(client, whole.substr(0, 5), {lingering.descriptor()}); });
    EXPECT_TRUE(eventually(
        [&] { return world_.daemon_descriptors().sockets == World::sockets_at_rest + 2; }));
  }
  expect_service();
  lingering.let_go();
  expect_rest(before);
}

TEST_F(SlowToClose, OnesThatWereNeverReceivedHoldUpNobody) {
  const auto before = descriptors_at_rest();
  Lingering lingering;
  {
    const auto owner = Child::sleeper();
    world_.open_run(owner);
    const auto client = world_.connect();
    send(client, {waiting.data(), waiting.size() + 1}, {});
    pollfd answer{client.descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&answer, 1, -1), 1);
    leave(lingering, [&] { send(client, whole.substr(0, 5), {lingering.descriptor()}); });
  }
  expect_service();
  lingering.let_go();
  expect_rest(before);
}

TEST_F(SlowToClose, AUserThatLeavesTooManyIsNotServedUntilTheyAreClosed) {
  const auto before = descriptors_at_rest();
  Lingering lingering;
  const FileDescriptor plain(::eventfd(0, EFD_CLOEXEC));
  leave(lingering, [&] {
    as(stranger, [&] {
      send(world_.connect(), {whole.data(), whole.size() + 1}, {lingering.descriptor()});
      return "";
    });
  });
  EXPECT_EQ(
      as(stranger,
         [&]() -> std::string {
           const auto client = world_.connect();
           for (int i = 0; i < 70; ++i) {
             send(client, {whole.data(), whole.size() + 1}, std::vector<int>(16, plain.get()));
             if (!next_message(client).starts_with("{\"parameters\"")) return "no answer";
           }
           return {};
         }),
      "");
  const auto refused = as(stranger, [&] { return next_message(world_.connect()); });
  EXPECT_NE(refused.find(R"("limit":"unclosedDescriptors","maximum":1024)"), std::string::npos)
      << refused;
  expect_service();
  lingering.let_go();
  EXPECT_TRUE(eventually([&] { return count_as(stranger) == "success"; }));
  expect_rest(before);
}

// ---- what others can learn

TEST_F(Attack, NoAnswerHoldsAnythingOfAProcesssEnvironmentOrCommandLine) {
  const auto owner = sleeper_of(alice.id);
  const auto run = world_.open_run(owner);
  auto process = Child::run([] {
    ::setenv("PASSWORD", "of-the-environment", 1);
    ::execl("/bin/sleep", "sleep-of-the-command-line", "1000", nullptr);
    return 127;
  });
  ASSERT_TRUE(eventually([&] {
    return read_file("/proc/" + std::to_string(process.pid()) + "/cmdline")
        .starts_with("sleep-of-the-command-line");
  }));
  world_.reserve(run, "worker");
  world_.activate(run, "worker", process);
  const auto answers = as(stranger, [&] {
    return snapshot() + world_.call<api::GetWorker>({"worker", run}).parameters +
           world_.call<api::ListWorkers>({run, {}, {}}).parameters +
           world_.call<api::ListProcesses>({run, true}).parameters +
           world_.call<api::ListEntries>({}).parameters;
  });
  EXPECT_NE(answers.find(std::to_string(process.pid())), std::string::npos) << answers;
  EXPECT_EQ(answers.find("of-the-"), std::string::npos) << answers;
}

// Where the configuration keeps runs private.
class PrivateRuns : public Attack {
 protected:
  PrivateRuns() : Attack("query = \"own\"\n") {}
};

TEST_F(PrivateRuns, WhatIsAskedOfAllIsAnsweredOfOnesOwn) {
  const auto owner = sleeper_of(alice.id);
  const auto run = world_.open_run(owner);
  world_.reserve(run, "worker");
  const auto roots_owner = Child::sleeper();
  const auto roots_run = world_.open_run(roots_owner);
  const auto seen_by = [&](const User& user) {
    return as(user, [&] {
      std::string seen;
      const auto runs = world_.call<api::ListRuns>({});
      for (const auto& each : runs->runs)
        seen += each.run == run ? "alice's run, " : "root's run, ";
      for (const auto& each : world_.call<api::ListWorkers>({})->workers)
        seen += each.worker + ", ";
      const auto statistics = world_.call<api::GetStatistics>({})->statistics;
      return seen + std::to_string(statistics.runs) + " and " + std::to_string(statistics.reserved);
    });
  };
  const auto by_root = seen_by({});
  EXPECT_NE(by_root.find("root's run, "), std::string::npos);
  EXPECT_NE(by_root.find("alice's run, "), std::string::npos);
  EXPECT_TRUE(by_root.ends_with("worker, 2 and 1")) << by_root;
  EXPECT_EQ(seen_by(alice), "alice's run, worker, 1 and 1");
  EXPECT_EQ(seen_by(stranger), "0 and 0");
}

TEST_F(PrivateRuns, HaveARootThatOthersCannotOpenUntilTheSettingIsTakenBack) {
  const auto mode = [this] {
    return std::filesystem::status(world_.directory_of(world_.root())).permissions() &
           std::filesystem::perms::others_all;
  };
  EXPECT_EQ(mode(), std::filesystem::perms::none);
  world_.configure("");
  world_.restart();
  EXPECT_EQ(mode(), std::filesystem::perms::others_read | std::filesystem::perms::others_exec);
}

TEST_F(PrivateRuns, AreNotGivenAwayByAPrefixOfTheirIds) {
  const auto owner = sleeper_of(alice.id);
  const auto run = world_.open_run(owner);
  std::vector<Child> owners;
  // Some begin like Alice's: there are sixteen digits.
  for (int i = 0; i < 17; ++i) {
    owners.push_back(Child::sleeper());
    world_.open_run(owners.back());
  }
  for (const char digit : std::string("0123456789abcdef")) {
    const std::string prefix(1, digit);
    const auto get = [&] {
      const auto answer = world_.call<api::GetRun>({prefix});
      return answer ? answer->run.run : answer.error;
    };
    EXPECT_EQ(as(alice, get), run.front() == digit ? run : "NoSuchRun");
    EXPECT_EQ(as(stranger, get), "NoSuchRun");
  }
}

TEST_F(PrivateRuns, CannotBeReadFromTheirFilesEither) {
  const auto owner = sleeper_of(alice.id);
  const auto run = world_.open_run(owner);
  const auto directory = world_.directory_of(world_.root()) + "/run-" + run;
  for (const auto& user : {alice, stranger})
    EXPECT_EQ(as(user,
                 [&] {
                   std::array<char, 4096> value;
                   return ::getxattr(directory.c_str(), "user.reeve", value.data(), value.size()) <
                                  0
                              ? errno_name(errno)
                              : "read";
                 }),
              "EACCES");
}

}  // namespace
}  // namespace reeve::test
