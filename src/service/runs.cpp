// The methods about runs as a whole.
#include "registry/names.hpp"
#include "registry/placement.hpp"
#include "service/service.hpp"

namespace reeve::service {

namespace {
constexpr Microseconds usual_grace{10'000'000};

// By executing a program with the set-user-id bit, for one.
api::Failure changed_hands() {
  return api::permission_denied(
      "the calling process, by one of its user ids, has become another user's since it connected");
}

}  // namespace

void Service::open_run(api::OpenRun::Input input, Responder<api::OpenRun> respond) {
  const auto& caller = respond.caller();
  if (const auto objection = objection_to_opening(rules_, caller)) return respond.fail(*objection);
  if (input.name)
    if (const auto objection = registry::objection_to_name(*input.name))
      return respond.fail(api::failure(api::InvalidName{*input.name, *objection}));
  if (const auto objection = objection_to_texts({}, {}, input.metadata))
    return respond.fail(*objection);
  if (const auto objection = objection_to_duration("graceUSec", input.grace))
    return respond.fail(*objection);
  std::int64_t held = 0;
  for (const auto& [id, run] : registry_.runs())
    if (run->record().uid == caller.user) ++held;
  if (held >= PerUser::runs && !is_privileged(rules_, caller))
    return respond.fail(api::failure(api::TooMany{"runs", PerUser::runs}));

  registry::OpenRequest request;
  request.user = caller.user;
  if (input.owner) {
    auto owner = open_process(*input.owner);
    if (!owner) return respond.fail(owner.error());
    const auto details = owner->details();
    if (!details) return respond.fail(api::process_failed(*input.owner, details.error()));
    if (!owner->is_alive()) return respond.fail(api::failure(api::NoSuchProcess{*input.owner}));
    if (details->kernel_thread)
      return respond.fail(
          api::failure(api::ProcessMismatch{*input.owner, "a kernel thread cannot own a run"}));
    if (!owner->may_be_managed_by(caller.user))
      return respond.fail(api::permission_denied("the owner belongs to another user"));
    request.user = details->real_user;
    request.owner = std::move(*owner);
  } else {
    const auto id = registry::process_id(registry::recorded(caller.process.identity()));
    auto owner = process::Process::reopen(caller.process.identity());
    if (!owner) return respond.fail(api::process_failed(id, owner.error()));
    if (!owner->is_alive()) return respond.fail(api::failure(api::NoSuchProcess{id}));
    if (!owner->may_be_managed_by(caller.user)) return respond.fail(changed_hands());
    request.owner = std::move(*owner);
  }
  auto place = registry_.place_for(request.owner, input.placement, caller.user);
  if (!place) return respond.fail(place.error());
  request.placement = *place ? Placement::caller : input.placement;
  request.place = std::move(*place);
  request.name = std::move(input.name);
  request.policy = input.on_owner_exit.value_or(OwnerExitPolicy::kill);
  request.grace = input.grace.value_or(usual_grace);
  request.metadata = std::move(input.metadata);
  registry_.open_run(std::move(request), [respond](const api::Outcome<Run>& run) {
    if (!run) return respond.fail(run.error());
    respond.reply({*run});
  });
}

void Service::close_run(api::CloseRun::Input input, Responder<api::CloseRun> respond) {
  const auto run = run_to_fill(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  if (input.on_owner_exit == OwnerExitPolicy::keep)
    return respond.fail(
        api::invalid_parameter("onOwnerExit", "a run cannot be closed and its workers kept"));
  const auto policy = input.on_owner_exit.value_or((*run)->record().policy);
  const auto token = (*run)->close(policy, [respond](const api::Outcome<CleanupReport>& report) {
    if (!report) return respond.fail(report.error());
    respond.reply({*report});
  });
  respond.call().on_abandoned([this, id = (*run)->id(), token] {
    const auto found = registry_.runs().find(id);
    if (found != registry_.runs().end()) found->second->forget_waiter(token);
  });
}

void Service::enter_run(api::EnterRun::Input input, Responder<api::EnterRun> respond) {
  const auto& caller = respond.caller();
  const auto run = run_to_fill(input.run, caller);
  if (!run) return respond.fail(run.error());
  if ((*run)->is_closing()) return respond.fail(api::failure(api::RunClosing{(*run)->id()}));
  const auto id = registry::process_id(registry::recorded(caller.process.identity()));
  auto process = process::Process::reopen(caller.process.identity());
  if (!process) return respond.fail(api::process_failed(id, process.error()));
  if (!process->is_alive()) return respond.fail(api::failure(api::NoSuchProcess{id}));
  if (process->pid() == 1)
    return respond.fail(api::failure(api::ProcessMismatch{id, "PID 1 cannot enter a run"}));
  if (!process->may_be_managed_by(caller.user)) return respond.fail(changed_hands());
  const auto around = registry_.run_id_around(*process);
  if (!around) return respond.fail(api::system_failed(around.error()));
  if (*around == (*run)->id()) return respond.reply({(*run)->described()});
  if (*around) return respond.fail(api::failure(api::ProcessInOtherRun{id, **around}));
  if (const auto objection =
          registry::objection_to_leaving_unit(registry_.mount(), *process, **run))
    return respond.fail(*objection);
  (*run)->enter(std::move(*process), [respond](const api::Outcome<Run>& entered) {
    if (!entered) return respond.fail(entered.error());
    respond.reply({*entered});
  });
}

void Service::get_run(api::GetRun::Input input, Responder<api::GetRun> respond) {
  const auto run = run_for(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  respond.reply({(*run)->described()});
}

void Service::list_runs(api::ListRuns::Input, Responder<api::ListRuns> respond) {
  std::vector<Run> runs;
  for (const auto* run : runs_shown_to(respond.caller()))
    runs.push_back(run->described());
  if (!respond.call().more() || runs.empty()) return respond.reply({std::move(runs)});
  for (std::size_t i = 0; i + 1 < runs.size(); ++i)
    respond.stream({{runs[i]}});
  respond.reply({{runs.back()}});
}

}  // namespace reeve::service
