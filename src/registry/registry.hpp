// The registry: all runs on one root, found by id, by owner and by where a process sits.
//
// The kernel's cgroup tree is the truth; what is held here is an index of it that a restart
// rebuilds. Everything happens on the loop's thread. Rights are the caller's concern: see
// service/access.hpp.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cgroup/limits.hpp"
#include "registry/live_run.hpp"
#include "registry/placement.hpp"
#include "registry/surroundings.hpp"

namespace reeve::registry {

struct OpenRequest {
  process::Process owner;
  uid_t user = 0;
  std::optional<std::string> name;
  OwnerExitPolicy policy = OwnerExitPolicy::kill;
  Microseconds grace{};
  std::optional<Placement> placement;
  std::optional<cgroup::Directory> place;  // where its tree is to be, if not in the registry
  std::optional<Metadata> metadata;
  bool is_configured = false;  // see RunRecord
};

struct ReserveRequest {
  std::string worker;
  Microseconds timeout{};
  std::optional<std::string> fingerprint;
  std::optional<Limits> limits;
  std::optional<Metadata> metadata;
  std::optional<std::string> stop_signal = {};
  Notes notes = {};
};

class Registry {
 public:
  Registry(loop::Loop& loop, spawn::Spawner& spawner, cgroup::Mount mount, cgroup::Directory root);
  ~Registry();

  // Whose pools are not this daemon's business: the run of the configuration is left alone.
  void leave_configured_run() { takes_configured_run_ = false; }
  // Takes up the runs on the root that no daemon serves: adopts those whose owners live, begins to
  // end the others. Once before anything else, and whenever asked to clean up.
  struct Recovered {
    std::size_t adopted = 0;
    std::size_t workers = 0;
    std::size_t stale = 0;
    std::vector<std::string> foreign;    // without a record of ours: untouched
    std::vector<std::string> elsewhere;  // served by another daemon on the same root
  };
  Result<Recovered> recover();

  // See placement.hpp.
  [[nodiscard]] api::Outcome<std::optional<cgroup::Directory>> place_for(
      const process::Process& owner, std::optional<Placement> wanted, uid_t user) const {
    return registry::place_for(surroundings_, owner, wanted, user);
  }
  void open_run(OpenRequest request, Answer<reeve::Run> answer);
  // By a prefix of its id. NoSuchRun, RunAmbiguous.
  // Among those that `may_be_found`.
  [[nodiscard]] api::Outcome<LiveRun*> find_run(
      const std::string& prefix, const std::function<bool(const LiveRun&)>& may_be_found) const;
  // The run that the process owns or is inside of. NoSuchRun, RunAmbiguous.
  [[nodiscard]] api::Outcome<LiveRun*> run_of(const process::Process& process) const;
  // The run a process sits in, by its cgroup; also one that another daemon serves. None for a
  // process that is gone; fails where it cannot be told.
  [[nodiscard]] Result<std::optional<std::string>> run_id_around(
      const process::Process& process) const;
  [[nodiscard]] const std::map<std::string, std::unique_ptr<LiveRun>>& runs() const {
    return runs_;
  }

  // AlreadyReserved, AlreadyActive, RunClosing.
  void reserve(LiveRun& run, ReserveRequest request, Answer<reeve::Worker> answer);
  // NotReserved, AlreadyActive, and what keeps a process from being a worker.
  void activate(LiveRun& run, const std::string& worker, ActivationRequest request,
                Answer<reeve::Worker> answer);
  // Starts a program as a new worker: AlreadyReserved, AlreadyActive, RunClosing, SpawnFailed.
  void spawn(LiveRun& run, ReserveRequest reservation, SpawnRequest request,
             Answer<reeve::Worker> answer);
  // Why this process cannot be a worker of this run; nothing if it can.
  [[nodiscard]] std::optional<api::Failure> objection_to(const LiveRun& run,
                                                         const process::Process& process) const;

  // Runs whose owner is dead and whose workers are not to be kept are ended, and reservations whose
  // time is over. Answers when that is done, or after some seconds with what could not be emptied.
  // `may_end` says on which runs the caller may do that.
  void cleanup_orphans(const std::function<bool(const LiveRun&)>& may_end,
                       Answer<CleanupReport> answer);

  // Of one run, or of all.
  [[nodiscard]] Statistics statistics(const std::vector<LiveRun*>& runs) const;
  [[nodiscard]] EventLog& events() { return events_; }
  // Whether workers are limited and accounted by it: "memory".
  [[nodiscard]] bool has_controller(std::string_view name) const;
  [[nodiscard]] const cgroup::Directory& root() const { return root_; }
  [[nodiscard]] const cgroup::Mount& mount() const { return mount_; }
  // Called for each worker that leaves the listings before its run does.
  void on_unlisted(std::function<void(const std::string& run, const std::string& worker)> handler) {
    surroundings_.unlisted = std::move(handler);
  }
  // Called before the death of a worker is acted upon.
  void before_death(std::function<void()> handler) {
    surroundings_.before_death = std::move(handler);
  }
  // Called, from the loop, whenever a run is gone.
  void on_run_gone(std::function<void()> handler) { run_gone_ = std::move(handler); }

 private:
  void make(LiveRun& run, ReserveRequest request, std::optional<SpawnRequest> program,
            Answer<reeve::Worker> answer);
  struct Cleanup;

  void adopt_run(const std::string& directory, Recovered& recovered);
  void remove_unrecorded(const std::string& name, cgroup::Directory directory,
                         Recovered& recovered);
  void forget_run(const std::string& id);
  void report_cleanup(std::uint64_t key);

  loop::Loop& loop_;
  cgroup::Mount mount_;
  cgroup::Directory root_;
  EventLog events_;
  Totals totals_;
  Surroundings surroundings_;
  std::map<std::string, std::unique_ptr<LiveRun>> runs_;
  std::vector<std::string> departed_;
  loop::Timer farewell_;
  std::map<std::string, loop::Operation> removals_;  // of directories that a crash left
  std::map<std::uint64_t, std::unique_ptr<Cleanup>> cleanups_;
  std::uint64_t last_cleanup_ = 0;
  std::function<void()> run_gone_;
  bool takes_configured_run_ = true;
};

}  // namespace reeve::registry
