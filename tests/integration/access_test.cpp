// Whose run it is, and whose process, where the answer is not plain: users that are more than one,
// groups, descendants, and cleaning up among the runs of several. Who may call what stands in
// access_table_test.cpp.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <vector>

#include "support/users.hpp"

namespace reeve::test {
namespace {

constexpr uid_t user = 65534;      // whom the configuration lets open runs
constexpr uid_t stranger = 12345;  // who may only look
constexpr uid_t member = 23456;    // in a group that the configuration names
constexpr gid_t named_group = 34567;
constexpr uid_t own_group = 45678;  // a user whose own group the configuration names

class Access : public ::testing::Test {
 protected:
  Access() {
    world_.configure("[access]\nopen-runs-users = [\"" + std::to_string(user) +
                     "\"]\nopen-runs-groups = [\"" + std::to_string(named_group) + "\", \"" +
                     std::to_string(own_group) + "\"]\n");
    world_.start();
  }

  World world_{World::Daemon::not_started};

  std::string snapshot() {
    return world_.call<api::ListEntries>({}).parameters + world_.call<api::ListRuns>({}).parameters;
  }
  std::string open_run_as(const User& who) {
    return as(who, [&] { return outcome(world_.call<api::OpenRun>({})); });
  }
};

TEST_F(Access, RunsAreOpenedByRootAndByWhomTheConfigurationNames) {
  EXPECT_EQ(open_run_as({}), "success");
  EXPECT_EQ(open_run_as({user}), "success");
  EXPECT_EQ(open_run_as({member, {named_group}}), "success");
  EXPECT_EQ(open_run_as({own_group}), "success");
  EXPECT_EQ(open_run_as({member}), "PermissionDenied");
  EXPECT_EQ(open_run_as({member, {named_group + 1}}), "PermissionDenied");
  EXPECT_EQ(open_run_as({stranger}), "PermissionDenied");
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));  // their owners are gone
}

TEST_F(Access, WithoutAConfigurationOnlyRootOpensRuns) {
  World world;
  const auto open_as = [&](uid_t id) {
    return as({id}, [&] { return outcome(world.call<api::OpenRun>({})); });
  };
  EXPECT_EQ(open_as(0), "success");
  EXPECT_EQ(open_as(user), "PermissionDenied");
  EXPECT_EQ(open_as(stranger), "PermissionDenied");
}

TEST_F(Access, ARunIsOpenedForOnesOwnProcessesOnly) {
  struct Case {
    const char* name;
    Child owner;
    const char* answer;
  };
  std::vector<Case> cases;
  cases.push_back({"one's own", sleeper_of(user), "success"});
  cases.push_back({"root's", Child::sleeper(), "PermissionDenied"});
  cases.push_back({"a stranger's", sleeper_of(stranger), "PermissionDenied"});
  cases.push_back({"one that can be root again", sleeper_of(user, user, 0), "PermissionDenied"});
  cases.push_back({"one that acts for root", sleeper_of(user, 0, user), "PermissionDenied"});
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    const auto before = snapshot();
    api::OpenRun::Input input;
    input.owner = each.owner.id();
    EXPECT_EQ(as({user}, [&] { return outcome(world_.call<api::OpenRun>(input)); }), each.answer);
    if (each.answer != std::string("success")) {
      EXPECT_EQ(snapshot(), before);
    }
  }
}

TEST_F(Access, ARunBelongsToItsOwnersUserWhoeverOpenedIt) {
  auto owner = sleeper_of(user);
  const auto run = world_.open_run(owner);  // by root
  EXPECT_EQ(world_.call<api::GetRun>({run})->run.owner_user_id, user);
}

TEST_F(Access, ARunIsNotSeenAsOnesOwnByWhoMerelyNamesNone) {
  auto owner = sleeper_of(user);
  world_.open_run(owner);
  const auto before = snapshot();
  struct Case {
    const char* name;
    std::function<std::string()> call;
  };
  const Case cases[] = {
      {"CloseRun", [&] { return outcome(world_.call<api::CloseRun>({})); }},
      {"EnterRun", [&] { return outcome(world_.call<api::EnterRun>({})); }},
      {"Stop",
       [&] {
         return outcome(world_.call<api::Stop>({"worker", {}, {}}));
       }},
  };
  for (const auto& each : cases)
    EXPECT_EQ(as({stranger}, each.call), "NoSuchRun") << each.name;
  EXPECT_EQ(snapshot(), before);
}

// ---- whose processes

