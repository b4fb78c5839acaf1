// Runs that stay in the unit of their caller.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "process/process.hpp"
#include "registry/records.hpp"
#include "support/command.hpp"
#include "support/programs.hpp"
#include "support/unit.hpp"
#include "support/users.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

struct PlacedRun : ::testing::Test {
  World world;
  Unit unit{world, "app.service"};

  [[nodiscard]] std::string entry_of(const reeve::Run& run) const {
    return world.directory_of(world.root() + "/run-" + run.run);
  }
  [[nodiscard]] std::string tree_of(const reeve::Run& run) const {
    return world.directory_of(run.control_group);
  }
  reeve::Run run_of(const Child& owner) { return placed_run(world, owner, Placement::caller); }
};

TEST_F(PlacedRun, IsInWhatTheUnitOfItsOwnerDelegates) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);

  EXPECT_EQ(run.placement, Placement::caller);
  EXPECT_EQ(run.control_group, unit.path() + "/run-" + run.run);
  EXPECT_TRUE(fs::is_directory(tree_of(run)));
  EXPECT_EQ(world.run_directories(), std::vector{"run-" + run.run});
}

TEST_F(PlacedRun, KeepsItsWorkersInTheUnit) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  auto process = unit.sleeper();
  const auto reserved = world.reserve(run.run, "worker");
  const auto worker = world.activate(run.run, "worker", process);

  EXPECT_EQ(reserved.control_group, run.control_group + "/worker-worker");
  EXPECT_EQ(control_group_of(process.pid()), worker.control_group);
  for (const auto& each : fs::directory_iterator(entry_of(run)))
    EXPECT_FALSE(each.is_directory()) << each;
}

TEST_F(PlacedRun, GathersWhatAProcessHadForkedInTheUnit) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  LifeLine line;
  auto process = unit.start([&] {
    if (::fork() == 0) line.report();
    for (;;)
      ::pause();
    return 0;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(1));
  world.reserve(run.run, "worker");
  const auto worker = world.activate(run.run, "worker", process);

  const auto inside = read_file(world.directory_of(worker.control_group) + "/cgroup.procs");
  EXPECT_EQ(std::count(inside.begin(), inside.end(), '\n'), 2) << inside;
}

TEST_F(PlacedRun, EndsWithItsOwnerAndLeavesNeitherTreeNorEntry) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  auto process = unit.sleeper();
  auto other = unit.sleeper();
  world.reserve(run.run, "worker");
  world.activate(run.run, "worker", process);

  owner.kill();

  EXPECT_EQ(WTERMSIG(process.wait()), SIGKILL);
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_FALSE(fs::exists(tree_of(run)));
  EXPECT_TRUE(other.is_alive());
}

TEST_F(PlacedRun, IsAdoptedByTheNextReeved) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  auto process = unit.sleeper();
  world.reserve(run.run, "worker");
  world.activate(run.run, "worker", process);
  world.reserve(run.run, "reserved");

  world.restart();

  const auto found = world.call<api::GetRun>({run.run});
  ASSERT_TRUE(found) << found;
  EXPECT_EQ(found->run.control_group, run.control_group);
  EXPECT_EQ(found->run.placement, Placement::caller);
  EXPECT_EQ(world.get(run.run, "worker")->worker.state, WorkerState::active);
  EXPECT_EQ(world.get(run.run, "reserved")->worker.state, WorkerState::reserved);
  owner.kill();
  EXPECT_EQ(WTERMSIG(process.wait()), SIGKILL);
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST_F(PlacedRun, IsEndedByTheNextReevedIfItsOwnerDiedMeanwhile) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  auto process = unit.sleeper();
  world.reserve(run.run, "worker");
  world.activate(run.run, "worker", process);
  world.kill_daemon();
  owner.kill();
  ASSERT_TRUE(process.is_alive());

  world.start();

  EXPECT_EQ(WTERMSIG(process.wait()), SIGKILL);
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_FALSE(fs::exists(tree_of(run)));
}

