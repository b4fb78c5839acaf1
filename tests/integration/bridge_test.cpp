// reevectl bridge, as ssh and systemd start it, and reevectl on the reeved of another host.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "ctl/options.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

using Words = std::vector<std::string>;

// A message of varlink as it is sent.
std::string message(const std::string& text) {
  return text + std::string(1, '\0');
}

class BridgeTest : public ::testing::Test {
 protected:
  World world_;

  [[nodiscard]] Command bridge() const {
    Command command;
    command.arguments = {test::reevectl(), "bridge"};
    command.environment = {{"REEVE_SOCKET", world_.socket()}, {"REEVE_RUN_ID", {}}};
    return command;
  }
  // With one socket as systemd passes it for exec:, or as its input and output.
  enum class Passed { as_systemd_does, as_standard_input_and_output };
  [[nodiscard]] Child start(FileDescriptor& ours, Passed passed) const {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    ours = FileDescriptor(ends[0]);
    ::fcntl(ends[0], F_SETFL, 0);
    const FileDescriptor theirs(ends[1]);
    return Child::run([&] {
      auto command = bridge();
      if (passed == Passed::as_systemd_does) command.arguments.pop_back();
      command.before = [&] {
        if (passed == Passed::as_systemd_does) {
          ::dup2(::open("/dev/null", O_RDWR | O_CLOEXEC), STDIN_FILENO);
          ::dup2(STDIN_FILENO, STDOUT_FILENO);
          if (theirs.get() == 3)
            ::fcntl(3, F_SETFD, 0);
          else
            ::dup2(theirs.get(), 3);
          ::setenv("LISTEN_FDS", "1", 1);
          ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
          ::setenv("LISTEN_FDNAMES", "varlink", 1);
        } else {
          ::dup2(theirs.get(), STDIN_FILENO);
          ::dup2(theirs.get(), STDOUT_FILENO);
        }
      };
      return become(command);
    });
  }
};

TEST_F(BridgeTest, RepliesToEveryCallThatCameBeforeTheEndOfItsInput) {
  auto command = bridge();
  constexpr int calls = 300;
  for (int i = 0; i < calls; ++i)
    command.input += message(R"({"method":"org.varlink.service.GetInterfaceDescription",)"
                             R"("parameters":{"interface":"io.reeve.Registry"}})");
  const auto finished = test::run(command);
  EXPECT_EQ(finished.exit_status(), 0) << finished.errors;
  EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\0'), calls);
  EXPECT_TRUE(finished.output.ends_with(message("}}"))) << "the last reply is whole";
  EXPECT_GT(finished.output.size(), 1U << 20) << "more than any buffer on the way holds";
}

TEST_F(BridgeTest, CarriesOneSocketInBothDirectionsHoweverItIsPassed) {
  for (const auto passed : {Passed::as_systemd_does, Passed::as_standard_input_and_output}) {
    FileDescriptor ours;
    auto process = start(ours, passed);
    varlink::Client client(std::move(ours));
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(call_on<api::CountEntries>(client, {})->count, 0);
    ::shutdown(client.descriptor(), SHUT_WR);
    EXPECT_EQ(next_message(client), "");  // it has hung up as well
    EXPECT_EQ(process.wait(), 0);
  }
}

TEST_F(BridgeTest, DropsDescriptorsAndTheCallFailsAsOneWithoutThem) {
  auto owner = Child::sleeper();
  auto worker = Child::sleeper();
  const auto run = world_.open_run(owner);
  FileDescriptor ours;
  auto process = start(ours, Passed::as_standard_input_and_output);
  varlink::Client client(std::move(ours));
  api::Register::Input input;
  input.worker = "worker";
  input.run = run;
  input.process_file_descriptor = 0;
  const std::array descriptors{worker.pidfd()};
  const auto answer = call_on<api::Register>(client, input, descriptors);
  EXPECT_EQ(answer.error, "InvalidParameter") << answer;
  EXPECT_TRUE(answer.mentions("processFileDescriptor")) << answer;
  input.process_file_descriptor.reset();
  input.process = worker.id();
  EXPECT_TRUE(call_on<api::Register>(client, input));
}

