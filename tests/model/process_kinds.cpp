// What processes, and the daemon, do by themselves.
#include <signal.h>

#include "base/text.hpp"
#include "model/kinds.hpp"
#include "model/play.hpp"

namespace reeve::model {

namespace {

std::optional<Step> choose_spawn(Chooser& c) {
  if (c.living() >= most_alive) return std::nullopt;
  Step step;
  step.set("new", next_process(c.model));
  c.maybe(step, "ignores-term", 6, {"1"});
  c.maybe(step, "lazy", 8, {"1"});
  c.maybe(step, "user", 10, {"nobody"});
  std::vector<int> leaves;
  for (const auto& [leaf, worker] : c.model.workers)
    if (worker.phase != Worker::Phase::exited && worker.phase != Worker::Phase::detached)
      leaves.push_back(leaf);
  if (!leaves.empty() && c.random.one_in(3)) {
    const auto& worker = c.model.workers.at(c.random.of(leaves));
    step.set("run", worker.run).set("worker", worker.name);
  } else if (c.random.one_in(3)) {
    step.set("parent", c.process([](const Process& each) { return each.is_alive; }));
  } else {
    c.maybe(step, "in-service", 3, {"1"});
  }
  return step;
}

void spawn(Play& play, const Step& step) {
  Process process;
  process.parent = step.number("parent");
  process.ignores_term = step.has("ignores-term");
  process.is_lazy = step.has("lazy");
  Troupe::Role role{process.ignores_term, step.has("user") ? nobody : 0, {}, 0};
  const int key = step.number("new");
  if (step.has("worker")) {
    const auto* worker = play.model.find(step.number("run"), *step.text("worker"));
    if (worker == nullptr || worker->phase == Worker::Phase::exited) return;
    process.place = {worker->run, worker->leaf};
    role.born_in = play.directory_of_leaf(worker->leaf);
  }
  if (step.has("in-service")) {
    process.place.in_service = true;
    role.born_in = play.directory_of_service();
  }
  if (process.parent != 0) {
    const auto& parent = play.model.processes.at(process.parent);
    if (!parent.is_alive) return;
    process.place = parent.place;
    process.user = parent.user != 0 ? parent.user : role.user;
    process.id = play.troupe.fork(process.parent, key, role);
  } else {
    const auto id = play.troupe.spawn(key, role);
    if (!id) throw Difference("a process cannot be born in " + role.born_in);
    process.user = role.user;
    process.id = *id;
  }
  play.model.processes[key] = process;
}

std::optional<Step> choose_reuse(Chooser& c) {
  const int key = c.process([](const Process& each) { return each.is_reaped; });
  if (key == 0) return std::nullopt;
  Step step;
  return step.set("new", next_process(c.model)).set("pid-of", key);
}

void reuse(Play& play, const Step& step) {
  const auto pid = play.model.processes.at(step.number("pid-of")).id.pid;
  for (const auto& [key, each] : play.model.processes)
    if (each.id.pid == pid && !each.is_reaped) return;
  Troupe::Role role;
  role.pid = static_cast<pid_t>(pid);
  const auto id = play.troupe.spawn(step.number("new"), role);
  if (!id) return;  // somebody else on this machine has it
  Process process;
  process.id = *id;
  play.model.processes[step.number("new")] = process;
}

std::optional<Step> choose_die(Chooser& c) {
  const int key = c.process([](const Process& each) { return each.is_alive; });
  if (key == 0) return std::nullopt;
  Step step;
  step.set("process", key);
  if (c.random.one_in(2))
    step.set("code", static_cast<int>(c.random.below(256)));
  else
    step.set("signal", c.random.of<std::string>({"SIGKILL", "SIGTERM", "SIGHUP", "SIGUSR1"}));
  return step;
}

void die(Play& play, const Step& step) {
  const int key = step.number("process");
  const auto& process = play.model.processes.at(key);
  if (!process.is_alive || key == 0) return;
  if (step.has("code")) {
    play.troupe.exit(key, step.number("code"));
    return play.model.die(key, {}, step.number("code"));
  }
  const int number = signal_number(*step.text("signal")).value();
  play.troupe.signal(key, number);
  if (number != SIGTERM || !process.ignores_term) play.model.die(key, {number});
}

std::optional<Step> choose_reap(Chooser& c) {
  const int key = c.process([](const Process& each) { return !each.is_alive && !each.is_reaped; });
  if (key == 0) return std::nullopt;
  return Step().set("process", key);
}

void reap(Play& play, const Step& step) {
  auto& process = play.model.processes.at(step.number("process"));
  process.is_lazy = false;
}

}  // namespace

std::vector<Kind> process_kinds() {
  return {
      {"spawn", 16, "", choose_spawn, spawn},
      {"reuse-pid", 2, "", choose_reuse, reuse},
      {"die", 8, "", choose_die, die},
      {"reap", 4, "", choose_reap, reap},
      {"jump-clock", 1, "",
       [](Chooser& c) {
         const auto hours = static_cast<int>(c.random.below(20000)) - 10000;
         return std::optional(Step().set("hours", hours));
       },
       [](Play& play, const Step& step) {
         play.jump_clock(std::chrono::hours(step.number("hours")));
       }},
      {"kill-daemon", 1, "",
       [](Chooser& c) { return c.model.is_down ? std::nullopt : std::optional(Step()); },
       [](Play& play, const Step&) {
         if (!play.model.is_down) play.kill_daemon();
       }},
      {"start-daemon", 24, "",
       [](Chooser& c) { return c.model.is_down ? std::optional(Step()) : std::nullopt; },
       [](Play& play, const Step&) {
         if (play.model.is_down) play.start_daemon();
       }},
  };
}

}  // namespace reeve::model
