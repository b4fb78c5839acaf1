// The methods that change a worker.
#include "base/text.hpp"
#include "registry/names.hpp"
#include "service/service.hpp"

namespace reeve::service {

void Service::reserve(api::Reserve::Input input, Responder<api::Reserve> respond) {
  if (const auto objection = objection_to_worker_name(input.worker))
    return respond.fail(*objection);
  if (const auto objection = objection_to_texts({}, input.fingerprint, input.metadata))
    return respond.fail(*objection);
  if (const auto objection = objection_to_duration("timeoutUSec", input.timeout))
    return respond.fail(*objection);
  const auto run = run_to_fill(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  if (const auto objection = objection_to_limits(input.limits)) return respond.fail(*objection);
  if (const auto objection = objection_to_workers_of(respond.caller()))
    return respond.fail(*objection);
  registry_.reserve(**run,
                    {std::move(input.worker), input.timeout.value_or(usual_reservation),
                     std::move(input.fingerprint), input.limits, std::move(input.metadata)},
                    answer_with_worker(respond));
}

// Whether it can be a worker at all is told before whether this caller may make it one.
api::Outcome<process::Process> Service::process_for(const registry::LiveRun& run,
                                                    const std::optional<ProcessId>& id,
                                                    const std::optional<std::int64_t>& descriptor,
                                                    Call& call) const {
  auto process = open_process(id, descriptor, call);
  if (!process) return process;
  if (const auto objection = registry_.objection_to(run, *process)) return *objection;
  if (!process->may_be_managed_by(call.caller().user))
    return api::permission_denied("the process, by one of its user ids, belongs to another user");
  return process;
}

void Service::activate(api::Activate::Input input, Responder<api::Activate> respond) {
  if (const auto objection = objection_to_worker_name(input.worker))
    return respond.fail(*objection);
  if (const auto objection = objection_to_texts(input.handle, input.fingerprint, {}))
    return respond.fail(*objection);
  const auto run = run_to_fill(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  auto process = process_for(**run, input.process, input.process_file_descriptor, respond.call());
  if (!process) return respond.fail(process.error());
  const auto user = respond.caller().user;
  registry_.activate(
      **run, input.worker,
      {std::move(*process), std::move(input.handle), std::move(input.fingerprint),
       [user](const process::Process& descendant) { return descendant.may_be_managed_by(user); }},
      answer_with_worker(respond));
}

// Reserve and Activate, and the reservation goes again if the second fails.
void Service::register_worker(api::Register::Input input, Responder<api::Register> respond) {
  if (const auto objection = objection_to_worker_name(input.worker))
    return respond.fail(*objection);
  if (const auto objection = objection_to_texts(input.handle, input.fingerprint, input.metadata))
    return respond.fail(*objection);
  const auto run = run_to_fill(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  if (const auto objection = objection_to_limits(input.limits)) return respond.fail(*objection);
  if (const auto objection = objection_to_workers_of(respond.caller()))
    return respond.fail(*objection);
  auto process = process_for(**run, input.process, input.process_file_descriptor, respond.call());
  if (!process) return respond.fail(process.error());
  const auto user = respond.caller().user;

  const auto activation = std::make_shared<registry::ActivationRequest>();
  activation->process = std::move(*process);
  activation->handle = std::move(input.handle);
  activation->fingerprint = input.fingerprint;
  activation->may_move = [user](const process::Process& descendant) {
    return descendant.may_be_managed_by(user);
  };
  const auto run_id = (*run)->id();
  const auto name = input.worker;
  registry_.reserve(**run,
                    {name, usual_reservation, std::move(input.fingerprint), input.limits,
                     std::move(input.metadata)},
                    [&registry = registry_, respond, activation, run_id,
                     name](const api::Outcome<Worker>& reserved) {
                      if (!reserved) return respond.fail(reserved.error());
                      registry.activate(*registry.runs().at(run_id), name, std::move(*activation),
                                        [&registry, respond, run_id,
                                         name](const api::Outcome<Worker>& activated) {
                                          if (activated.ok()) return respond.reply({*activated});
                                          const auto found = registry.runs().find(run_id);
                                          if (found != registry.runs().end())
                                            if (auto* worker = found->second->find(name))
                                              worker->withdraw();
                                          respond.fail(activated.error());
                                        });
                    });
}

void Service::unregister(api::Unregister::Input input, Responder<api::Unregister> respond) {
  const auto run = run_to_fill(input.run, respond.caller());
  if (!run) {
    // A run that is no more has no worker of that name: what was asked for holds already.
    if (api::is<api::NoSuchRun>(run.error())) return respond.reply({});
    return respond.fail(run.error());
  }
  auto* worker = (*run)->find(input.worker);
  if (worker == nullptr) return respond.reply({});
  worker->when_settled([worker, respond] {
    const auto unregistered = worker->unregister();
    if (!unregistered) return respond.fail(api::system_failed(unregistered.error()));
    respond.reply({});
  });
}

void Service::signal(api::Signal::Input input, Responder<api::Signal> respond) {
  const auto number = signal_number(input.signal);
  if (!number)
    return respond.fail(
        api::invalid_parameter("signal", "must be a signal such as SIGTERM or SIGUSR1"));
  const auto run = run_to_change(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  const auto worker = worker_in(**run, input.worker);
  if (!worker) return respond.fail(worker.error());
  const bool whole_tree = input.whole_tree.value_or(false);
  const auto& record = (*worker)->record();
  const auto process = record.process ? registry::process_id(*record.process) : ProcessId{};
  if (!whole_tree && !(*worker)->process_is_alive())
    return respond.fail(api::failure(api::NoSuchProcess{process}));
  const auto sent = (*worker)->signal(*number, whole_tree);
  if (sent.ok()) return respond.reply({});
  if (sent.error().number == ESRCH) return respond.fail(api::failure(api::NoSuchProcess{process}));
  respond.fail(api::system_failed(sent.error()));
}

namespace {

// A caller that goes away no longer waits.
template <class Method>
void forget_when_abandoned(registry::Registry& registry, Responder<Method> respond,
                           const registry::LiveWorker& worker, const std::string& run_id,
                           std::uint64_t token) {
  respond.call().on_abandoned([&registry, &worker, run_id, token] {
    const auto run = registry.runs().find(run_id);
    if (run == registry.runs().end()) return;
    const auto found = run->second->workers().find(&worker);
    if (found != run->second->workers().end()) found->second->forget_waiter(token);
  });
}

}  // namespace

void Service::stop(api::Stop::Input input, Responder<api::Stop> respond) {
  if (const auto objection = objection_to_duration("graceUSec", input.grace))
    return respond.fail(*objection);
  const auto run = run_to_change(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  const auto found = worker_in(**run, input.worker);
  if (!found) return respond.fail(found.error());
  auto* worker = *found;
  const auto grace = input.grace.value_or((*run)->record().grace);
  worker->when_settled([this, worker, respond, grace, run_id = (*run)->id()] {
    if (worker->phase() == registry::WorkerPhase::exited)
      return respond.reply({worker->described()});
    const auto token = worker->stop(grace, answer_with_worker(respond));
    forget_when_abandoned(registry_, respond, *worker, run_id, token);
  });
}

template <class Method>
void Service::change_worker(const typename Method::Input& input, Responder<Method> respond,
                            void (registry::LiveWorker::*change)(registry::Answer<Done>)) {
  const auto run = run_to_change(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  const auto found = worker_in(**run, input.worker);
  if (!found) return respond.fail(found.error());
  auto* worker = *found;
  worker->when_settled([worker, respond, change, run_id = (*run)->id()] {
    if (!registry::is_listed(worker->phase()))
      return respond.fail(api::failure(api::NoSuchWorker{run_id, worker->name()}));
    if (worker->state() == WorkerState::exited)
      return respond.fail(
          api::failure(api::NoSuchProcess{registry::process_id(*worker->record().process)}));
    (worker->*change)([respond](const api::Outcome<Done>& outcome) {
      if (!outcome.ok()) return respond.fail(outcome.error());
      respond.reply({});
    });
  });
}

void Service::freeze(api::Freeze::Input input, Responder<api::Freeze> respond) {
  change_worker<api::Freeze>(input, respond, &registry::LiveWorker::freeze);
}

void Service::thaw(api::Thaw::Input input, Responder<api::Thaw> respond) {
  change_worker<api::Thaw>(input, respond, &registry::LiveWorker::thaw);
}

void Service::wait(api::Wait::Input input, Responder<api::Wait> respond) {
  const auto run = run_for(input.run, respond.caller());
  if (!run) return respond.fail(run.error());
  const auto worker = worker_in(**run, input.worker);
  if (!worker) return respond.fail(worker.error());
  if ((*worker)->state() == WorkerState::exited) return respond.reply({(*worker)->described()});
  const auto token = (*worker)->wait(answer_with_worker(respond));
  forget_when_abandoned(registry_, respond, **worker, (*run)->id(), token);
}

}  // namespace reeve::service