TEST_F(BridgeTest, EndsWithReeved) {
  FileDescriptor ours;
  auto process = start(ours, Passed::as_standard_input_and_output);
  varlink::Client client(std::move(ours));
  EXPECT_TRUE(call_on<api::ListRuns>(client, {}));
  world_.kill_daemon();
  EXPECT_EQ(next_message(client), "");
  EXPECT_EQ(process.wait(), 0);
  world_.start();
}

// A subscriber says nothing more, and hears nothing for a long time: its end must be noticed.
TEST_F(BridgeTest, EndsWithItsReader) {
  auto owner = Child::sleeper();
  const auto run = world_.open_run(owner);
  std::array<int, 2> input{}, output{};
  ASSERT_EQ(::pipe2(input.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(output.data(), O_CLOEXEC), 0);
  FileDescriptor to(input[1]), from(output[0]);
  auto process = Child::run([&] {
    auto command = bridge();
    command.before = [&] {
      ::dup2(input[0], STDIN_FILENO);
      ::dup2(output[1], STDOUT_FILENO);
    };
    return become(command);
  });
  ::close(input[0]);
  ::close(output[1]);
  const auto call = message(R"({"method":"io.reeve.Registry.Subscribe","more":true})");
  ASSERT_EQ(::write(to.get(), call.data(), call.size()), static_cast<ssize_t>(call.size()));
  to.reset();
  std::string event(1, ' ');
  ASSERT_EQ(::read(from.get(), event.data(), 1), 1);
  EXPECT_EQ(event, "{");
  EXPECT_TRUE(process.is_alive());
  from.reset();
  EXPECT_EQ(process.wait(), 0);
}

TEST_F(BridgeTest, WithoutADaemonItSaysSo) {
  auto command = bridge();
  command.environment["REEVE_SOCKET"] = world_.files() + "/nowhere";
  const auto finished = test::run(command);
  EXPECT_EQ(finished.exit_status(), ctl::exit_no_daemon) << finished;
  EXPECT_NE(finished.errors.find("/nowhere"), std::string::npos) << finished;
}

// ---- another host: another reeved, at the other end of what takes the place of ssh

class OtherHost : public ::testing::Test {
 protected:
  World here_;
  World there_;
  Child owner_ = Child::sleeper();
  std::string run_ = there_.open_run(owner_);
  std::string ssh_ = there_.files() + "/ssh with a blank";
  std::string called_ = there_.files() + "/called";

  void SetUp() override {
    // As ssh: what follows the host is joined and goes to a shell.
    std::ofstream(ssh_) << "#!/bin/sh\necho \"$*\" >>'" << called_ << "'\n"
                        << "[ \"$1 $2\" = '-xT --' ] || exit 255\n"
                        << "[ \"$3\" = elsewhere ] || { echo no such host >&2; exit 255; }\n"
                        << "shift 3\nexport REEVE_SOCKET='" << there_.socket() << "' PATH='"
                        << std::filesystem::path(test::reevectl()).parent_path().string()
                        << "':\"$PATH\"\nexec sh -c \"$*\"\n";
    std::filesystem::permissions(ssh_, std::filesystem::perms::all);
  }

  [[nodiscard]] Command command(const Words& arguments) const {
    Command made;
    made.arguments = arguments;
    made.arguments.insert(made.arguments.begin(), test::reevectl());
    // Those are of this host.
    made.environment = {{"REEVE_SOCKET", here_.socket()},
                        {"REEVE_RUN_ID", std::string(32, '0')},
                        {"REEVE_SSH", ssh_}};
    return made;
  }
  [[nodiscard]] Finished ctl(const Words& arguments) const { return test::run(command(arguments)); }
};

TEST_F(OtherHost, IsReachedThroughSsh) {
  for (const Words& host : {Words{"-H", "elsewhere"}, {"--host", "elsewhere"}, {"-Helsewhere"}}) {
    auto arguments = host;
    arguments.emplace_back("runs");
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), 0) << finished;
    EXPECT_NE(finished.output.find(run_.substr(0, 12)), std::string::npos) << finished;
    EXPECT_EQ(finished.errors, "");
  }
  EXPECT_TRUE(read_file(called_).starts_with("-xT -- elsewhere reevectl bridge\n"));
  EXPECT_EQ(ctl({"runs", "--no-legend"}).output, "");  // there is none here
}

