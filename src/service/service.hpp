// The methods of io.reeve.Registry and org.varlink.service, for any face.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "api/interfaces.hpp"
#include "registry/entries.hpp"
#include "registry/registry.hpp"
#include "service/access.hpp"
#include "service/call.hpp"
#include "service/objections.hpp"

namespace reeve::supervision {
class Pool;
class Supervisor;
}  // namespace reeve::supervision

namespace reeve::service {

// Ends or continues a call with what its method returns.
template <class Method>
class Responder {
 public:
  explicit Responder(CallPointer call) : call_(std::move(call)) {}
  void reply(const typename Method::Output& output) const {
    call_->reply(schema::type<typename Method::Output>, &output);
  }
  void stream(const typename Method::Output& output) const {
    call_->stream(schema::type<typename Method::Output>, &output);
  }
  void fail(const api::Failure& failure) const { call_->fail(failure); }
  [[nodiscard]] Call& call() const { return *call_; }
  [[nodiscard]] const Caller& caller() const { return call_->caller(); }

 private:
  CallPointer call_;
};

template <class Method>
auto answer_with_worker(Responder<Method> respond) {
  return [respond](const api::Outcome<Worker>& worker) {
    if (!worker) return respond.fail(worker.error());
    respond.reply({*worker});
  };
}

class Subscription;

class Service {
 public:
  // `socket` is where workers find this reeved; empty if they are not to be told.
  Service(loop::Loop& loop, registry::Registry& registry, AccessRules rules, std::string socket);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // How the configuration is read again: what is wrong with it, or nothing.
  using Faults = std::vector<std::string>;
  void on_reload(std::function<Faults()> reload) { reload_ = std::move(reload); }
  // Of a reeved that runs pools; outlives it.
  void offer_pools(supervision::Supervisor& supervisor) { supervisor_ = &supervisor; }
  void set_rules(AccessRules rules) { rules_ = std::move(rules); }

  // `method` is its full name. The call is answered now or later, errors included.
  void dispatch(const std::string& method, const ReadInput& parameters, const CallPointer& call);

 private:
  template <class Method>
  using Handler = void (Service::*)(typename Method::Input, Responder<Method>);
  template <class Method>
  void offer(Handler<Method> handler);

  void get_info(api::GetInfo::Input input, Responder<api::GetInfo> respond);
  void get_interface_description(api::GetInterfaceDescription::Input input,
                                 Responder<api::GetInterfaceDescription> respond);

  // service/administration.cpp
  [[nodiscard]] std::optional<api::Failure> objection_to_administering(const Caller& caller) const;
  void ping(api::Ping::Input input, Responder<api::Ping> respond);
  void reload(api::Reload::Input input, Responder<api::Reload> respond);
  void set_log_level(api::SetLogLevel::Input input, Responder<api::SetLogLevel> respond);
  void get_environment(api::GetEnvironment::Input input, Responder<api::GetEnvironment> respond);

  // service/pools.cpp
  [[nodiscard]] std::optional<api::Failure> objection_to_looking_at_pools(
      const Caller& caller) const;
  [[nodiscard]] api::Outcome<supervision::Pool*> pool_named(const std::string& name) const;
  template <class Method, class Change>
  void change_pool(const std::string& name, const Responder<Method>& respond, const Change& change);
  void list_pools(api::ListPools::Input input, Responder<api::ListPools> respond);
  void get_pool(api::GetPool::Input input, Responder<api::GetPool> respond);
  void watch_pools(api::WatchPools::Input input, Responder<api::WatchPools> respond);
  void scale_pool(api::ScalePool::Input input, Responder<api::ScalePool> respond);
  void restart_pool(api::RestartPool::Input input, Responder<api::RestartPool> respond);

  // service/runs.cpp
  void open_run(api::OpenRun::Input input, Responder<api::OpenRun> respond);
  void close_run(api::CloseRun::Input input, Responder<api::CloseRun> respond);
  void enter_run(api::EnterRun::Input input, Responder<api::EnterRun> respond);
  void get_run(api::GetRun::Input input, Responder<api::GetRun> respond);
  void list_runs(api::ListRuns::Input input, Responder<api::ListRuns> respond);

  // service/workers.cpp
  void reserve(api::Reserve::Input input, Responder<api::Reserve> respond);
  void activate(api::Activate::Input input, Responder<api::Activate> respond);
  void register_worker(api::Register::Input input, Responder<api::Register> respond);
  void unregister(api::Unregister::Input input, Responder<api::Unregister> respond);
  void signal(api::Signal::Input input, Responder<api::Signal> respond);
  void stop(api::Stop::Input input, Responder<api::Stop> respond);
  void freeze(api::Freeze::Input input, Responder<api::Freeze> respond);
  void thaw(api::Thaw::Input input, Responder<api::Thaw> respond);
  void wait(api::Wait::Input input, Responder<api::Wait> respond);

