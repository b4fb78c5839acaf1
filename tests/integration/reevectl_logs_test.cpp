// reevectl logs where there is no journal, or none for this user. What it finds in one is asked of
// a real journald: tests/systemd/cases/test_units_logs.py.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "ctl/options.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

Command logs(const Words& arguments) {
  Command command;
  command.arguments = arguments;
  command.arguments.insert(command.arguments.begin(), {test::reevectl(), "logs"});
  command.environment = {{"REEVE_SOCKET", {}}, {"REEVE_RUN_ID", {}}};
  return command;
}

void expect_refusal(const Command& command, int exit_status, const std::string& word) {
  const auto finished = test::run(command);
  EXPECT_EQ(finished.exit_status(), exit_status) << finished;
  EXPECT_EQ(finished.output, "");
  EXPECT_NE(finished.errors.find(word), std::string::npos) << finished;
}

// With a /run and a /var of its own, where the journal is.
class ReevectlLogs : public ::testing::Test {
 protected:
  World world_;
  std::string run_ = world_.files() + "/run";
  std::string var_ = world_.files() + "/var";

  void SetUp() override {
    fs::create_directory(run_);
    fs::create_directory(var_);
    ASSERT_TRUE(read_file("/etc/machine-id").size() >= 32) << "which names the journal's directory";
  }

  [[nodiscard]] Command command(const Words& arguments) const {
    auto made = logs(arguments);
    made.before = [this] { enter(); };
    return made;
  }

  void enter() const {
    if (::unshare(CLONE_NEWNS) < 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
      ::_exit(98);
    // Found before either is covered: these files may be in one of them.
    const FileDescriptor run(::open(run_.c_str(), O_PATH | O_CLOEXEC));
    const FileDescriptor var(::open(var_.c_str(), O_PATH | O_CLOEXEC));
    if (::mount(path_of(run).c_str(), "/run", nullptr, MS_BIND, nullptr) < 0 ||
        ::mount(path_of(var).c_str(), "/var", nullptr, MS_BIND, nullptr) < 0)
      ::_exit(98);
  }

  static std::string path_of(const FileDescriptor& descriptor) {
    return "/proc/self/fd/" + std::to_string(descriptor.get());
  }

  // One file, which only root may read, as systemd-journald makes it.
  void keep_a_journal() const {
    const auto machine = read_file("/etc/machine-id").substr(0, 32);
    const auto directory = fs::path(var_) / "log/journal" / machine;
    fs::create_directories(directory);
    std::ofstream(directory / "system.journal") << "not one";
    fs::permissions(directory / "system.journal", fs::perms::owner_read);
  }
};

TEST_F(ReevectlLogs, SayThatThereIsNoJournal) {
  expect_refusal(command({"web"}), ctl::exit_failure, "there is no journal on this host");
  expect_refusal(command({"-f", "web@0"}), ctl::exit_failure, "there is no journal on this host");
  fs::create_directories(var_ + "/log/journal/" + read_file("/etc/machine-id").substr(0, 32));
  expect_refusal(command({"web"}), ctl::exit_failure, "there is no journal on this host");
}

TEST_F(ReevectlLogs, SayWhoMayReadTheJournal) {
  keep_a_journal();
  auto made = command({"web"});
  made.before = [this] {
    constexpr uid_t nobody = 65534;
    enter();
    if (::setgroups(0, nullptr) < 0 || ::setresgid(nobody, nobody, nobody) < 0 ||
        ::setresuid(nobody, nobody, nobody) < 0)
      ::_exit(98);
  };
  expect_refusal(made, ctl::exit_failure, "the group systemd-journal or adm");
}

TEST(ReevectlLogsUsage, IsExplained) {
  struct Case {
    Words arguments;
    const char* word;
  };
  for (const auto& [arguments, word] :
       {Case{{}, "logs WORKER|POOL"},
        {{"web", "mail"}, "logs WORKER|POOL"},
        {{"-n", "many", "web"}, "--lines must be"},
        {{"-n", "-1", "web"}, "--lines must be"},
        {{"--since", "soon", "web"}, "--since must be"},
        {{"--until", "25:00", "web"}, "--until must be"},
        {{"-o", "long", "web"}, "--output must be"},
        {{"-f", "-r", "web"}, "--follow goes neither"},
        {{"-f", "--until", "today", "web"}, "--follow goes neither"},
        {{"--fingerprint", "x", "web"}, "--fingerprint is no option"},
        {{"-H", "build7", "web"}, "ssh build7 reevectl logs"}}) {
    SCOPED_TRACE(::testing::PrintToString(arguments));
    expect_refusal(logs(arguments), ctl::exit_usage, word);
  }
  // A letter of logs is none of other commands.
  auto list = logs({});
  list.arguments = {test::reevectl(), "list", "-f"};
  expect_refusal(list, ctl::exit_usage, "--follow is no option of list");
}

}  // namespace
}  // namespace reeve::test
