// `reeved --check`, and what reeved makes of pools and drop-ins when it starts.
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "daemon/exit_codes.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/surroundings.hpp"
#include "support/users.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

class Configuration : public ::testing::Test {
 protected:
  Configuration() { fs::create_directory(drop_ins_); }

  World world_{World::Daemon::not_started};
  std::string path_ = world_.files() + "/reeve.toml";
  std::string drop_ins_ = path_ + ".d";

  void drop_in(const std::string& name, const std::string& content) const {
    std::ofstream(drop_ins_ + "/" + name) << content;
  }
  [[nodiscard]] Finished check(std::function<void()> before = {}) const {
    return run({{reeved(), "--check", "--config", path_}, {}, {}, std::move(before)});
  }
  // Exactly these, in this order, each as "LINE:COLUMN: …" of the file.
  void expect_faults(const Finished& finished, const std::vector<std::string>& faults) const {
    EXPECT_EQ(finished.exit_status(), daemon::exit_configuration) << finished;
    EXPECT_EQ(finished.output, "");
    auto rest = std::string_view(finished.errors);
    for (const auto& fault : faults) {
      const auto line = rest.substr(0, rest.find('\n') + 1);
      EXPECT_TRUE(line.starts_with(path_ + fault)) << fault << " in " << finished;
      rest.remove_prefix(line.size());
    }
    EXPECT_EQ(rest, "") << finished;
  }
};

constexpr const char* two_pools =
    "[pool.web]\n"
    "command = ['/bin/sh']\n"
    "size = 4\n"
    "user = 'root'\n"
    "[pool.cache]\n"
    "command = ['/bin/cat']\n";

TEST_F(Configuration, ThatIsRightIsSummedUp) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "0 pools, 0 workers"},
      {"[pool.web]\ncommand = ['/bin/sh']\n", "1 pool, 1 worker"},
      {two_pools, "2 pools, 5 workers"},
  };
  for (const auto& [text, summary] : cases) {
    world_.configure(text);
    const auto finished = check();
    EXPECT_EQ(finished.exit_status(), daemon::exit_ok) << finished;
    EXPECT_EQ(finished.output, fmt::format("{}: {}\n", path_, summary));
    EXPECT_EQ(finished.errors, "");
  }
}

TEST_F(Configuration, IsRightWhereFilesAreMissingAndSaysWhich) {
  const auto file = world_.files() + "/file";
  std::ofstream{file} << "";
  const std::pair<std::string, std::string> cases[] = {
      {"command = ['/no/such', '/no/such']", "/no/such does not exist"},
      {fmt::format("command = ['{}']", file), file + " cannot be executed"},
      {"command = ['/tmp']", "/tmp cannot be executed"},
      {"command = ['no-such']", ""},  // in the $PATH of the one who starts it, maybe
      {"command = ['sh']\nworking-directory = '/no/such'", "/no/such does not exist"},
      {fmt::format("command = ['sh']\nworking-directory = '{}'", file), file + " is no directory"},
      {"command = ['sh']\nstdin = 'file:/no/such'", "/no/such does not exist"},
      {"command = ['sh']\nstdin = 'file:/dev/zero'", ""},
      {"command = ['sh']\nstderr = 'file:/no/such/log'", "/no/such does not exist"},
      {fmt::format("command = ['sh']\nstdout = 'file:{}'", file), ""},
  };
  for (const auto& [text, warning] : cases) {
    world_.configure("\n[pool.web]\n" + text + "\n");
    const auto finished = check();
    EXPECT_EQ(finished.exit_status(), daemon::exit_ok) << finished;
    EXPECT_EQ(finished.output, path_ + ": 1 pool, 1 worker\n");
    EXPECT_EQ(finished.errors, warning.empty()
                                   ? ""
                                   : fmt::format("{}:2:7: warning: pool web: {}; no worker can be "
                                                 "started now\n",
                                                 path_, warning));
  }
}

TEST_F(Configuration, IsCheckedWithItsDropIns) {
  world_.configure(two_pools);
  drop_in("10.toml", "pool.cache.size = 0\n");
  drop_in("20.toml", "[pool.mail]\ncommand = ['/bin/mail']\nsize = 3\n");
  EXPECT_EQ(check().output, path_ + ": 3 pools, 7 workers\n");
}

