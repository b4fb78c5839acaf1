// Who may call what: one table, every cell of it tried on a real reeved by a real process.
//
// A method that the interface describes and this table does not name is refused by the compiler:
// add its line. A line says which rule the method follows and what a valid call of it is; a rule
// says for each kind of caller whether it may, on a run of Alice and on one of Bob. Where a method
// is given a process, it is tried with the caller's own, with root's and with a third user's: of
// others' processes nobody but root may dispose.
#pragma once

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "support/users.hpp"

namespace reeve::test {

namespace people {
inline const User alice{40001};         // whom the configuration lets open runs
inline const User bob{40002, {40100}};  // by a group that it names
inline const User stranger{40003};      // who is not named
inline const User third{40004};         // whom only processes belong to
}  // namespace people

enum class CallerKind {
  root,
  alice,                      // outside of her run
  alice_inside,               // a process that entered her run
  alices_worker,              // the process of a worker in it
  strangers_worker_of_alice,  // which root activated in it
  bob,
  stranger,
};
inline constexpr std::array callers{
    CallerKind::root,
    CallerKind::alice,
    CallerKind::alice_inside,
    CallerKind::alices_worker,
    CallerKind::strangers_worker_of_alice,
    CallerKind::bob,
    CallerKind::stranger,
};

enum class Whose { alices, bobs };
enum class ProcessOf { nobody, caller, root, third };

// Who runs reeved, and whom its configuration lets look.
enum class Place { roots, roots_with_private_runs, alices };

struct Rule {
  // In the order of CallerKind, "y" where it may.
  std::string_view on_alices;
  std::string_view on_bobs;
  // The same where the configuration says query = "own".
  std::string_view privately_on_alices = on_alices;
  std::string_view privately_on_bobs = on_bobs;
  // And where Alice runs reeved herself.
  std::string_view where_alice_serves = on_alices;
};

//                       root, Alice, her process inside, her worker, a stranger's worker in her
//                       run, Bob, a stranger
inline constexpr Rule looks_at_a_run{"yyyyyyy", "yyyyyyy", "yyyyy--", "y----y-"};
inline constexpr Rule looks_at_what_is_ones_own{"yyyyyyy", "yyyyyyy"};
inline constexpr Rule looks_at_all{"yyyyyyy", "yyyyyyy", "y------", "y------"};
inline constexpr Rule follows_all_or_ones_own{"yyyyyyy", "yyyyyyy", "y-yyy--", "y-yyy--"};
inline constexpr Rule opens_a_run{"yyyy-y-", "yyyy-y-"};
inline constexpr Rule changes_a_run{"yyyy---", "y----y-"};
// There is no worker to take away in a run that one does not see.
inline constexpr Rule unregisters{"yyyy---", "y----y-", "yyyy-yy", "yyyyyyy"};
inline constexpr Rule cleans_up_what_is_ones_own{"yyyyyyy", "yyyyyyy"};
inline constexpr Rule administers{"y------", "y------", "y------", "y------", "yyyy---"};

// The surroundings of one call: a run, whose and with what in it, made as the call needs it.
class Stage {
 public:
  Stage(World& world, Whose whose)
      : world_(world),
        owner_(sleeper_of(whose == Whose::alices ? people::alice.id : people::bob.id)),
        run_(world.open_run(owner_)) {}
  ~Stage() {
    if (!std::filesystem::remove(drop_in())) return;
    EXPECT_TRUE(world_.call<api::Reload>({}));
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] const std::string& run() const { return run_; }
  std::string reserved() {
    world_.reserve(run_, "reserved");
    return "reserved";
  }
  std::string active() {
    active_ = sleeper_of(uid());
    world_.reserve(run_, "active");
    world_.activate(run_, "active", active_);
    return "active";
  }
  std::string exited() {
    auto name = active();
    active_.kill();
    world_.await_reaped(run_, name);
    return name;
  }
  // A pool of the configuration, with its worker; no cgroup is prepared for another one.
  std::string pool() {
    std::filesystem::create_directory(world_.files() + "/reeve.toml.d");
    std::ofstream(drop_in()) << "[pool.pool]\ncommand = ['sleep', '1000']\nrestart = 'no'\n";
    EXPECT_TRUE(world_.call<api::Reload>({}));
    EXPECT_TRUE(eventually([this] {
      const auto got = world_.call<api::GetPool>({"pool"});
      return got && got->pool.ready == 1;
    }));
    return "pool";
  }
  // Passed with the message.
  std::int64_t pass(const Child& process) {
    descriptors_.push_back(process.pidfd());
    return 0;
  }
  [[nodiscard]] const std::vector<int>& descriptors() const { return descriptors_; }

 private:
  [[nodiscard]] std::string drop_in() const { return world_.files() + "/reeve.toml.d/pool.toml"; }
  [[nodiscard]] uid_t uid() {
    return static_cast<uid_t>(world_.call<api::GetRun>({run_})->run.owner_user_id);
  }

  World& world_;
  Child owner_;
  std::string run_;
  Child active_;
  std::vector<int> descriptors_;
};

// ---- the table

// Whether a call names a run at all.
enum class Scope { one_run, all_runs };

template <class Method, Scope scope, class FillIn>
struct Line {
  using Of = Method;
  Rule rule;
  FillIn fill_in;
  std::string_view variant;

