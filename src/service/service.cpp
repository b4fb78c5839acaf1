#include "service/service.hpp"

#include "api/interface.hpp"
#include "process/process.hpp"

namespace reeve::service {

namespace {

api::Failure refusal_of(const schema::Mismatch& mismatch) {
  return api::invalid_parameter(mismatch.member.empty() ? "parameters" : mismatch.member,
                                mismatch.reason);
}

}  // namespace

template <class Method>
void Service::offer(Handler<Method> handler) {
  methods_[api::full_name<Method>()] = [this, handler](const ReadInput& parameters,
                                                       const CallPointer& call) {
    typename Method::Input input;
    const auto decoded = parameters(schema::type<typename Method::Input>, &input);
    if (!decoded) return call->fail(refusal_of(decoded.error()));
    (this->*handler)(std::move(input), Responder<Method>(call));
  };
}

Service::Service(loop::Loop& loop, registry::Registry& registry, AccessRules rules,
                 std::string socket)
    : loop_(loop), registry_(registry), rules_(std::move(rules)), socket_(std::move(socket)) {
  offer<api::OpenRun>(&Service::open_run);
  offer<api::CloseRun>(&Service::close_run);
  offer<api::EnterRun>(&Service::enter_run);
  offer<api::GetRun>(&Service::get_run);
  offer<api::ListRuns>(&Service::list_runs);
  offer<api::Reserve>(&Service::reserve);
  offer<api::Activate>(&Service::activate);
  offer<api::Register>(&Service::register_worker);
  offer<api::Spawn>(&Service::spawn);
  offer<api::Unregister>(&Service::unregister);
  offer<api::IsRegistered>(&Service::is_registered);
  offer<api::GetWorker>(&Service::get_worker);
  offer<api::ListWorkers>(&Service::list_workers);
  offer<api::ListProcesses>(&Service::list_processes);
  offer<api::ValidateWorkers>(&Service::validate_workers);
  offer<api::CleanupDeadWorkers>(&Service::cleanup_dead_workers);
  offer<api::CleanupOrphans>(&Service::cleanup_orphans);
  offer<api::GetStatistics>(&Service::get_statistics);
  offer<api::ListEntries>(&Service::list_entries);
  offer<api::CountEntries>(&Service::count_entries);
  offer<api::Signal>(&Service::signal);
  offer<api::Stop>(&Service::stop);
  offer<api::Freeze>(&Service::freeze);
  offer<api::Thaw>(&Service::thaw);
  offer<api::Wait>(&Service::wait);
  offer<api::Subscribe>(&Service::subscribe);
  offer<api::ListPools>(&Service::list_pools);
  offer<api::GetPool>(&Service::get_pool);
  offer<api::WatchPools>(&Service::watch_pools);
  offer<api::ScalePool>(&Service::scale_pool);
  offer<api::RestartPool>(&Service::restart_pool);
  offer<api::Ping>(&Service::ping);
  offer<api::Reload>(&Service::reload);
  offer<api::SetLogLevel>(&Service::set_log_level);
  offer<api::GetEnvironment>(&Service::get_environment);
  offer<api::GetInfo>(&Service::get_info);
  offer<api::GetInterfaceDescription>(&Service::get_interface_description);
}

Service::~Service() = default;

void Service::dispatch(const std::string& method, const ReadInput& parameters,
                       const CallPointer& call) {
  const auto found = methods_.find(method);
  if (found != methods_.end()) return found->second(parameters, call);
  const auto dot = method.find('.') == std::string::npos ? 0 : method.rfind('.');
  const auto* interface = api::find_interface(std::string_view(method).substr(0, dot));
  if (interface == nullptr)
    return call->fail(api::failure(api::InterfaceNotFound{method.substr(0, dot)}));
  if (interface->find(std::string_view(method).substr(dot + 1)) != nullptr)
    return call->fail(api::failure(api::MethodNotImplemented{method}));
  call->fail(api::failure(api::MethodNotFound{method}));
}

void Service::get_info(api::GetInfo::Input, Responder<api::GetInfo> respond) {
  std::vector<std::string> names;
  for (const auto& interface : api::interfaces())
    names.emplace_back(interface.name);
  respond.reply({"reeve", "reeved", REEVE_VERSION, "man:reeved(8)", std::move(names)});
}

void Service::get_interface_description(api::GetInterfaceDescription::Input input,
                                        Responder<api::GetInterfaceDescription> respond) {
  const auto* interface = api::find_interface(input.interface);
  if (interface == nullptr)
    return respond.fail(api::failure(api::InterfaceNotFound{input.interface}));
  respond.reply({api::definition_of(*interface)});
}

// ---- what the handlers share

std::function<bool(const registry::LiveRun&)> Service::shown_to(const Caller& caller) const {
  // Where it cannot be told, that is no reason to show more.
  std::optional<std::string> around;
  if (rules_.runs_are_private)
    if (auto found = registry_.run_id_around(caller.process)) around = std::move(*found);
  return [this, &caller, around = std::move(around)](const registry::LiveRun& run) {
    return may_look_at(rules_, caller, run) || around == run.id();
  };
}

std::vector<registry::LiveRun*> Service::runs_shown_to(const Caller& caller) const {
  const auto is_shown = shown_to(caller);
  std::vector<registry::LiveRun*> shown;
  for (const auto& [id, run] : registry_.runs())
    if (run->phase() != registry::RunPhase::opening && is_shown(*run)) shown.push_back(run.get());
  return shown;
}

api::Outcome<registry::LiveRun*> Service::run_for(const std::optional<std::string>& name,
                                                  const Caller& caller) const {
  return name ? registry_.find_run(*name, shown_to(caller)) : registry_.run_of(caller.process);
}

api::Outcome<registry::LiveRun*> Service::run_to_change(const std::optional<std::string>& name,
                                                        const Caller& caller) const {
  auto run = run_for(name, caller);
  if (!run) return run;
  if (const auto objection = objection_to_changing(rules_, caller, **run)) return *objection;
  return run;
}

api::Outcome<registry::LiveRun*> Service::run_to_fill(const std::optional<std::string>& name,
                                                      const Caller& caller) const {
  auto run = run_to_change(name, caller);
  if (run.ok() && (*run)->is_configured())
    return api::permission_denied(
        "run " + (*run)->id() +
        " is that of the configured pools: reeve.toml says what is in it, and `reevectl scale`");
  return run;
}

api::Outcome<std::vector<registry::LiveRun*>> Service::runs_for(
    const std::optional<std::string>& name, const Caller& caller) const {
  const auto run = run_for(name, caller);
  if (run.ok()) return std::vector{*run};
  // A caller with several runs must say which: all those of others are not what it meant.
  if (name || !api::is<api::NoSuchRun>(run.error())) return run.error();
  return runs_shown_to(caller);
}

api::Outcome<registry::LiveWorker*> Service::worker_in(registry::LiveRun& run,
                                                       const std::string& name) {
  if (auto* worker = run.find(name)) return worker;
  return api::failure(api::NoSuchWorker{run.id(), name});
}

api::Outcome<process::Process> Service::open_process(const ProcessId& id) {
  if (!std::in_range<pid_t>(id.pid) || id.pid <= 0)
    return api::invalid_parameter("process.pid", "must be the number of a process");
  const auto mismatch = [&](const char* reason) {
    return api::failure(api::ProcessMismatch{id, reason});
  };
  if (id.boot_id && *id.boot_id != process::boot_id())
    return mismatch("bootId names another boot of this machine");
  auto process = process::Process::open(static_cast<pid_t>(id.pid));
  if (!process) return api::process_failed(id, process.error());
  if (id.pidfd_id && static_cast<std::uint64_t>(*id.pidfd_id) != process->identity().pidfd_id)
    return mismatch("pidfdId names another process that had this pid");
  if (id.start_time) {
    const auto details = process->details();
    if (!details) return api::process_failed(id, details.error());
    if (static_cast<std::uint64_t>(*id.start_time) != details->start_time)
      return mismatch("startTime is that of another process that had this pid");
  }
  return std::move(*process);
}

api::Outcome<process::Process> Service::open_process(const std::optional<ProcessId>& id,
                                                     const std::optional<std::int64_t>& descriptor,
                                                     Call& call) {
  if (!descriptor) {
    if (!id) return api::invalid_parameter("process", "is missing: give a process or a pidfd");
    return open_process(*id);
  }
  auto pidfd = call.take_descriptor(*descriptor);
  if (!pidfd)
    return api::invalid_parameter("processFileDescriptor",
                                  "no descriptor of that index came with the message");
  auto process = process::Process::adopt(std::move(pidfd));
  if (!process) {
    if (process.error().number == EBADF)
      return api::invalid_parameter("processFileDescriptor", "is not the pidfd of a process here");
    return api::process_failed(id.value_or(ProcessId{}), process.error());
  }
  if (!id) return std::move(*process);
  const auto named = open_process(*id);
  if (!named) return named.error();
  if (!named->identity().same_as(process->identity()))
    return api::failure(
        api::ProcessMismatch{*id, "process and processFileDescriptor name two processes"});
  return std::move(*process);
}

std::optional<api::Failure> Service::objection_to_workers_of(const Caller& caller) const {
  if (is_privileged(rules_, caller)) return std::nullopt;
  std::int64_t held = 0;
  for (const auto& [id, run] : registry_.runs())
    if (run->record().uid == caller.user) held += static_cast<std::int64_t>(run->workers().size());
  if (held < PerUser::workers) return std::nullopt;
  return api::failure(api::TooMany{"workers", PerUser::workers});
}

}  // namespace reeve::service
