// Workers.
#include "model/call_kind.hpp"

#include "support/kernel.hpp"

namespace reeve::model {

namespace {

const std::vector<std::string> texts{"one", "two", "*3000", "*5000", ""};

std::optional<Step> choose_reserve(Chooser& c) {
  Step step;
  c.target(step);
  if (c.random.one_in(4))
    c.worker(step);
  else
    c.fresh_worker(step);
  c.maybe(step, "timeout", 3, {"soon", "far"});
  c.maybe(step, "fingerprint", 3, texts);
  c.maybe(step, "metadata", 8, {"value", "*9000", "*17000"});
  return step;
}

void reserve(Play& play, const Step& step) {
  api::Reserve::Input input;
  input.worker = *step.long_text("worker");
  input.run = play.model.run_text(step);
  input.timeout = duration(step, "timeout").value_or(far);
  input.fingerprint = step.long_text("fingerprint");
  input.metadata = metadata(step);
  play.call<api::Reserve>(step, input, play.model.reserve(step));
}

// Mostly a reservation that is there.
std::optional<Step> choose_activate(Chooser& c) {
  Step step;
  c.target(step);
  c.worker(step);
  std::vector<const Worker*> waiting;
  for (const auto& [leaf, worker] : c.model.workers)
    if (worker.phase == Worker::Phase::reserved && worker.name.size() < 20)
      waiting.push_back(&worker);
  if (!waiting.empty() && !c.random.one_in(8)) {
    const auto* worker = c.random.of(waiting);
    step.set("run", worker->run).set("worker", worker->name);
  }
  c.candidate(step);
  c.maybe(step, "handle", 3, texts);
  c.maybe(step, "fingerprint", 4, texts);
  return step;
}

template <class Input>
Input activation(const Play& play, const Step& step) {
  Input input;
  input.worker = *step.long_text("worker");
  input.run = play.model.run_text(step);
  input.process = process_id(play, step, "process");
  if (!descriptors(play, step).empty()) input.process_file_descriptor = 0;
  input.handle = step.long_text("handle");
  input.fingerprint = step.long_text("fingerprint");
  return input;
}

std::optional<Step> choose_register(Chooser& c) {
  Step step;
  c.target(step);
  c.fresh_worker(step);
  c.candidate(step);
  c.maybe(step, "handle", 3, texts);
  c.maybe(step, "fingerprint", 4, texts);
  return step;
}

std::optional<Step> choose_spawn(Chooser& c) {
  if (!test::kernel_tells_exit_statuses() || c.living() >= most_alive) return std::nullopt;
  Step step;
  c.target(step);
  // Another user may not execute what is executed here.
  if (c.model.processes.at(step.number("by")).user != 0) return std::nullopt;
  c.fresh_worker(step);
  step.set("new", next_process(c.model));
  c.maybe(step, "ignores-term", 6, {"1"});
  c.maybe(step, "nonesuch", 6, {"1"});
  c.maybe(step, "handle", 3, texts);
  c.maybe(step, "fingerprint", 4, texts);
  return step;
}

void spawn(Play& play, const Step& step) {
  api::Spawn::Input input;
  input.worker = *step.long_text("worker");
  input.run = play.model.run_text(step);
  const int key = step.number("new");
  input.command = step.has("nonesuch")
                      ? std::vector<std::string>{"/nonesuch"}
                      : Troupe::command(key, play.socket(), step.has("ignores-term"));
  input.input_file_descriptor = 0;
  input.handle = step.long_text("handle");
  input.fingerprint = step.long_text("fingerprint");
  const std::array passed{play.troupe.mouth()};
  play.call<api::Spawn>(step, input, play.model.spawn(step), passed,
                        [&play, key](const api::Spawn::Output& output, Expected& expected) {
                          if (!expected.errors.empty()) return;
                          play.model.processes.at(key).id = *output.worker.process;
                          play.troupe.enlist(key, static_cast<pid_t>(output.worker.process->pid));
                          const auto* worker = play.model.worker_of(key);
                          expected =
                              Expected::success(api::Spawn::Output{play.model.described(*worker)});
                        });
}

std::optional<Step> choose_worker(Chooser& c) {
  Step step;
  c.target(step);
  c.worker(step);
  c.call(step);
  return step;
}

std::optional<Step> choose_signal(Chooser& c) {
  auto step = choose_worker(c);
  c.maybe(*step, "whole-tree", 3, {"1"});
  return step->set("signal", c.random.of<std::string>(
                                 {"SIGTERM", "SIGKILL", "SIGHUP", "SIGCONT", "15", "SIGNONE"}));
}

std::optional<Step> choose_stop(Chooser& c) {
  auto step = choose_worker(c);
  c.maybe(*step, "grace", 2, {"soon", "far"});
  return step;
}

std::optional<Step> choose_hang_up(Chooser& c) {
  std::vector<int> calls;
  for (const auto& [call, pending] : c.model.pending)
    calls.push_back(call);
  if (calls.empty()) return std::nullopt;
  return Step().set("of", c.random.of(calls));
}

}  // namespace

std::vector<Kind> worker_kinds() {
  return {
      {"reserve", 16, "Reserve", choose_reserve, only_if_it_can_call(reserve)},
      {"activate", 16, "Activate", choose_activate,
       only_if_it_can_call([](Play& play, const Step& step) {
         const auto input = activation<api::Activate::Input>(play, step);
         play.call<api::Activate>(step, input, play.model.activate(step), descriptors(play, step));
       })},
      {"register", 6, "Register", choose_register,
       only_if_it_can_call([](Play& play, const Step& step) {
         const auto input = activation<api::Register::Input>(play, step);
         play.call<api::Register>(step, input, play.model.register_worker(step),
                                  descriptors(play, step));
       })},
      {"spawn-worker", 8, "Spawn", choose_spawn, only_if_it_can_call(spawn)},
      {"unregister", 5, "Unregister", choose_worker,
       only_if_it_can_call([](Play& play, const Step& step) {
         play.call<api::Unregister>(step, {*step.long_text("worker"), play.model.run_text(step)},
                                    play.model.unregister(step));
       })},
      {"signal", 5, "Signal", choose_signal, only_if_it_can_call([](Play& play, const Step& step) {
         api::Signal::Input input{
             *step.long_text("worker"), *step.text("signal"), play.model.run_text(step), {}};
         if (step.has("whole-tree")) input.whole_tree = true;
         play.call<api::Signal>(step, input, play.model.signal(step));
       })},
      {"stop", 6, "Stop", choose_stop, only_if_it_can_call([](Play& play, const Step& step) {
         const api::Stop::Input input{*step.long_text("worker"), play.model.run_text(step),
                                      duration(step, "grace")};
         play.model.stop(step);
         play.call_pending<api::Stop>(step, input);
       })},
      {"freeze", 3, "Freeze", choose_worker, only_if_it_can_call([](Play& play, const Step& step) {
         play.call<api::Freeze>(step, {*step.long_text("worker"), play.model.run_text(step)},
                                play.model.freeze(step, true));
       })},
      {"thaw", 6, "Thaw", choose_worker, only_if_it_can_call([](Play& play, const Step& step) {
         play.call<api::Thaw>(step, {*step.long_text("worker"), play.model.run_text(step)},
                              play.model.freeze(step, false));
       })},
      {"wait", 5, "Wait", choose_worker, only_if_it_can_call([](Play& play, const Step& step) {
         const api::Wait::Input input{*step.long_text("worker"), play.model.run_text(step)};
         play.model.wait(step);
         play.call_pending<api::Wait>(step, input);
       })},
      // The caller goes away in the middle of its call.
      {"hang-up", 2, "", choose_hang_up,
       [](Play& play, const Step& step) { play.hang_up(step.number("of")); }},
      {"cleanup-dead", 4, "CleanupDeadWorkers",
       [](Chooser& c) {
         Step step;
         c.target(step);
         return std::optional(step);
       },
       only_if_it_can_call([](Play& play, const Step& step) {
         const api::CleanupDeadWorkers::Input input{play.model.run_text(step)};
         play.call<api::CleanupDeadWorkers>(step, input, play.model.cleanup_dead_workers(step));
       })},
  };
}

}  // namespace reeve::model