TEST_F(Configuration, EveryFaultIsALineWhateverItsKind) {
  world_.configure(
      "sokcet = '/run/x'\n"
      "[access]\n"
      "open-runs-users = ['root', 'no-such-user', '12345']\n"
      "open-runs-groups = ['no-such-group']\n"
      "[pool.web]\n"
      "command = ['/bin/web']\n"
      "size = -1\n"
      "user = 'no-such-user'\n"
      "after = ['nowhere']\n"
      "[pool.number]\n"
      "command = ['/bin/web']\n"
      "user = '4000000000'\n");
  drop_in("10.toml", "pool.web.size = 2\npool.web.watchdog = 0\n");
  expect_faults(check(), {":1:1: sokcet is not a key of the configuration; is socket meant?",
                          ":7:8: pool web: size must be a whole number from 0 to 4096",
                          ".d/10.toml:2:21: pool web: watchdog must be a time longer than 0",
                          ":9:10: pool web: after: there is no pool nowhere",
                          ":3:28: this host has no user no-such-user",
                          ":4:21: this host has no group no-such-group",
                          ":12:8: pool number: this host has no user 4000000000",
                          ":8:8: pool web: this host has no user no-such-user"});
}

TEST_F(Configuration, ThatIsNotThereIsAFault) {
  const auto finished = check();
  EXPECT_EQ(finished.exit_status(), daemon::exit_configuration) << finished;
  EXPECT_NE(finished.errors.find(path_ + ": ENOENT"), std::string::npos) << finished;
}

TEST_F(Configuration, IsCheckedWhereReevedCouldNotServe) {
  world_.configure(two_pools);
  ::chmod(world_.files().c_str(), 0755);
  const std::pair<const char*, std::function<void()>> cases[] = {
      {"without root", [] { become_user({65534}); }},
      {"without cgroup2", hide_cgroup2},
      {"without io_uring", [] { forbid(SYS_io_uring_setup, ENOSYS); }},
  };
  for (const auto& [name, before] : cases) {
    SCOPED_TRACE(name);
    const auto finished = check(before);
    EXPECT_EQ(finished.exit_status(), daemon::exit_ok) << finished;
    EXPECT_EQ(finished.output, path_ + ": 2 pools, 5 workers\n");
  }
}

TEST_F(Configuration, IsCheckedBesideAReevedThatGoesOn) {
  world_.configure(two_pools);
  world_.start();
  world_.configure("nonsense = 1\n");
  expect_faults(check(), {":1:1: nonsense is not a key"});
  EXPECT_TRUE(world_.call<api::ListRuns>({}));
}

TEST_F(Configuration, ThatIsWrongInADropInIsNotServedNorFollowed) {
  world_.configure("");
  drop_in("10.toml", "[pool.web]\ncommand = []\nuser = 'no-such-user'\n");
  const auto finished = run({{reeved(), "--config", path_, "--socket", world_.socket(), "--root",
                              world_.root(), "--bus", "none"},
                             {},
                             {{"JOURNAL_STREAM", {}}},
                             {}});
  EXPECT_EQ(finished.exit_status(), daemon::exit_configuration) << finished;
  for (const char* fault : {"10.toml:2:11: pool web: command must name a program",
                            "10.toml:3:8: pool web: this host has no user no-such-user"})
    EXPECT_NE(finished.errors.find(fault), std::string::npos) << fault << " in " << finished;

  drop_in("10.toml", "");
  world_.start();
  drop_in("10.toml", "sokcet = 1\npool.web.size = 2\n");
  const auto reloaded = world_.connect().call("io.systemd.service.Reload", "{}");
  ASSERT_TRUE(reloaded.ok());
  EXPECT_EQ(reloaded->error, "io.reeve.Registry.ConfigurationInvalid");
  for (const char* fault : {"10.toml:1:1: sokcet", "10.toml:2:6: pool web has no command"})
    EXPECT_NE(reloaded->parameters.find(fault), std::string::npos) << reloaded->parameters;
}

}  // namespace
}  // namespace reeve::test