TEST_F(OtherHost, IsServedByEveryVerbThatNeedsNothingOfThisHost) {
  auto process = Child::sleeper();
  const auto on_host = [&](Words arguments) {
    arguments.insert(arguments.begin(), {"-H", "elsewhere", "--run", run_});
    return ctl(arguments);
  };
  // The process is known by its pid alone, for no pidfd gets there.
  const auto registered = on_host({"register", "worker", "--pid", std::to_string(process.pid())});
  EXPECT_EQ(registered.exit_status(), 0) << registered;
  EXPECT_EQ(there_.get(run_, "worker")->worker.process->pid, process.pid());
  for (const Words& verb : {Words{"list"},
                            {"show", "worker"},
                            {"status"},
                            {"pids"},
                            {"stats"},
                            {"validate"},
                            {"freeze", "worker"},
                            {"thaw", "worker"},
                            {"call", "GetWorker", R"({"worker":"worker"})"}}) {
    const auto finished = on_host(verb);
    EXPECT_EQ(finished.exit_status(), 0) << verb.front() << ": " << finished;
    EXPECT_EQ(finished.errors, "");
  }
  // Which is started there as a whole.
  const auto top = on_host({"top", "--delay=50ms"});
  EXPECT_NE(top.output.find("worker "), std::string::npos) << top;
  EXPECT_EQ(top.errors, "");
  EXPECT_TRUE(read_file(called_).find("elsewhere reevectl 'top' '--run=") != std::string::npos);
  const auto tree = on_host({"tree"});
  EXPECT_NE(tree.output.find("worker worker active"), std::string::npos) << tree;
  EXPECT_EQ(on_host({"stop", "worker"}).exit_status(), 0);
}

TEST_F(OtherHost, IsAskedOnTheSocketThatIsNamed) {
  const auto other = there_.files() + "/it's another";
  std::filesystem::create_symlink(there_.socket(), other);
  const auto finished = ctl({"-H", "elsewhere", "--socket", other, "runs", "--no-legend"});
  EXPECT_TRUE(finished.output.starts_with(run_.substr(0, 12))) << finished;
  const auto nowhere = ctl({"-H", "elsewhere", "--socket", "/nowhere", "runs"});
  EXPECT_EQ(nowhere.exit_status(), ctl::exit_no_daemon) << nowhere;
  EXPECT_NE(nowhere.errors.find("/nowhere"), std::string::npos) << nowhere;
}

TEST_F(OtherHost, ThatIsNotReachedIsNamed) {
  const auto unknown = ctl({"-H", "nowhere.invalid", "runs"});
  EXPECT_EQ(unknown.exit_status(), ctl::exit_no_daemon) << unknown;
  EXPECT_NE(unknown.errors.find("no such host"), std::string::npos) << unknown;
  ssh_ = "/no/such/ssh";
  const auto without = ctl({"-H", "elsewhere", "runs"});
  EXPECT_EQ(without.exit_status(), ctl::exit_no_daemon) << without;
  EXPECT_NE(without.errors.find("/no/such/ssh"), std::string::npos) << without;
  EXPECT_NE(without.errors.find("elsewhere"), std::string::npos) << without;
}

TEST_F(OtherHost, IsNoPlaceToRunWhatIsStartedHere) {
  for (const Words& verb :
       {Words{"run", "--", "true"}, {"exec", "worker", "--", "true"}, {"bridge"}}) {
    auto arguments = verb;
    arguments.insert(arguments.begin(), {"-H", "elsewhere"});
    const auto finished = ctl(arguments);
    EXPECT_EQ(finished.exit_status(), ctl::exit_usage) << finished;
    EXPECT_NE(finished.errors.find("this host only"), std::string::npos) << finished;
  }
  EXPECT_EQ(read_file(called_), "");
}

TEST_F(OtherHost, EndsWhatFollowsItWhenItGoesAway) {
  const auto output = there_.files() + "/output";
  auto made = command({"-H", "elsewhere", "events"});
  made.before = [&] {
    ::dup2(::open(output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), STDOUT_FILENO);
    ::dup2(STDOUT_FILENO, STDERR_FILENO);
  };
  auto follower = Child::run([&] { return become(made); });
  ASSERT_TRUE(eventually([&] { return read_file(output).find("runOpened") != std::string::npos; }));
  there_.kill_daemon();
  EXPECT_EQ(WEXITSTATUS(follower.wait()), ctl::exit_no_daemon) << read_file(output);
  there_.start();
}

}  // namespace
}  // namespace reeve::test