TEST_F(PlacedRun, GoesWithItsUnit) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  auto process = unit.sleeper();
  world.reserve(run.run, "worker");
  world.activate(run.run, "worker", process);
  world.reserve(run.run, "reserved");
  Follower follower(world, run.run);

  unit.stop();

  EXPECT_EQ(follower.next(EventKind::run_closed).run, run.run);
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST_F(PlacedRun, WhoseUnitWentWhileNoReevedWatchedIsForgotten) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  auto process = unit.sleeper();
  world.reserve(run.run, "worker");
  world.activate(run.run, "worker", process);
  world.kill_daemon();
  unit.stop();

  world.start();

  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST_F(PlacedRun, WhoseTreeSomebodyRemovedUnderALivingOwnerIsEndedAtTheNextStart) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  world.kill_daemon();
  ASSERT_EQ(::rmdir(tree_of(run).c_str()), 0);

  world.start();

  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_TRUE(owner.is_alive());
}

// Whoever the unit's cgroup is delegated to may make a cgroup of any name in it.
TEST_F(PlacedRun, KillsNobodyInACgroupThatOnlyHasTheNameOfItsTree) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  world.kill_daemon();
  ASSERT_EQ(::rmdir(tree_of(run).c_str()), 0);
  fs::create_directory(tree_of(run));
  auto stranger = Child::born_in(tree_of(run), [] { return ::pause(); });
  owner.kill();

  world.start();

  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_TRUE(stranger.is_alive());
  EXPECT_EQ(control_group_of(stranger.pid()), run.control_group);
}

TEST_F(PlacedRun, RemovesNoCgroupThatTookTheNameOfItsTreeMeanwhile) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  ASSERT_EQ(::rmdir(tree_of(run).c_str()), 0);
  fs::create_directory(tree_of(run));
  auto stranger = Child::born_in(tree_of(run), [] { return ::pause(); });

  owner.kill();

  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
  EXPECT_TRUE(stranger.is_alive());
}

// As a root of reeved's may be delegated to somebody who can write records.
TEST_F(PlacedRun, IsNotBelievedOfARecordThatNamesATreeOfAnotherEntry) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  auto process = unit.sleeper();
  world.reserve(run.run, "worker");
  world.activate(run.run, "worker", process);
  std::array<char, 65536> record{};
  const auto size = ::getxattr(entry_of(run).c_str(), "user.reeve", record.data(), record.size());
  ASSERT_GT(size, 0);
  World forger(World::Daemon::not_started);
  const auto forged = forger.directory_of(forger.root() + "/run-" + run.run);
  fs::create_directory(forged);
  ASSERT_EQ(::setxattr(forged.c_str(), "user.reeve", record.data(), static_cast<size_t>(size), 0),
            0);

  forger.start();

  EXPECT_TRUE(eventually([&] { return forger.root_is_empty(); }));
  EXPECT_TRUE(process.is_alive());
  EXPECT_EQ(world.get(run.run, "worker")->worker.state, WorkerState::active);
}

TEST_F(PlacedRun, SharesNoProcessWithAnotherRun) {
  auto owner = unit.sleeper();
  auto other_owner = unit.sleeper();
  const auto run = run_of(owner);
  const auto other = run_of(other_owner);
  const auto in_registry = placed_run(world, owner, Placement::registry);
  auto process = unit.sleeper();
  world.reserve(run.run, "worker");
  world.activate(run.run, "worker", process);

  for (const auto& each : {other, in_registry}) {
    const auto refused =
        world.call<api::Register>({.worker = "stolen", .run = each.run, .process = process.id()});
    EXPECT_EQ(refused.error, "ProcessInOtherRun") << refused;
    EXPECT_TRUE(refused.mentions(run.run)) << refused;
  }
}

TEST_F(PlacedRun, IsListedWithItsWorkersAmongTheEntries) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  const auto worker = world.reserve(run.run, "worker");

  const auto listed = world.call<api::ListEntries>({});
  ASSERT_TRUE(listed) << listed;
  ASSERT_EQ(listed->entries.size(), 2U);
  EXPECT_EQ(listed->entries[0].control_group, run.control_group);
  EXPECT_EQ(listed->entries[1].control_group, worker.control_group);
  EXPECT_EQ(world.call<api::CountEntries>({})->count, 2);
}

TEST_F(PlacedRun, OfAReevedIsForeignToOneWhoseRootIsTheUnit) {
  auto owner = unit.sleeper();
  const auto run = run_of(owner);
  const auto socket = world.files() + "/inner";
  auto inner = Child::run([&] {
    const int log = ::open((world.files() + "/inner.log").c_str(), O_WRONLY | O_CREAT, 0644);
    ::dup2(log, STDERR_FILENO);
    return ::execl(reeved().c_str(), "reeved", "--bus", "none", "--socket", socket.c_str(),
                   "--root", unit.path().c_str(), nullptr);
  });
  ASSERT_TRUE(eventually([&] { return varlink::Client::connect(socket).ok(); }));

  EXPECT_TRUE(fs::is_directory(tree_of(run)));
  world.reserve(run.run, "worker");
}

