// reeved on D-Bus, on a bus of the test's own, asked by busctl and gdbus.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "api/interface.hpp"
#include "base/text.hpp"
#include "support/command.hpp"
#include "support/users.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* bus_daemon = "/usr/bin/dbus-daemon";
constexpr const char* busctl = "/usr/bin/busctl";

// A message bus as a host has one, policy included.
class MessageBus {
 public:
  explicit MessageBus(const std::string& directory)
      : configuration_(directory + "/bus.conf"), socket_(directory + "/bus") {
    std::ofstream(configuration_) << R"(<busconfig><type>system</type><listen>unix:path=)"
                                  << socket_ << R"(</listen><auth>EXTERNAL</auth>
      <policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
      <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
      <allow send_requested_reply="true" send_type="error"/>
      <allow receive_type="method_call"/><allow receive_type="method_return"/>
      <allow receive_type="error"/><allow receive_type="signal"/>
      <allow send_destination="org.freedesktop.DBus"/></policy>
      <policy user="root"><allow eavesdrop="true"/>
      <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
      </policy><include>)" REEVE_BUS_POLICY "</include></busconfig>";
    start();
  }

  void start() {
    fs::remove(socket_);
    daemon_ = Child::run([this] {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const auto option = "--config-file=" + configuration_;
      ::execl(bus_daemon, bus_daemon, "--nofork", "--nopidfile", option.c_str(), nullptr);
      return 127;
    });
    EXPECT_TRUE(eventually([this] { return fs::exists(socket_); }));
    fs::permissions(socket_, fs::perms::all);
  }
  void stop() { daemon_.kill(); }

  [[nodiscard]] std::string address() const { return "unix:path=" + socket_; }

 private:
  std::string configuration_, socket_;
  Child daemon_;
};

// One that the message bus finds among the users of this host.
const User stranger{65534};

class Bus : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(bus_daemon) || !fs::exists(busctl))
      GTEST_SKIP() << "needs dbus-daemon and busctl";
    bus_.emplace(world_.files());
    world_.join_bus(bus_->address());
    world_.start();
    EXPECT_TRUE(eventually([this] { return ask({"status", "io.reeve"}).exit_status() == 0; }));
    run_ = world_.open_run(owner_);
  }

  [[nodiscard]] Command busctl_command(std::vector<std::string> arguments) const {
    Command command;
    command.arguments = {busctl, "--address=" + bus_->address()};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    return command;
  }
  [[nodiscard]] Finished ask(const std::vector<std::string>& arguments) const {
    return test::run(busctl_command(arguments));
  }
  // What the method returns, as JSON, or the error.
  [[nodiscard]] std::string call(const std::vector<std::string>& method_and_arguments,
                                 const char* interface = "io.reeve.Registry1") const {
    std::vector<std::string> arguments{"call", "--json=short", "io.reeve", "/io/reeve", interface};
    arguments.insert(arguments.end(), method_and_arguments.begin(), method_and_arguments.end());
    const auto finished = ask(arguments);
    return finished.exit_status() == 0 ? finished.output : finished.errors;
  }
  [[nodiscard]] std::string path_of_run() const { return "/io/reeve/run/" + run_; }

  World world_{World::Daemon::not_started};
  std::optional<MessageBus> bus_;
  Child owner_ = Child::sleeper();
  std::string run_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Bus, OffersEveryMethodButThoseThatReplyAgainAndAgain) {
  const auto text = ask({"introspect", "io.reeve", "/io/reeve"}).output;
  for (const auto interface : {api::Registry::name, api::Pools::name}) {
    EXPECT_TRUE(has(text, std::string(interface) + "1 ")) << text;
    for (const auto& method : api::find_interface(interface)->methods) {
      const auto name = "." + std::string(method.name) + " ";
      const bool again =
          method.name == api::Subscribe::name || method.name == api::WatchPools::name;
      EXPECT_EQ(has(text, name), !again) << name << "\n" << text;
    }
  }
  EXPECT_TRUE(std::regex_search(text, std::regex(R"(\.Reserve +method +sa\{sv\} +a\{sv\})")))
      << text;
  EXPECT_TRUE(std::regex_search(text, std::regex(R"(\.Event +signal +ssa\{sv\})"))) << text;
}