TEST_F(Access, OnesOwnProcessesOnlyCanBeMadeWorkers) {
  struct Case {
    const char* name;
    Child process;
    const char* answer;
  };
  std::vector<Case> cases;
  cases.push_back({"root's", Child::sleeper(), "PermissionDenied"});
  cases.push_back({"a stranger's", sleeper_of(stranger), "PermissionDenied"});
  cases.push_back({"saved root", sleeper_of(user, user, 0), "PermissionDenied"});
  cases.push_back({"effective root", sleeper_of(user, 0, user), "PermissionDenied"});
  cases.push_back({"real root", sleeper_of(0, user, user), "PermissionDenied"});
  cases.push_back({"saved stranger", sleeper_of(user, user, stranger), "PermissionDenied"});
  cases.push_back({"one's own", sleeper_of(user), "success"});
  auto owner = sleeper_of(user);
  const auto run = world_.open_run(owner);
  world_.reserve(run, "reserved");
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    const auto before = snapshot();
    const auto place = control_group_of(each.process.pid());
    api::Activate::Input activation;
    activation.worker = "reserved";
    activation.run = run;
    activation.process = each.process.id();
    EXPECT_EQ(as({user}, [&] { return outcome(world_.call<api::Activate>(activation)); }),
              each.answer);
    // A pidfd, which anybody can open, gives no more right than a pid.
    if (each.answer == std::string("success")) continue;
    api::Register::Input registration;
    registration.worker = "new";
    registration.run = run;
    registration.process_file_descriptor = 0;
    const std::array descriptors{each.process.pidfd()};
    EXPECT_EQ(
        as({user}, [&] { return outcome(world_.call<api::Register>(registration, descriptors)); }),
        each.answer);
    EXPECT_EQ(snapshot(), before);
    EXPECT_EQ(control_group_of(each.process.pid()), place);
    EXPECT_TRUE(each.process.is_alive());
  }
}

TEST_F(Access, ADescendantOfAnotherUserIsNotMovedAlong) {
  for (const uid_t other : {uid_t{0}, stranger}) {
    SCOPED_TRACE(other);
    auto owner = sleeper_of(user);
    const auto run = world_.open_run(owner);
    world_.reserve(run, "reserved");
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const FileDescriptor reader(ends[0]);
    const FileDescriptor writer(ends[1]);
    LifeLine line;
    auto process = Child::run([&] {
      const pid_t child = ::fork();
      if (child == 0) {
        become_user({other});
      } else {
        become_user({user});
        (void)!::write(writer.get(), &child, sizeof child);
      }
      line.report();
      return ::pause();
    });
    line.let_go();
    pid_t descendant = 0;
    ASSERT_EQ(::read(reader.get(), &descendant, sizeof descendant),
              static_cast<ssize_t>(sizeof descendant));
    ASSERT_TRUE(line.await_reports(2));
    const auto before = snapshot();
    const auto place = control_group_of(process.pid());
    api::Activate::Input activation;
    activation.worker = "reserved";
    activation.run = run;
    activation.process = process.id();
    const auto activate = [&] { return outcome(world_.call<api::Activate>(activation)); };
    EXPECT_EQ(as({user}, activate), "PermissionDenied");
    EXPECT_EQ(control_group_of(process.pid()), place);
    EXPECT_EQ(control_group_of(descendant), place);
    EXPECT_EQ(snapshot(), before);
    EXPECT_TRUE(process.is_alive());
    EXPECT_EQ(process_state(descendant), 'S');

    // Root may, and then it ends with the run like all others.
    EXPECT_EQ(as({}, activate), "success");
    EXPECT_NE(control_group_of(descendant), place);
    owner.kill();
    EXPECT_TRUE(line.all_are_gone());
    EXPECT_TRUE(eventually([&] { return world_.call<api::ListRuns>({})->runs.empty(); }));
  }
}

// ---- cleaning up

TEST_F(Access, CleaningUpEndsNothingOfOthers) {
  auto owner = sleeper_of(user);
  auto active = sleeper_of(user);
  auto dead = sleeper_of(user);
  const auto run = world_.open_run(owner);
  world_.reserve(run, "active");
  world_.activate(run, "active", active);
  world_.reserve(run, "dead");
  world_.activate(run, "dead", dead);
  world_.reserve(run, "reserved");
  dead.kill();
  world_.await_reaped(run, "dead");

  // One whose owner is dead, and whose worker makes use of its grace.
  LifeLine line;
  auto stubborn = Child::run([&] {
    ::signal(SIGTERM, SIG_IGN);
    become_user({user});
    line.report();
    for (;;)
      ::pause();
    return 0;
  });
  line.let_go();
  ASSERT_TRUE(line.await_reports(1));
  auto gone = sleeper_of(user);
  const auto stale = world_.open_run(gone, OwnerExitPolicy::terminate, std::chrono::hours(1));
  world_.reserve(stale, "stubborn");
  world_.activate(stale, "stubborn", stubborn);
  gone.kill();
  ASSERT_TRUE(eventually(
      [&] { return world_.call<api::GetRun>({stale})->run.state == RunState::closing; }));

  const auto before = snapshot();
  EXPECT_EQ(as({stranger},
               [&] {
                 const auto answer = world_.call<api::CleanupOrphans>({});
                 return answer ? std::to_string(answer->report.runs_removed +
                                                answer->report.processes_killed)
                               : answer.error;
               }),
            "0");
  EXPECT_EQ(as({stranger},
               [&] {
                 const auto answer = world_.call<api::CleanupDeadWorkers>({});
                 return answer ? std::to_string(answer->removed) : answer.error;
               }),
            "0");
  EXPECT_EQ(snapshot(), before);
  EXPECT_TRUE(active.is_alive());
  EXPECT_TRUE(stubborn.is_alive());
  EXPECT_EQ(as({user},
               [&] {
                 const auto answer = world_.call<api::CleanupDeadWorkers>({});
                 return answer ? std::to_string(answer->removed) : answer.error;
               }),
            "1");
}

}  // namespace
}  // namespace reeve::test