// ---- records that somebody else wrote

struct Forgery {
  const char* text;
  const char* control_group;  // with RUN for the entry's name, UNIT for the unit's path
  const char* state;
  bool is_taken_for_a_run;
};

void PrintTo(const Forgery& forgery, std::ostream* out) {
  *out << forgery.text;
}

class Forgeries : public ::testing::TestWithParam<Forgery> {};

INSTANTIATE_TEST_SUITE_P(
    OfRecords, Forgeries,
    ::testing::Values(Forgery{"empty", "", "open", false}, Forgery{"the_root", "/", "open", false},
                      Forgery{"the_unit_itself", "UNIT", "open", false},
                      Forgery{"another_run", "UNIT/run-0123456789abcdef0123456789abcdef", "open",
                              false},
                      Forgery{"outside", "/../../../tmp/RUN", "open", false},
                      Forgery{"outside_in_the_middle", "UNIT/../RUN", "open", false},
                      Forgery{"without_a_slash", "RUN", "open", false},
                      Forgery{"below_the_mount", "/RUN", "open", true},
                      Forgery{"nowhere", "/no/such/cgroup/RUN", "killing", true},
                      Forgery{"made_by_somebody", "UNIT/RUN", "open", true},
                      Forgery{"opening", "UNIT/RUN", "opening", true}),
    [](const auto& each) { return std::string(each.param.text); });

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

TEST_P(Forgeries, HarmNobody) {
  World world(World::Daemon::not_started);
  const Unit unit(world, "app.service");
  auto owner = Child::sleeper();
  const std::string name = "run-00112233445566778899aabbccddeeff";
  const auto entry = world.directory_of(world.root() + "/" + name);
  const auto tree = unit.directory() + "/" + name;
  fs::create_directory(entry);
  fs::create_directory(tree);
  auto stranger = Child::born_in(tree, [] { return ::pause(); });
  struct stat status {};
  ASSERT_EQ(::stat(tree.c_str(), &status), 0);
  const auto owner_id = process::Process::open(owner.pid())->identity();
  const auto group = replaced(replaced(GetParam().control_group, "UNIT", unit.path()), "RUN", name);
  for (const bool numbered : {false, true}) {
    auto record =
        std::string(R"({"v":1,"state":")") + GetParam().state + R"(","owner":)" +
        json::encoded(registry::recorded(owner_id)) +
        R"(,"uid":0,"policy":"kill","graceUSec":1,"placement":"caller","controlGroup":")" + group +
        R"(","openedAt":{"realtime":1,"monotonic":2})";
    if (numbered) record += ",\"controlGroupId\":" + std::to_string(status.st_ino);
    record += "}";
    fs::create_directory(entry);
    ASSERT_EQ(::setxattr(entry.c_str(), "user.reeve", record.data(), record.size(), 0), 0);

    world.start();

    if (GetParam().is_taken_for_a_run) {
      EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
    } else {
      EXPECT_EQ(world.run_directories(), std::vector{name});
    }
    EXPECT_TRUE(world.call<api::ListEntries>({}));
    EXPECT_TRUE(stranger.is_alive());
    EXPECT_TRUE(owner.is_alive());
    EXPECT_TRUE(fs::is_directory(tree));
    world.kill_daemon();
  }
}

// ---- where it is placed, and where it is not

struct Home {
  const char* text;
  const char* unit;
  Unit::Delegate delegate;
  std::optional<Placement> asked;
  const char* outcome;  // of OpenRun
};
constexpr auto yes = Unit::Delegate::yes;
constexpr auto no = Unit::Delegate::no;

void PrintTo(const Home& home, std::ostream* out) {
  *out << home.text;
}

class Homes : public ::testing::TestWithParam<Home> {};

INSTANTIATE_TEST_SUITE_P(
    OfOwners, Homes,
    ::testing::Values(Home{"a_service_that_delegates", "a.service", yes, {}, "caller"},
                      Home{"asked_for", "a.service", yes, Placement::caller, "caller"},
                      Home{"not_wanted", "a.service", yes, Placement::registry, "registry"},
                      Home{"a_service_that_does_not", "a.service", no, {}, "registry"},
                      Home{"asked_for_in_vain", "a.service", no, Placement::caller, "NotDelegated"},
                      Home{"a_scope_that_delegates", "a.scope", yes, {}, "registry"},
                      Home{"a_scope_asked_for", "a.scope", yes, Placement::caller, "caller"},
                      Home{"a_session", "session-1.scope", no, Placement::caller, "NotDelegated"},
                      Home{"no_unit", "cgroup", yes, Placement::caller, "caller"},
                      Home{"a_user_manager", "user@7.service", yes, {}, "registry"}),
    [](const auto& each) { return std::string(each.param.text); });