TEST_F(Bus, LeadsAWorkerThroughItsLife) {
  EXPECT_TRUE(has(call({"Spawn", "sasa{sv}", "worker", "2", "sleep", "1000", "2", "run", "s", run_,
                        "handle", "s", "mine"}),
                  R"("state":{"type":"s","data":"active"})"));
  EXPECT_TRUE(has(call({"IsRegistered", "sa{sv}", "worker", "1", "run", "s", run_}), "true"));
  const auto listed = call({"ListWorkers", "a{sv}", "1", "run", "s", run_});
  EXPECT_TRUE(has(listed, R"("handle":{"type":"s","data":"mine"})")) << listed;
  EXPECT_TRUE(has(call({"Stop", "sa{sv}", "worker", "2", "run", "s", run_, "graceUSec", "t", "5"}),
                  R"("state":{"type":"s","data":"exited"})"));
  EXPECT_TRUE(has(call({"CountEntries"}), R"("data":[2])"));
  EXPECT_EQ(call({"Unregister", "sa{sv}", "worker", "1", "run", "s", run_}), "");
}

TEST_F(Bus, SaysWhatIsWrongWithACall) {
  const auto in_run = [&](std::vector<std::string> call) {
    call.insert(call.end(), {"1", "run", "s", run_});
    return call;
  };
  EXPECT_TRUE(has(call(in_run({"GetWorker", "sa{sv}", "nobody"})), "has no worker nobody"));
  EXPECT_TRUE(has(call({"GetWorker", "sa{sv}", "x", "1", "runs", "s", "x"}), "runs"));
  EXPECT_TRUE(has(call({"GetWorker", "sa{sv}", "x", "1", "run", "i", "7"}), "must be a string"));
  EXPECT_TRUE(has(call({"GetWorker", "s", "x"}), "Invalid arguments"));
  EXPECT_TRUE(has(call({"NoSuchMethod"}), "Unknown method"));
  EXPECT_TRUE(has(call({"OpenRun", "a{sv}", "1", "owner", "a{sv}", "0"}), "owner.pid"));
}

TEST_F(Bus, ScalesAndRestartsPools) {
  world_.configure("[pool.web]\ncommand = ['sleep', '1000']\nsize = 2\n");
  world_.restart();
  const auto pools = [&](const std::vector<std::string>& method_and_arguments) {
    return call(method_and_arguments, "io.reeve.Pools1");
  };
  const auto becomes = [&](const std::string& what) {
    return eventually([&] { return has(pools({"GetPool", "s", "web"}), what); });
  };
  ASSERT_TRUE(becomes(R"("ready":{"type":"x","data":2})")) << pools({"GetPool", "s", "web"});
  EXPECT_TRUE(has(pools({"ListPools"}), R"("command":{"type":"as","data":["sleep","1000"]})"));
  EXPECT_TRUE(has(pools({"ScalePool", "sx", "web", "3"}), R"("size":{"type":"x","data":3})"));
  EXPECT_TRUE(becomes(R"("ready":{"type":"x","data":3})"));
  EXPECT_TRUE(has(pools({"RestartPool", "s", "web"}), R"("generation":{"type":"x","data":2})"));
  EXPECT_TRUE(becomes(R"("state":{"type":"s","data":"settled"})"));
  EXPECT_TRUE(has(pools({"GetPool", "s", "mail"}), "mail"));
  EXPECT_TRUE(has(pools({"ScalePool", "sx", "web", "5000"}), "4096"));
  if (::geteuid() != 0) return;  // to be another user
  auto command = busctl_command(
      {"call", "io.reeve", "/io/reeve", "io.reeve.Pools1", "RestartPool", "s", "web"});
  command.before = [] { become_user(stranger); };
  const auto refused = test::run(command);
  EXPECT_NE(refused.exit_status(), 0);
  EXPECT_TRUE(has(refused.errors, "Access denied")) << refused;
}

