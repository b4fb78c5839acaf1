// A run as the daemon holds it: executes what its lifecycle asks for. See run_lifecycle.hpp.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "process/process.hpp"
#include "registry/emptying.hpp"
#include "registry/live_worker.hpp"
#include "registry/records.hpp"
#include "registry/site.hpp"
#include "registry/surroundings.hpp"
#include "registry/worker_directories.hpp"

namespace reeve::registry {

class LiveRun {
 public:
  using Forget = std::function<void(const std::string& run_id)>;

  // In the phase of the record: `opening` for a new one. `forget` is called from the loop, last.
  LiveRun(const Surroundings& surroundings, std::string id, RunRecord record,
          process::Process owner, Forget forget);
  ~LiveRun();
  LiveRun(const LiveRun&) = delete;
  LiveRun& operator=(const LiveRun&) = delete;

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const RunRecord& record() const { return record_; }
  // Its tree.
  [[nodiscard]] const cgroup::Directory& directory() const { return site_.tree; }
  [[nodiscard]] const process::Process& owner() const { return owner_; }
  [[nodiscard]] RunPhase phase() const { return record_.phase; }
  [[nodiscard]] bool is_open() const { return state_of(phase()) == RunState::open; }
  [[nodiscard]] bool is_closing() const { return !is_open(); }
  [[nodiscard]] bool is_stuck() const { return stuck_; }
  [[nodiscard]] bool is_configured() const { return record_.is_configured.value_or(false); }
  [[nodiscard]] reeve::Run described() const;

  // Listed workers by name.
  [[nodiscard]] const std::map<std::string, LiveWorker*>& listed() const { return listed_; }
  // All workers, those that left the listings included.
  using Workers = std::unordered_map<const LiveWorker*, std::unique_ptr<LiveWorker>>;
  [[nodiscard]] const Workers& workers() const { return workers_; }
  [[nodiscard]] LiveWorker* find(const std::string& name) const;
  // The listed worker that lives in the cgroup of that path, or below it.
  [[nodiscard]] LiveWorker* worker_around(std::string_view path) const;
  // Whether a worker of that name is being made and not yet listed.
  [[nodiscard]] bool is_being_made(const std::string& name) const { return births_.contains(name); }
  // The worker whose main process this is; nullptr if it is none's.
  [[nodiscard]] const LiveWorker* worker_of(const process::Identity& process) const;

  // Makes the run's cgroups, in a place other than the registry if one is given, and its record;
  // the lifecycle's `opened` or `opening_failed` follows.
  void create(std::optional<cgroup::Directory> place, Answer<reeve::Run> answer);
  // After a restart, with the run's entry open and locked: takes up what was going on.
  void adopt(Site site);
  // Kills, or terminates first, and answers when nothing is left.
  Waiters<CleanupReport>::Token close(OwnerExitPolicy policy, Answer<CleanupReport> answer);
  void forget_waiter(Waiters<CleanupReport>::Token token) { closing_waiters_.remove(token); }
  // How long its workers have when it is closed, other than by force.
  [[nodiscard]] Status set_grace(Microseconds grace);
  // What another room keeps with the run, for who serves it next.
  [[nodiscard]] Status write_note(const std::string& name, const std::string& note) const {
    return site_.entry.write_note(name, note);
  }
  [[nodiscard]] Result<Notes> notes() const { return site_.entry.notes(); }
  // Moves a process into the run itself.
  void enter(process::Process process, Answer<reeve::Run> answer);
  // A worker of a name that is free: made, recorded, and listed when it is there. Its program, if
  // there is one, is executed inside.
  void make(WorkerRecord record, Notes notes, std::optional<SpawnRequest> program,
            Answer<reeve::Worker> answer);

  // Ahead of its time; not where the run ends.
  void prepare_directory(const std::string& name) {
    if (is_open()) directories_.prepare(directory(), name);
  }
  WorkerDirectories& worker_directories() { return directories_; }

  // From its workers.
  // At once, or when the worker of that name that is being made needs nothing more from here.
  void after_birth_of(const std::string& name, std::function<void()> then);
  void end_birth_of(const std::string& name);
  void list(LiveWorker& worker);
  void unlist(const LiveWorker& worker);
  void forget(const LiveWorker& worker);
  void bind_process(pid_t pid, const LiveWorker& worker) { by_process_[pid] = &worker; }
  void release_process(pid_t pid, const LiveWorker& worker);
  // A process of a worker is gone: maybe it was the last thing waited for.
  void settle();
  // Something may have come in after the kill.
  void kill_again() { apply(RunEvent::still_populated); }

 private:
  struct Entering;

  void apply(RunEvent event);
  void perform(RunActions actions);
  [[nodiscard]] Status write_record(RunPhase phase) const;

  void opening_ended(const Status& status);
  void watch_owner();
  void owner_died();
  void end_without_tree();
  void adopt_worker(const std::string& name);
  void condemn_workers();
  void empty_tree(bool kill);
  void emptying_told(Emptying::News news);
  void remove_tree();
  void announce_closed();

  const Surroundings& surroundings_;
  std::string id_;
  RunRecord record_;
  process::Process owner_;
  Forget forget_;
  Site site_;
  CleanupReport report_;
  bool stuck_ = false;

  loop::Operation owner_watch_;
  loop::Timer timer_;
  loop::Timer soon_;
  std::unique_ptr<Emptying> emptying_;
  std::unique_ptr<Founding> founding_;
  std::unique_ptr<Clearing> clearing_;
  Answer<reeve::Run> opening_answer_;
  Waiters<CleanupReport> closing_waiters_;
  std::map<std::uint64_t, std::unique_ptr<Entering>> entering_;
  std::uint64_t last_entering_ = 0;

  std::map<std::string, LiveWorker*> listed_;
  std::map<std::string, std::vector<std::function<void()>>> births_;  // with what comes after them
  WorkerDirectories directories_;
  std::unordered_map<pid_t, const LiveWorker*> by_process_;
  Workers workers_;
  std::vector<const LiveWorker*> departed_;
  loop::Timer farewell_;
};

// The failure to tell a caller whose process could not be moved.
api::Failure refusal_of_move(const Error& error, const ProcessId& process);

}  // namespace reeve::registry
