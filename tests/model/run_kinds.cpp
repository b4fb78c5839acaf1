// Runs.
#include "model/call_kind.hpp"

namespace reeve::model {

namespace {

constexpr std::size_t most_runs = 5;
const std::vector<std::string> policies{"kill", "terminate", "keep"};
const std::vector<std::string> times{"soon", "far"};

std::optional<Step> choose_open(Chooser& c) {
  if (c.model.runs.size() >= most_runs) return std::nullopt;
  Step step;
  const bool odd = c.random.one_in(20);
  const auto fits = [odd](const Process& each) { return each.is_alive || odd; };
  step.set("new", c.model.ids.empty() ? 1 : c.model.ids.rbegin()->first + 1);
  if (const int by =
          c.random.one_in(4) ? c.process([](const Process& each) { return each.is_alive; }) : 0)
    step.set("by", by);
  if (!step.has("by") || c.random.one_in(4)) {
    const int owner = c.process(fits);
    if (owner == 0) return std::nullopt;
    step.set("owner", owner);
    c.maybe(step, "as", 3, {"pid"});
  }
  c.maybe(step, "policy", 2, policies);
  c.maybe(step, "grace", 2, times);
  c.maybe(step, "placement", 4, {"caller", "registry"});
  c.maybe(step, "name", 4, {"application", "x/y", "*1025", "ümläut", ""});
  c.maybe(step, "metadata", 8, {"value", "*4000"});
  return step;
}

void open(Play& play, const Step& step) {
  api::OpenRun::Input input;
  input.name = step.long_text("name");
  if (step.has("owner")) input.owner = process_id(play, step, "owner");
  if (step.has("policy"))
    input.on_owner_exit = schema::value_named<OwnerExitPolicy>(*step.text("policy"));
  input.grace = duration(step, "grace").value_or(far);
  if (step.has("placement"))
    input.placement = schema::value_named<Placement>(*step.text("placement"));
  input.metadata = metadata(step);
  play.call<api::OpenRun>(step, input, play.model.open_run(step), {},
                          [&play, step](const api::OpenRun::Output& output, Expected& expected) {
                            if (!expected.errors.empty()) return;
                            const int key = step.number("new");
                            auto& run = play.model.runs.at(key);
                            run.id = play.model.ids[key] = output.run.run;
                            expected =
                                Expected::success(api::OpenRun::Output{play.model.described(run)});
                          });
}

std::optional<Step> choose_close(Chooser& c) {
  if (c.model.runs.size() < 3 && !c.random.one_in(3)) return std::nullopt;
  Step step;
  c.target(step);
  c.call(step);
  c.maybe(step, "policy", 2, policies);
  return step;
}

std::optional<Step> choose_enter(Chooser& c) {
  const int by = c.process([](const Process& each) { return each.is_alive; });
  if (by == 0) return std::nullopt;
  Step step;
  c.target(step);
  return step.set("by", by);
}

}  // namespace

std::vector<Kind> run_kinds() {
  return {
      {"open", 8, "OpenRun", choose_open, only_if_it_can_call(open)},
      {"close", 4, "CloseRun", choose_close, only_if_it_can_call([](Play& play, const Step& step) {
         api::CloseRun::Input input{play.model.run_text(step), {}};
         if (step.has("policy"))
           input.on_owner_exit = schema::value_named<OwnerExitPolicy>(*step.text("policy"));
         play.model.close_run(step);
         play.call_pending<api::CloseRun>(step, input);
       })},
      {"enter", 4, "EnterRun", choose_enter, only_if_it_can_call([](Play& play, const Step& step) {
         if (step.number("by") == 0) return;
         const api::EnterRun::Input input{play.model.run_text(step)};
         play.call<api::EnterRun>(step, input, play.model.enter_run(step));
       })},
      {"cleanup-orphans", 2, "CleanupOrphans",
       [](Chooser& c) {
         Step step;
         c.call(step);
         return std::optional(step);
       },
       only_if_it_can_call([](Play& play, const Step& step) {
         play.model.cleanup_orphans(step);
         play.call_pending<api::CleanupOrphans>(step, {});
       })},
  };
}

}  // namespace reeve::model