TEST_F(Bus, ShowsRunsAndWorkersAsObjects) {
  world_.reserve(run_, "worker 1");
  const auto worker = path_of_run() + "/worker/worker_201";
  const auto tree = ask({"tree", "--list", "io.reeve"}).output;
  EXPECT_TRUE(has(tree, path_of_run() + "\n")) << tree;
  EXPECT_TRUE(has(tree, worker + "\n")) << tree;
  const auto property = [&](const std::string& path, const char* interface, const char* name) {
    const auto got = ask({"get-property", "io.reeve", path, interface, name});
    return got.output + got.errors;
  };
  EXPECT_EQ(property(worker, "io.reeve.Worker1", "State"), "s \"reserved\"\n");
  EXPECT_EQ(property(worker, "io.reeve.Worker1", "Handle"), "s \"\"\n");
  EXPECT_EQ(property(worker, "io.reeve.Worker1", "Exit"), "a{sv} 0\n");
  EXPECT_EQ(property(path_of_run(), "io.reeve.Run1", "Workers"), "x 1\n");
  const auto managed = ask({"call", "--json=short", "io.reeve", "/io/reeve",
                            "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"});
  EXPECT_TRUE(has(managed.output, worker)) << managed;
  world_.call<api::Unregister>({"worker 1", run_});
  EXPECT_TRUE(has(property(worker, "io.reeve.Worker1", "State"), "Unknown object"));
}

// Everything that a monitor sees until the words have come.
class Monitor {
 public:
  explicit Monitor(const Command& command) {
    std::array<int, 2> ends{};
    (void)!::pipe2(ends.data(), O_CLOEXEC);
    reader_ = FileDescriptor(ends[0]);
    FileDescriptor writer(ends[1]);
    process_ = Child::run([&] {
      ::dup2(writer.get(), STDOUT_FILENO);
      ::dup2(writer.get(), STDERR_FILENO);
      return become(command);
    });
  }
  bool sees(const std::string& words) {
    while (!has(text_, words)) {
      pollfd entry{reader_.get(), POLLIN, 0};
      if (::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) != 1) return false;
      std::array<char, 65536> buffer;
      const auto length = ::read(reader_.get(), buffer.data(), buffer.size());
      if (length <= 0) return false;
      text_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    return true;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  FileDescriptor reader_;
  Child process_;
  std::string text_;
};

TEST_F(Bus, TellsEventsAndChangesAsSignals) {
  Monitor monitor(busctl_command({"monitor", "io.reeve"}));
  ASSERT_TRUE(monitor.sees("Monitoring bus message stream")) << monitor.text();
  api::Spawn::Input input;
  input.worker = "worker";
  input.run = run_;
  input.command = {"sleep", "1000"};
  ASSERT_TRUE(world_.call<api::Spawn>(input));
  ASSERT_TRUE(world_.call<api::Stop>({"worker", run_, {}}));
  ASSERT_TRUE(world_.call<api::CleanupDeadWorkers>({run_}));
  owner_.kill();
  ASSERT_TRUE(monitor.sees("\"runClosed\"")) << monitor.text();
  const auto& text = monitor.text();
  std::size_t at = 0;
  for (const char* each : {"InterfacesAdded", "\"reserved\"", "PropertiesChanged", "\"activated\"",
                           "\"exited\"", "InterfacesRemoved", "\"runClosed\""}) {
    const auto found = text.find(each, at);
    EXPECT_NE(found, std::string::npos) << each << "\n" << text;
    if (found != std::string::npos) at = found;
  }
}

// busctl passes no descriptors: this is the library itself.
TEST_F(Bus, TakesAProcessByItsPidfd) {
  world_.reserve(run_, "worker");
  const auto process = Child::sleeper();
  sd_bus* bus = nullptr;
  ASSERT_GE(sd_bus_new(&bus), 0);
  ASSERT_GE(sd_bus_set_address(bus, bus_->address().c_str()), 0);
  ASSERT_GE(sd_bus_set_bus_client(bus, 1), 0);
  ASSERT_GE(sd_bus_negotiate_fds(bus, 1), 0);
  ASSERT_GE(sd_bus_start(bus), 0);
  const auto activate = [&](int descriptor) {
    sd_bus_error error{};
    const int done = sd_bus_call_method(
        bus, "io.reeve", "/io/reeve", "io.reeve.Registry1", "Activate", &error, nullptr, "sa{sv}",
        "worker", 2, "run", "s", run_.c_str(), "processFileDescriptor", "h", descriptor);
    const std::string said = done >= 0 ? "success" : error.message;
    sd_bus_error_free(&error);
    return said;
  };
  EXPECT_TRUE(has(activate(STDIN_FILENO), "is not the pidfd of a process"));
  EXPECT_EQ(activate(process.pidfd()), "success");
  sd_bus_close_unref(bus);
  EXPECT_EQ(world_.get(run_, "worker")->worker.process->pid, process.pid());
}

TEST_F(Bus, KnowsWhoCalls) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be several users";
  world_.reserve(run_, "worker");
  auto command = busctl_command({"call", "io.reeve", "/io/reeve", "io.reeve.Registry1",
                                 "Unregister", "sa{sv}", "worker", "1", "run", "s", run_});
  command.before = [] { become_user(stranger); };
  const auto refused = test::run(command);
  EXPECT_NE(refused.exit_status(), 0);
  EXPECT_TRUE(has(refused.errors, "Access denied") || has(refused.errors, "belongs to user"))
      << refused;
  EXPECT_TRUE(world_.get(run_, "worker"));
  command = busctl_command({"call", "io.reeve", "/io/reeve", "io.reeve.Registry1", "GetRun",
                            "a{sv}", "1", "run", "s", run_});
  command.before = [] { become_user(stranger); };
  EXPECT_EQ(test::run(command).exit_status(), 0);
}