  static constexpr bool names_process =
      std::is_invocable_v<FillIn, Stage&, typename Method::Input&, const Child&>;
  static constexpr bool names_run =
      scope == Scope::one_run && requires(typename Method::Input input) {
    input.run;
  };
};

template <class Method, Scope scope = Scope::one_run, class FillIn>
constexpr Line<Method, scope, FillIn> line(const Rule& rule, FillIn fill_in,
                                           std::string_view variant = {}) {
  return {rule, fill_in, variant};
}

// What makes an input a valid one.
inline constexpr auto nothing = [](Stage&, auto&) {};
inline constexpr auto in_run = [](Stage& stage, auto& input) { input.run = stage.run(); };
inline constexpr auto new_worker = [](Stage& stage, auto& input) {
  input.run = stage.run();
  input.worker = "new";
};
inline constexpr auto reserved_worker = [](Stage& stage, auto& input) {
  input.run = stage.run();
  input.worker = stage.reserved();
};
inline constexpr auto active_worker = [](Stage& stage, auto& input) {
  input.run = stage.run();
  input.worker = stage.active();
};
inline constexpr auto exited_worker = [](Stage& stage, auto& input) {
  input.run = stage.run();
  input.worker = stage.exited();
};
template <class Worker>
constexpr auto with_process(Worker worker) {
  return [worker](Stage& stage, auto& input, const Child& process) {
    worker(stage, input);
    input.process = process.id();
  };
}
// Everybody can open a pidfd of everybody: it gives no more right than the pid.
template <class Worker>
constexpr auto with_pidfd(Worker worker) {
  return [worker](Stage& stage, auto& input, const Child& process) {
    worker(stage, input);
    input.process_file_descriptor = stage.pass(process);
  };
}
inline constexpr auto for_owner = [](Stage&, auto& input, const Child& process) {
  input.owner = process.id();
};
inline constexpr auto spawning = [](Stage& stage, auto& input) {
  new_worker(stage, input);
  input.command = {"/bin/sleep", "1000"};
};
inline constexpr auto in_pool = [](Stage& stage, auto& input) { input.pool = stage.pool(); };
inline constexpr auto where_there_are_pools = [](Stage& stage, auto&) { stage.pool(); };
template <bool whole_tree>
inline constexpr auto signal_to = [](Stage& stage, auto& input) {
  active_worker(stage, input);
  input.signal = "SIGCONT";
  input.whole_tree = whole_tree;
};

inline constexpr std::tuple table{
    line<api::OpenRun>(opens_a_run, nothing),
    line<api::OpenRun>(opens_a_run, for_owner, "ForAnOwner"),
    line<api::CloseRun>(changes_a_run, in_run),
    line<api::EnterRun>(changes_a_run, in_run),
    line<api::GetRun>(looks_at_a_run, in_run),
    line<api::ListRuns>(looks_at_what_is_ones_own, nothing),
    line<api::Reserve>(changes_a_run, new_worker),
    line<api::Activate>(changes_a_run, with_process(reserved_worker)),
    line<api::Activate>(changes_a_run, with_pidfd(reserved_worker), "ByPidfd"),
    line<api::Register>(changes_a_run, with_process(new_worker)),
    line<api::Register>(changes_a_run, with_pidfd(new_worker), "ByPidfd"),
    line<api::Spawn>(changes_a_run, spawning),
    line<api::Unregister>(unregisters, reserved_worker),
    line<api::IsRegistered>(looks_at_a_run, active_worker),
    line<api::GetWorker>(looks_at_a_run, active_worker),
    line<api::ListWorkers>(looks_at_a_run, in_run),
    line<api::ListWorkers, Scope::all_runs>(looks_at_what_is_ones_own, nothing, "OfAllRuns"),
    line<api::ListProcesses>(looks_at_a_run, in_run),
    line<api::ListProcesses, Scope::all_runs>(looks_at_what_is_ones_own, nothing, "OfAllRuns"),
    line<api::ValidateWorkers>(looks_at_a_run, in_run),
    line<api::CleanupDeadWorkers>(changes_a_run, in_run),
    line<api::CleanupOrphans>(cleans_up_what_is_ones_own, nothing),
    line<api::GetStatistics>(looks_at_a_run, in_run),
    line<api::GetStatistics, Scope::all_runs>(looks_at_what_is_ones_own, nothing, "OfAllRuns"),
    line<api::ListEntries>(looks_at_all, nothing),
    line<api::CountEntries>(looks_at_all, nothing),
    line<api::Signal>(changes_a_run, signal_to<false>),
    line<api::Signal>(changes_a_run, signal_to<true>, "ToTheWholeTree"),
    line<api::Stop>(changes_a_run, active_worker),
    line<api::Freeze>(changes_a_run, active_worker),
    line<api::Thaw>(changes_a_run, active_worker),
    line<api::Wait>(looks_at_a_run, exited_worker),
    line<api::Subscribe>(looks_at_a_run, in_run),
    line<api::Subscribe, Scope::all_runs>(follows_all_or_ones_own, nothing, "ToAllRuns"),
    line<api::ListPools>(looks_at_all, where_there_are_pools),
    line<api::GetPool>(looks_at_all, in_pool),
    line<api::WatchPools>(looks_at_all, where_there_are_pools),
    line<api::ScalePool>(administers, in_pool),
    line<api::RestartPool>(administers, in_pool),
};

template <class Method>
constexpr bool has_line = std::apply(
    [](const auto&... each) {
      return (std::is_same_v<typename std::decay_t<decltype(each)>::Of, Method> || ...);
    },
    table);
template <class Method>
struct LineOf {
  static_assert(has_line<Method>, "a method of the interface has no line in the table above");
};
template <class... Method>
constexpr std::tuple<LineOf<Method>...> lines_of(api::List<Method...>) {
  return {};
}
[[maybe_unused]] inline constexpr auto every_method_has_its_line =
    std::tuple_cat(lines_of(api::Registry::Methods{}), lines_of(api::Pools::Methods{}));

}  // namespace reeve::test
