#include "crash/trial.hpp"

#include <signal.h>
#include <sys/wait.h>

#include "crash/traced_daemon.hpp"

namespace reeve::test::crash {

namespace {

class Play {
 public:
  explicit Play(const Trial& trial)
      : trial_(trial),
        world_(World::Daemon::not_started),
        daemon_(world_),
        story_(world_, [this](int signal) { daemon_->kill_program(signal); }) {}

  Outcome run() {
    try {
      play();
      for (const auto point : trial_.then)
        crash_start(point);
      examine();
    } catch (const DaemonGone&) {
      outcome_.violations.emplace_back("reeved ended by itself");
    } catch (const std::exception& problem) {  // a Violation, or what the harness ran into
      outcome_.violations.emplace_back(problem.what());
    }
    if (!outcome_.violations.empty())
      outcome_.tree = story_.tree() + "--- reeved's log\n" + world_.daemon_log();
    if (daemon_.is_running()) kill_traced();
    world_.kill_daemon();
    return std::move(outcome_);
  }

 private:
  bool start_traced(Tracer::Plan plan) {
    daemon_.launch(plan);
    return world_.await_ready();
  }

  void kill_traced() {
    story_.disconnect();
    daemon_.kill();
  }

  // The traced reeved has ended, and the plan's point is not why.
  void must_have_been_killed() {
    if (!daemon_->killed_at()) throw Violation("reeved ended by itself");
  }

  void play() {
    const auto& scenario = *trial_.scenario;
    const bool starting = scenario.counted == Scenario::Counted::starting;
    if (starting) {
      world_.start();
      scenario.prepare(story_);
    }
    const auto counting = starting ? Tracer::Counting::from_start : Tracer::Counting::when_told;
    const bool ready = start_traced({counting, trial_.point, trial_.linger, 0});
    try {
      if (!ready) throw DaemonGone();
      if (!starting) {
        scenario.prepare(story_);
        daemon_->start_counting();
      }
      scenario.play(story_);
      story_.await_rest();
      outcome_.points = daemon_->points();
    } catch (const DaemonGone&) {
      if (!story_.asked_to_end()) must_have_been_killed();
      outcome_.points = daemon_->points();
    }
    outcome_.killed_at = daemon_->killed_at();
    kill_traced();
  }

  void crash_start(std::uint64_t point) {
    if (start_traced({Tracer::Counting::from_start, point, {}, 0})) try {
        story_.await_rest();
      } catch (const DaemonGone&) {
        must_have_been_killed();
      }
    else
      must_have_been_killed();
    outcome_.points_of_start = daemon_->points();
    ++outcome_.crashes;
    kill_traced();
  }

  void start() {
    world_.launch([](const auto& daemon) { return daemon(); });
    if (!world_.await_ready()) throw Violation("reeved does not become ready");
  }

  // What is still wrong when time is up.
  void await_no_violations(const std::string& state_before) {
    std::vector<std::string> found;
    std::string state;
    const bool good = eventually([&] {
      found = story_.violations();
      if (!found.empty()) return false;
      if (state_before.empty()) return true;
      state = story_.state();
      return state == state_before;
    });
    if (good) return;
    outcome_.violations = std::move(found);
    if (outcome_.violations.empty())
      outcome_.violations.push_back("a second restart changed the state\nfrom:\n" + state_before +
                                    "to:\n" + state);
  }

  void examine() {
    start();
    await_no_violations("");
    if (!outcome_.violations.empty()) return;
    const auto state = story_.state();
    story_.crash();
    start();
    await_no_violations(state);
    if (!outcome_.violations.empty()) return;
    outcome_.violations = story_.end();
    if (!outcome_.violations.empty()) return;
    story_.crash();
    story_.remove_cgroups();
  }

  const Trial& trial_;
  Outcome outcome_;
  World world_;
  TracedDaemon daemon_;
  Story story_;
};

}  // namespace

Outcome run(const Trial& trial) {
  auto outcome = Play(trial).run();
  // Orphans have come to this process.
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  return outcome;
}

}  // namespace reeve::test::crash