TEST_F(Bus, WaitsForABusThatWentAwayAndServesMeanwhile) {
  bus_->stop();
  EXPECT_TRUE(world_.call<api::ListRuns>({}));
  bus_->start();
  EXPECT_TRUE(eventually([this] { return ask({"status", "io.reeve"}).exit_status() == 0; }));
  EXPECT_TRUE(has(call({"ListRuns"}), run_));
}

TEST_F(Bus, ForgetsWhoLeavesWithACallUnanswered) {
  constexpr std::size_t several = 5;
  world_.reserve(run_, "worker");
  const auto open = [this] { return world_.daemon_descriptors().all; };
  // The connection of the test's own last call has gone by then.
  EXPECT_TRUE(eventually(
      [this] { return world_.daemon_descriptors().sockets == World::sockets_at_rest + 1; }));
  const auto before = open();
  {
    std::vector<std::unique_ptr<Monitor>> waiting(several);
    for (auto& each : waiting)
      each = std::make_unique<Monitor>(
          busctl_command({"call", "--timeout=1000", "io.reeve", "/io/reeve", "io.reeve.Registry1",
                          "Wait", "sa{sv}", "worker", "1", "run", "s", run_}));
    EXPECT_TRUE(eventually([&] { return open() == before + several; }));
  }
  EXPECT_TRUE(eventually([&] { return open() == before; }));
  EXPECT_TRUE(world_.call<api::Unregister>({"worker", run_}));
}

TEST_F(Bus, KeepsPrivateRunsToTheirUsers) {
  world_.configure("[access]\nquery = \"own\"\n");
  world_.restart();
  // The name is that of the reeved that was killed until the kernel has closed its sockets.
  EXPECT_TRUE(eventually([this] { return has(call({"ListRuns"}), run_); }));
  EXPECT_FALSE(has(ask({"tree", "--list", "io.reeve"}).output, run_));
}

}  // namespace
}  // namespace reeve::test