TEST_P(Homes, ArePlacesOfRuns) {
  World world;
  const auto& home = GetParam();
  const Unit unit(world, home.unit, home.delegate);
  auto owner = unit.sleeper();
  api::OpenRun::Input input;
  input.owner = owner.id();
  input.placement = home.asked;
  const auto opened = world.call<api::OpenRun>(input);
  EXPECT_EQ(opened ? std::string(schema::name_of(opened->run.placement)) : opened.error,
            home.outcome);
  if (opened.error == "NotDelegated") {
    EXPECT_TRUE(opened.mentions('"' + unit.path() + '"')) << opened;
  }
  if (!opened) {
    EXPECT_TRUE(world.root_is_empty());
  }
}

// What is delegated to a user's manager is not its services' own.
TEST(PlacementOfARun, IsNeverBeyondTheUnitOfItsOwner) {
  World world;
  const Unit manager(world, "user@7.service");
  const Unit service(world, "user@7.service/app.slice/app.service", no);
  auto owner = Child::born_in(service.directory(), [] { return ::pause(); });
  api::OpenRun::Input input;
  input.owner = owner.id();
  input.placement = Placement::caller;
  const auto refused = world.call<api::OpenRun>(input);
  EXPECT_EQ(refused.error, "NotDelegated");
  EXPECT_TRUE(refused.mentions('"' + service.path() + '"')) << refused;
}

// systemd's manager of a user marks no unit.
TEST(PlacementOfARun, IsInAUsersUnitWhoseProcessesAreInASubgroupOfIt) {
  World world;
  const Unit manager(world, "user@7.service");
  const Unit service(world, "user@7.service/app.slice/app.service", no);
  auto owner = service.sleeper();
  const auto run = placed_run(world, owner, {});
  EXPECT_EQ(run.control_group, service.path() + "/run-" + run.run);
}

TEST(PlacementOfARun, IsOnlyInWhatIsDelegatedToItsCaller) {
  constexpr uid_t user = 4711, stranger = 4712;
  World world(World::Daemon::not_started);
  world.configure("[access]\nopen-runs-users = [\"4711\", \"4712\"]\n");
  world.start();
  const Unit unit(world, "app.service", yes, user);
  const auto asked_by = [&](uid_t uid, std::optional<Placement> placement) {
    return unit.ask([&] {
      become_user({uid});
      auto client = world.connect();
      api::OpenRun::Input input;
      input.placement = placement;
      const auto opened = call_on<api::OpenRun>(client, input);
      return opened ? std::string(schema::name_of(opened->run.placement)) : opened.error;
    });
  };
  EXPECT_EQ(asked_by(user, Placement::caller), "caller");
  EXPECT_EQ(asked_by(0, Placement::caller), "caller");
  EXPECT_EQ(asked_by(stranger, Placement::caller), "PermissionDenied");
  EXPECT_EQ(asked_by(stranger, {}), "registry");
}

