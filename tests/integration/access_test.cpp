// Who may do what, with processes of several users.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <sstream>

#include "support/command.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

constexpr uid_t user = 65534;      // whom the configuration lets open runs
constexpr uid_t stranger = 12345;  // who may only look
constexpr uid_t member = 23456;    // in a group that the configuration names
constexpr gid_t named_group = 34567;
constexpr uid_t own_group = 45678;  // a user whose own group the configuration names

// With a group of the same number, and these besides.
void become_user(uid_t id, std::vector<gid_t> groups = {}) {
  if (::setgroups(groups.size(), groups.data()) < 0 || ::setresgid(id, id, id) < 0 ||
      ::setresuid(id, id, id) < 0)
    ::_exit(98);
}

// What `body` returns, run in a process of that user.
std::string as(uid_t id, const std::function<std::string()>& body,
               const std::vector<gid_t>& groups = {}) {
  const FileDescriptor result(::memfd_create("result", MFD_CLOEXEC));
  auto child = Child::run([&] {
    if (id != 0) become_user(id, groups);
    const auto text = body();
    return ::write(result.get(), text.data(), text.size()) < 0 ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
  std::string text(static_cast<std::size_t>(::lseek(result.get(), 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(result.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

template <class Output>
std::string outcome(const Answer<Output>& answer) {
  return answer ? "success" : answer.error;
}

// A process with user ids of our choice, that has taken them on.
Child sleeper_of(uid_t real, uid_t effective, uid_t saved) {
  LifeLine line;
  auto process = Child::run([&] {
    if (::setgroups(0, nullptr) < 0 || ::setresuid(real, effective, saved) < 0) return 98;
    line.report();
    return ::pause();
  });
  line.let_go();
  EXPECT_TRUE(line.await_reports(1));
  return process;
}
Child sleeper_of(uid_t id) {
  return sleeper_of(id, id, id);
}

class Access : public ::testing::Test {
 protected:
  Access() {
    const auto configuration = world_.files() + "/reeve.toml";
    std::ofstream(configuration) << "[access]\nopen-runs-users = [\"" << user
                                 << "\"]\nopen-runs-groups = [\"" << named_group << "\", \""
                                 << own_group << "\"]\n";
    daemon_ = Child::run([&] {
      const auto log = world_.files() + "/log";
      ::dup2(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), STDERR_FILENO);
      return become({{REEVED, "--config", configuration, "--socket", world_.socket(), "--root",
                      world_.root()},
                     {},
                     {{"NOTIFY_SOCKET", {}}},
                     {}});
    });
    EXPECT_TRUE(eventually([&] { return varlink::Client::connect(world_.socket()).ok(); }));
  }
  ~Access() override { EXPECT_TRUE(daemon_.is_alive()); }

  World world_{World::Daemon::not_started};
  Child daemon_;

  std::string open_run_of(const Child& owner) { return world_.open_run(owner); }

  std::string snapshot() {
    return world_.call<api::ListEntries>({}).parameters + world_.call<api::ListRuns>({}).parameters;
  }
  std::string open_run_as(uid_t id, const std::vector<gid_t>& groups = {}) {
    return as(
        id, [&] { return outcome(world_.call<api::OpenRun>({})); }, groups);
  }
};

TEST_F(Access, AnybodyMayLook) {
  auto owner = sleeper_of(user);
  auto process = sleeper_of(user);
  const auto run = open_run_of(owner);
  world_.reserve(run, "worker");
  world_.activate(run, "worker", process);
  process.kill();
  world_.await_reaped(run, "worker");
  const std::vector<std::pair<const char*, std::function<std::string()>>> queries{
      {"ListRuns", [&] { return outcome(world_.call<api::ListRuns>({})); }},
      {"GetRun", [&] { return outcome(world_.call<api::GetRun>({run})); }},
      {"IsRegistered",
       [&] {
         return outcome(world_.call<api::IsRegistered>({"worker", run}));
       }},
      {"GetWorker",
       [&] {
         return outcome(world_.call<api::GetWorker>({"worker", run}));
       }},
      {"ListWorkers",
       [&] {
         return outcome(world_.call<api::ListWorkers>({run, {}, {}}));
       }},
      {"ListProcesses",
       [&] {
         return outcome(world_.call<api::ListProcesses>({run, true}));
       }},
      {"ValidateWorkers", [&] { return outcome(world_.call<api::ValidateWorkers>({run})); }},
      {"GetStatistics", [&] { return outcome(world_.call<api::GetStatistics>({run})); }},
      {"ListEntries", [&] { return outcome(world_.call<api::ListEntries>({})); }},
      {"CountEntries", [&] { return outcome(world_.call<api::CountEntries>({})); }},
      {"Wait",
       [&] {
         return outcome(world_.call<api::Wait>({"worker", run}));
       }},
      {"Subscribe",
       [&] {
         Follower follower(world_, run);
         return std::string(follower.next().run == run ? "success" : "nothing");
       }},
  };
  for (const auto& [name, query] : queries)
    for (const uid_t id : {stranger, user, uid_t{0}})
      EXPECT_EQ(as(id, query), "success") << name << " by " << id;
}

TEST_F(Access, RunsAreOpenedByRootAndByWhomTheConfigurationNames) {
  EXPECT_EQ(open_run_as(0), "success");
  EXPECT_EQ(open_run_as(user), "success");
  EXPECT_EQ(open_run_as(member, {named_group}), "success");
  EXPECT_EQ(open_run_as(own_group), "success");
  EXPECT_EQ(open_run_as(member), "PermissionDenied");
  EXPECT_EQ(open_run_as(member, {named_group + 1}), "PermissionDenied");
  EXPECT_EQ(open_run_as(stranger), "PermissionDenied");
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));  // their owners are gone
}

TEST_F(Access, WithoutAConfigurationOnlyRootOpensRuns) {
  World world;
  const auto open_as = [&](uid_t id) {
    return as(id, [&] { return outcome(world.call<api::OpenRun>({})); });
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
    EXPECT_EQ(as(user, [&] { return outcome(world_.call<api::OpenRun>(input)); }), each.answer);
    if (each.answer != std::string("success")) {
      EXPECT_EQ(snapshot(), before);
    }
  }
}

TEST_F(Access, ARunBelongsToItsOwnersUserWhoeverOpenedIt) {
  auto owner = sleeper_of(user);
  const auto run = open_run_of(owner);  // by root
  EXPECT_EQ(world_.call<api::GetRun>({run})->run.owner_user_id, user);
}

// All that changes a run, in an order in which each can succeed.
struct Change {
  const char* name;
  std::function<std::string()> make;
};
std::vector<Change> changes(World& world, const std::string& run, const Child& first,
                            const Child& second) {
  api::Reserve::Input reservation;
  reservation.worker = "new";
  reservation.run = run;
  api::Activate::Input activation;
  activation.worker = "new";
  activation.run = run;
  activation.process = first.id();
  api::Register::Input registration;
  registration.worker = "registered";
  registration.run = run;
  registration.process = second.id();
  return {
      {"Reserve", [=, &world] { return outcome(world.call<api::Reserve>(reservation)); }},
      {"Activate", [=, &world] { return outcome(world.call<api::Activate>(activation)); }},
      {"Register", [=, &world] { return outcome(world.call<api::Register>(registration)); }},
      {"Signal",
       [=, &world] {
         return outcome(world.call<api::Signal>({"active", "SIGCONT", run, {}}));
       }},
      {"Signal, the tree",
       [=, &world] {
         return outcome(world.call<api::Signal>({"active", "SIGCONT", run, true}));
       }},
      {"Stop",
       [=, &world] {
         return outcome(world.call<api::Stop>({"active", run, {}}));
       }},
      {"CleanupDeadWorkers",
       [=, &world] { return outcome(world.call<api::CleanupDeadWorkers>({run})); }},
      {"Unregister",
       [=, &world] {
         return outcome(world.call<api::Unregister>({"new", run}));
       }},
      {"EnterRun", [=, &world] { return outcome(world.call<api::EnterRun>({run})); }},
      {"CloseRun",
       [=, &world] {
         return outcome(world.call<api::CloseRun>({run, {}}));
       }},
  };
}

TEST_F(Access, ARunIsChangedByItsUserAndRootOnly) {
  for (const uid_t id : {user, uid_t{0}}) {
    SCOPED_TRACE(id);
    auto owner = sleeper_of(user);
    const auto run = open_run_of(owner);
    auto active = sleeper_of(user);
    auto first = sleeper_of(user);
    auto second = sleeper_of(user);
    // The stranger's own, so that only the run stands against it.
    auto strangers_first = sleeper_of(stranger);
    auto strangers_second = sleeper_of(stranger);
    world_.reserve(run, "active");
    world_.activate(run, "active", active);
    world_.reserve(run, "reserved");
    const auto before = snapshot();
    for (const auto& change : changes(world_, run, strangers_first, strangers_second)) {
      SCOPED_TRACE(change.name);
      EXPECT_EQ(as(stranger, change.make), "PermissionDenied");
      EXPECT_EQ(as(member, change.make, {named_group}), "PermissionDenied");
      EXPECT_EQ(snapshot(), before);
    }
    EXPECT_TRUE(active.is_alive());
    EXPECT_FALSE(control_group_of(strangers_first.pid()).starts_with(world_.root()));
    for (const auto& change : changes(world_, run, first, second)) {
      SCOPED_TRACE(change.name);
      EXPECT_EQ(as(id, change.make), "success");
    }
    EXPECT_TRUE(world_.root_is_empty());
  }
}

TEST_F(Access, ARunIsNotSeenAsOnesOwnByWhoMerelyNamesNone) {
  auto owner = sleeper_of(user);
  open_run_of(owner);
  const auto before = snapshot();
  for (const auto& change :
       std::vector<Change>{{"CloseRun", [&] { return outcome(world_.call<api::CloseRun>({})); }},
                           {"EnterRun", [&] { return outcome(world_.call<api::EnterRun>({})); }},
                           {"Stop", [&] {
                              return outcome(world_.call<api::Stop>({"worker", {}, {}}));
                            }}})
    EXPECT_EQ(as(stranger, change.make), "NoSuchRun") << change.name;
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
  const auto run = open_run_of(owner);
  world_.reserve(run, "reserved");
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    const auto before = snapshot();
    const auto place = control_group_of(each.process.pid());
    api::Activate::Input activation;
    activation.worker = "reserved";
    activation.run = run;
    activation.process = each.process.id();
    EXPECT_EQ(as(user, [&] { return outcome(world_.call<api::Activate>(activation)); }),
              each.answer);
    // A pidfd, which anybody can open, gives no more right than a pid.
    if (each.answer == std::string("success")) continue;
    api::Register::Input registration;
    registration.worker = "new";
    registration.run = run;
    registration.process_file_descriptor = 0;
    const std::array descriptors{each.process.pidfd()};
    EXPECT_EQ(
        as(user, [&] { return outcome(world_.call<api::Register>(registration, descriptors)); }),
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
    const auto run = open_run_of(owner);
    world_.reserve(run, "reserved");
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const FileDescriptor reader(ends[0]);
    const FileDescriptor writer(ends[1]);
    LifeLine line;
    auto process = Child::run([&] {
      const pid_t child = ::fork();
      if (child == 0) {
        if (other != 0) become_user(other);
      } else {
        become_user(user);
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
    EXPECT_EQ(as(user, activate), "PermissionDenied");
    EXPECT_EQ(control_group_of(process.pid()), place);
    EXPECT_EQ(control_group_of(descendant), place);
    EXPECT_EQ(snapshot(), before);
    EXPECT_TRUE(process.is_alive());
    EXPECT_EQ(process_state(descendant), 'S');

    // Root may, and then it ends with the run like all others.
    EXPECT_EQ(as(0, activate), "success");
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
  const auto run = open_run_of(owner);
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
    become_user(user);
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
  EXPECT_EQ(as(stranger,
               [&] {
                 const auto answer = world_.call<api::CleanupOrphans>({});
                 return answer ? std::to_string(answer->report.runs_removed +
                                                answer->report.processes_killed)
                               : answer.error;
               }),
            "0");
  EXPECT_EQ(as(stranger,
               [&] {
                 const auto answer = world_.call<api::CleanupDeadWorkers>({});
                 return answer ? std::to_string(answer->removed) : answer.error;
               }),
            "0");
  EXPECT_EQ(snapshot(), before);
  EXPECT_TRUE(active.is_alive());
  EXPECT_TRUE(stubborn.is_alive());
  EXPECT_EQ(as(user,
               [&] {
                 const auto answer = world_.call<api::CleanupDeadWorkers>({});
                 return answer ? std::to_string(answer->removed) : answer.error;
               }),
            "1");
}

// ---- limits on one user

TEST_F(Access, AUserHasSoManyRunsAndNoMore) {
  const auto told = as(user, [&]() -> std::string {
    auto client = world_.connect();
    std::string last;
    for (int i = 0; i < 64; ++i) {
      const auto opened = call_on<api::OpenRun>(client, {});
      if (!opened) return "at " + std::to_string(i) + ": " + opened.error;
      last = opened->run.run;
    }
    const auto refused = call_on<api::OpenRun>(client, {});
    if (refused.error != "TooMany" || !refused.mentions(R"("limit":"runs","maximum":64)"))
      return outcome(refused) + refused.parameters;
    if (world_.call<api::ListRuns>({})->runs.size() != 64) return "another number of runs";
    if (const auto closed = call_on<api::CloseRun>(client, {last, {}}); !closed)
      return closed.error;
    return outcome(call_on<api::OpenRun>(client, {}));
  });
  EXPECT_EQ(told, "success");
  EXPECT_EQ(open_run_as(member, {named_group}), "success");
  EXPECT_EQ(open_run_as(0), "success");
}

TEST_F(Access, AUserHasSoManyConnectionsAndNoMore) {
  LifeLine line;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  FileDescriptor writer(ends[1]);
  const FileDescriptor reader(ends[0]);
  auto greedy = Child::run([&] {
    become_user(stranger);
    writer.reset();
    std::vector<varlink::Client> clients;
    for (int i = 0; i < 512; ++i) {
      auto client = varlink::Client::connect(world_.socket());
      if (!client || !call_on<api::CountEntries>(*client, {})) return 1;
      clients.push_back(std::move(*client));
    }
    // Refused without having been asked, and ended.
    const auto refused = varlink::Client::connect(world_.socket());
    if (!refused) return 2;
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t length;
         (length = ::recv(refused->descriptor(), buffer.data(), buffer.size(), 0)) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(length));
    if (text.find("io.reeve.Registry.TooMany") == std::string::npos) return 3;
    if (text.find(R"("limit":"connections","maximum":512)") == std::string::npos) return 4;
    if (!call_on<api::CountEntries>(clients.front(), {})) return 5;
    line.report();
    char byte;
    (void)!::read(reader.get(), &byte, 1);
    return 0;
  });
  ASSERT_TRUE(line.await_reports(1)) << greedy.wait();
  const auto count = [&] { return outcome(world_.call<api::CountEntries>({})); };
  EXPECT_EQ(as(user, count), "success");
  EXPECT_EQ(as(0, count), "success");
  writer.reset();
  EXPECT_EQ(greedy.wait(), 0);
  EXPECT_TRUE(eventually([&] { return as(stranger, count) == "success"; }));
}

}  // namespace
}  // namespace reeve::test
