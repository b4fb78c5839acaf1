// Questions, also by callers with a run of their own. What is asked about everything is asked after
// other steps anyway.
#include "model/call_kind.hpp"

namespace reeve::model {

namespace {

std::optional<Step> choose_run(Chooser& c) {
  Step step;
  c.target(step);
  return step;
}

std::optional<Step> choose_worker(Chooser& c) {
  Step step;
  c.target(step);
  c.worker(step);
  return step;
}

template <class Method>
auto about_run(Expected (Model::*expect)(const Step&) const) {
  return only_if_it_can_call([expect](Play& play, const Step& step) {
    typename Method::Input input;
    input.run = play.model.run_text(step);
    play.call<Method>(step, input, (play.model.*expect)(step));
  });
}

template <class Method>
auto about_worker(Expected (Model::*expect)(const Step&) const) {
  return only_if_it_can_call([expect](Play& play, const Step& step) {
    typename Method::Input input;
    input.worker = *step.long_text("worker");
    input.run = play.model.run_text(step);
    play.call<Method>(step, input, (play.model.*expect)(step));
  });
}

template <class Method>
auto about_all(Expected (Model::*expect)() const) {
  return only_if_it_can_call([expect](Play& play, const Step& step) {
    if (!play.has_litter()) play.call<Method>(step, {}, (play.model.*expect)());
  });
}

std::optional<Step> choose_list(Chooser& c) {
  Step step;
  if (c.random.one_in(2)) c.target(step);
  c.maybe(step, "state", 2, {"reserved", "active", "stopping", "exited"});
  c.maybe(step, "fingerprint", 3, {"one", "two", ""});
  return step;
}

void list(Play& play, const Step& step) {
  api::ListWorkers::Input input{play.model.run_text(step), {}, step.long_text("fingerprint")};
  if (step.has("state")) input.state = schema::value_named<WorkerState>(*step.text("state"));
  play.call<api::ListWorkers>(step, input, play.model.list_workers(step));
}

}  // namespace

std::vector<Kind> query_kinds() {
  return {
      {"run", 2, "GetRun", choose_run, about_run<api::GetRun>(&Model::get_run)},
      {"statistics", 2, "GetStatistics", choose_run,
       about_run<api::GetStatistics>(&Model::get_statistics)},
      {"validate", 2, "ValidateWorkers", choose_run,
       about_run<api::ValidateWorkers>(&Model::validate_workers)},
      {"processes", 2, "ListProcesses", choose_run,
       about_run<api::ListProcesses>(&Model::list_processes)},
      {"worker", 4, "GetWorker", choose_worker, about_worker<api::GetWorker>(&Model::get_worker)},
      {"is-registered", 2, "IsRegistered", choose_worker,
       about_worker<api::IsRegistered>(&Model::is_registered)},
      {"list", 3, "ListWorkers", choose_list, only_if_it_can_call(list)},
      {"runs", 1, "ListRuns", choose_run, about_all<api::ListRuns>(&Model::list_runs)},
      {"entries", 1, "ListEntries", choose_run, about_all<api::ListEntries>(&Model::list_entries)},
      {"count", 1, "CountEntries", choose_run, about_all<api::CountEntries>(&Model::count_entries)},
      {"subscribe", 2, "Subscribe",
       [](Chooser& c) {
         Step step;
         if (c.random.one_in(2)) c.target(step);
         if (c.random.one_in(2)) step.set("back", static_cast<int>(c.random.below(40)));
         return std::optional(step);
       },
       [](Play& play, const Step& step) { play.subscribe_once(step); }},
  };
}

}  // namespace reeve::model