TEST(PlacementOfARun, BelongsToReevedAndNotToTheUserOfTheUnit) {
  constexpr uid_t user = 4711;
  World world;
  const Unit unit(world, "app.service", yes, user);
  auto owner = unit.sleeper();
  const auto run = placed_run(world, owner, Placement::caller);
  struct stat status {};
  ASSERT_EQ(::stat(world.directory_of(run.control_group).c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0U);
}

TEST(PlacementOfARun, IsHiddenWithTheRoot) {
  World world(World::Daemon::not_started);
  world.configure("[access]\nquery = \"own\"\n");
  world.start();
  const Unit unit(world, "app.service");
  auto owner = unit.sleeper();
  const auto run = placed_run(world, owner, Placement::caller);
  struct stat status {};
  ASSERT_EQ(::stat(world.directory_of(run.control_group).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);

  world.kill_daemon();
  world.configure("");
  world.start();
  ASSERT_EQ(::stat(world.directory_of(run.control_group).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0755U);
}

// ---- entering

std::string entered(const World& world, const std::string& run) {
  auto client = world.connect();
  const auto answer = call_on<api::EnterRun>(client, {run});
  return answer ? control_group_of(::getpid()) : answer.error;
}

TEST(EnteringFromAService, StaysInTheUnit) {
  World world;
  const Unit unit(world, "app.service");
  const auto where = unit.ask([&] {
    auto client = world.connect();
    const auto opened = call_on<api::OpenRun>(client, {});
    return opened ? entered(world, opened->run.run) : opened.error;
  });
  EXPECT_TRUE(where.starts_with(unit.path() + "/run-")) << where;
  EXPECT_TRUE(where.ends_with("/entered")) << where;
}

TEST(EnteringFromAService, IsRefusedWhereItWouldLeaveTheUnit) {
  World world;
  const Unit unit(world, "app.service", no);
  const Unit delegating(world, "other.service");
  const Unit session(world, "session-1.scope", no);
  auto owner = Child::sleeper();
  const auto usual = placed_run(world, owner, {});
  const auto wanted = placed_run(world, owner, Placement::registry);

  EXPECT_EQ(unit.ask([&] { return entered(world, usual.run); }), "NotDelegated");
  EXPECT_EQ(delegating.ask([&] { return entered(world, usual.run); }), "ProcessMismatch");
  EXPECT_EQ(session.ask([&] { return entered(world, usual.run); }),
            usual.control_group + "/entered");
  EXPECT_EQ(unit.ask([&] { return entered(world, wanted.run); }),
            wanted.control_group + "/entered");
}

// ---- reevectl run

struct ReevectlRun : ::testing::Test {
  World world;
  Unit unit{world, "app.service"};
  Unit without{world, "without.service", no};

  static Finished in(
      const Unit& place, std::vector<std::string> arguments,
      const std::function<void()>& before = [] {}) {
    arguments.insert(arguments.begin(), reevectl());
    Command command;
    command.arguments = std::move(arguments);
    command.environment["REEVE_RUN_ID"] = {};
    command.before = [&] {
      std::ofstream(place.directory() + "/main/cgroup.procs") << 0;
      before();
    };
    return run(command);
  }
};

TEST_F(ReevectlRun, StaysInAServiceThatDelegates) {
  const auto finished =
      in(unit, {"--socket", world.socket(), "run", "--", "cat", "/proc/self/cgroup"});
  EXPECT_EQ(finished.exit_status(), 0) << finished;
  EXPECT_NE(finished.output.find("0::" + unit.path() + "/run-"), std::string::npos) << finished;
}

TEST_F(ReevectlRun, SaysWhatAServiceLacks) {
  const auto finished = in(without, {"--socket", world.socket(), "run", "--", "true"});
  EXPECT_EQ(finished.exit_status(), 125) << finished;
  for (const char* said : {"without.service", "Delegate=yes", "--placement registry"})
    EXPECT_NE(finished.errors.find(said), std::string::npos) << finished;
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

TEST_F(ReevectlRun, LeavesAServiceIfItIsTold) {
  for (const auto* place : {&unit, &without}) {
    const auto finished = in(*place, {"--socket", world.socket(), "run", "--placement", "registry",
                                      "--", "cat", "/proc/self/cgroup"});
    EXPECT_EQ(finished.exit_status(), 0) << finished;
    EXPECT_NE(finished.output.find("0::" + world.root() + "/run-"), std::string::npos) << finished;
  }
}

TEST_F(ReevectlRun, WithoutReevedStaysInTheUnitToo) {
  const auto own = world.files() + "/run";
  fs::create_directory(own);
  const auto finished = in(
      unit, {"--socket", world.files() + "/nowhere", "run", "--", "cat", "/proc/self/cgroup"}, [&] {
        if (::unshare(CLONE_NEWNS) < 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
            ::mount(own.c_str(), "/run", nullptr, MS_BIND, nullptr) < 0)
          ::_exit(98);
      });
  EXPECT_EQ(finished.exit_status(), 0) << finished;
  EXPECT_NE(finished.output.find("0::" + unit.path() + "/run-"), std::string::npos) << finished;
  EXPECT_TRUE(eventually([&] {
    const auto events = read_file(unit.directory() + "/cgroup.events");
    return events.find("populated 0") != std::string::npos;
  }));
  for (const auto& each : fs::directory_iterator(unit.directory()))
    EXPECT_FALSE(each.path().filename().string().starts_with("run-")) << each;
}

}  // namespace
}  // namespace reeve::test