  // service/spawning.cpp
  void spawn(api::Spawn::Input input, Responder<api::Spawn> respond);

  // service/queries.cpp
  void is_registered(api::IsRegistered::Input input, Responder<api::IsRegistered> respond);
  void get_worker(api::GetWorker::Input input, Responder<api::GetWorker> respond);
  void list_workers(api::ListWorkers::Input input, Responder<api::ListWorkers> respond);
  void list_processes(api::ListProcesses::Input input, Responder<api::ListProcesses> respond);
  void validate_workers(api::ValidateWorkers::Input input, Responder<api::ValidateWorkers> respond);
  void cleanup_dead_workers(api::CleanupDeadWorkers::Input input,
                            Responder<api::CleanupDeadWorkers> respond);
  void cleanup_orphans(api::CleanupOrphans::Input input, Responder<api::CleanupOrphans> respond);
  void get_statistics(api::GetStatistics::Input input, Responder<api::GetStatistics> respond);
  void list_entries(api::ListEntries::Input input, Responder<api::ListEntries> respond);
  void walk_entries_for(uid_t user);
  void count_entries(api::CountEntries::Input input, Responder<api::CountEntries> respond);
  void subscribe(api::Subscribe::Input input, Responder<api::Subscribe> respond);

  // Which runs the caller may look at: by its user, or from inside.
  [[nodiscard]] std::function<bool(const registry::LiveRun&)> shown_to(const Caller& caller) const;
  [[nodiscard]] std::vector<registry::LiveRun*> runs_shown_to(const Caller& caller) const;
  // The run that is named, or the caller's.
  [[nodiscard]] api::Outcome<registry::LiveRun*> run_for(const std::optional<std::string>& name,
                                                         const Caller& caller) const;
  // The same, if the caller may change it.
  [[nodiscard]] api::Outcome<registry::LiveRun*> run_to_change(
      const std::optional<std::string>& name, const Caller& caller) const;
  // The same, if the caller may also say what is in it: nobody does with that of the pools.
  [[nodiscard]] api::Outcome<registry::LiveRun*> run_to_fill(const std::optional<std::string>& name,
                                                             const Caller& caller) const;
  // For queries over many: the run that is named, the caller's, or, for a caller without a run,
  // all that are shown to it.
  [[nodiscard]] api::Outcome<std::vector<registry::LiveRun*>> runs_for(
      const std::optional<std::string>& name, const Caller& caller) const;
  [[nodiscard]] static api::Outcome<registry::LiveWorker*> worker_in(registry::LiveRun& run,
                                                                     const std::string& name);
  // What a caller wrote to identify a process: opened and compared with all it said.
  [[nodiscard]] static api::Outcome<process::Process> open_process(const ProcessId& id);
  [[nodiscard]] static api::Outcome<process::Process> open_process(
      const std::optional<ProcessId>& id, const std::optional<std::int64_t>& descriptor,
      Call& call);
  // The process that is to become a worker of this run, if it can and the caller may.
  [[nodiscard]] api::Outcome<process::Process> process_for(
      const registry::LiveRun& run, const std::optional<ProcessId>& id,
      const std::optional<std::int64_t>& descriptor, Call& call) const;
  // Of a worker that the caller may change and that has not exited, once it is settled.
  template <class Method>
  void change_worker(const typename Method::Input& input, Responder<Method> respond,
                     void (registry::LiveWorker::*change)(registry::Answer<Done>));
  [[nodiscard]] std::optional<api::Failure> objection_to_workers_of(const Caller& caller) const;

  loop::Loop& loop_;
  registry::Registry& registry_;
  AccessRules rules_;
  std::string socket_;
  std::function<Faults()> reload_;
  supervision::Supervisor* supervisor_ = nullptr;
  using Dispatch = std::function<void(const ReadInput&, const CallPointer&)>;
  std::unordered_map<std::string, Dispatch> methods_;
  // One walk at a time for each user; the first in line is the one under way.
  struct EntryCalls {
    std::unique_ptr<registry::EntryWalk> walk;
    std::deque<std::pair<std::uint64_t, Responder<api::ListEntries>>> line;
  };
  std::map<uid_t, EntryCalls> entry_calls_;
  std::uint64_t last_entry_call_ = 0;
};

}  // namespace reeve::service
