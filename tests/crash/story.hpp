// What a scenario did to reeved, what it was told, and so what has to hold afterwards, at whatever
// point reeved was killed.
//
// Every step widens what may be seen of a worker or a run before it asks reeved, and narrows it to
// what must be seen once reeved has acknowledged it.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "process/process.hpp"
#include "support/unit.hpp"
#include "support/world.hpp"

namespace reeve::test::crash {

// Ends a scenario: reeved was killed under it.
struct DaemonGone {};

// What reeved did must not be.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Story;
class StoryRun;

enum class Standing { absent, reserved, active, exited };

// How a worker's process is started.
struct Shape {
  bool inside = false;  // born in the worker's cgroup
  int descendants = 0;
  bool deaf = false;  // ignores SIGTERM
};

class StoryWorker {
 public:
  StoryWorker(Story& story, StoryRun& run, std::string name);
  ~StoryWorker();
  StoryWorker(const StoryWorker&) = delete;
  StoryWorker& operator=(const StoryWorker&) = delete;

  StoryWorker& reserve(Microseconds timeout = std::chrono::hours(1));
  StoryWorker& spawn(Shape shape = {});
  StoryWorker& activate();
  // Reserve and Activate in one.
  StoryWorker& enroll();
  // Spawn: the process is one that reeved starts.
  StoryWorker& start();
  StoryWorker& freeze();
  StoryWorker& thaw();
  StoryWorker& stop(Microseconds grace);
  StoryWorker& unregister();
  // Its process dies and is reaped.
  StoryWorker& die();
  // Its process dies and is left a zombie.
  StoryWorker& die_unreaped();
  // Until reeved tells of the exit.
  StoryWorker& await_exit();
  // Until its cgroup is gone.
  StoryWorker& await_removal();

  // What reeved lists of it, against what may be.
  [[nodiscard]] std::vector<std::string> violations(const std::optional<Worker>& listed) const;
  // Before its run ends: then all of its processes that are inside have to end.
  void look_where_it_is();
  [[nodiscard]] std::string survivors() const;

 private:
  friend class StoryRun;
  void may_be(Standing standing) { may_be_.insert(standing); }
  void must_be(Standing standing) { may_be_ = {standing}; }
  void process_died();
  void check_started(const std::optional<Worker>& listed, std::vector<std::string>& found) const;
  void check_active(const Worker& listed, std::vector<std::string>& found) const;
  void check_reserved(const Worker& listed, std::vector<std::string>& found) const;

  Story& story_;
  StoryRun& run_;
  std::string name_;
  std::set<Standing> may_be_{Standing::absent};
  bool may_die_ = false;  // reeved may have killed its process
  bool was_unregistered_ = false;
  bool is_contained_ = false;
  bool is_brief_ = false;  // its reservation expires by itself
  std::set<bool> may_be_frozen_{false};
  std::string control_group_;  // as Reserve told
  Shape shape_;
  bool is_started_by_reeved_ = false;
  process::Process started_;  // once reeved has told of it
  Child process_;
  std::optional<LifeLine> tree_;
};

class StoryRun {
 public:
  StoryRun(Story& story, OwnerExitPolicy policy, Microseconds grace);
  StoryRun(const StoryRun&) = delete;
  StoryRun& operator=(const StoryRun&) = delete;

  StoryRun& open();
  // By name; the same one for the same name.
  StoryWorker& worker(const std::string& name);
  // A process of its own that enters the run.
  StoryRun& enter();
  StoryRun& close(OwnerExitPolicy policy);
  StoryRun& owner_dies();
  // CleanupDeadWorkers.
  StoryRun& collect();

  [[nodiscard]] const std::string& id() const { return id_; }
  // Path of its cgroup.
  [[nodiscard]] std::string control_group() const;
  [[nodiscard]] bool owner_is(std::int64_t pid) const { return owner_.pid() == pid; }
  [[nodiscard]] bool owner_is_alive() const { return owner_.is_alive(); }
  [[nodiscard]] bool is_kept() const { return policy_ == OwnerExitPolicy::keep; }
  [[nodiscard]] bool must_be_gone() const { return must_be_gone_; }
  [[nodiscard]] bool may_be_gone() const { return may_be_gone_; }
  [[nodiscard]] std::vector<std::string> violations(const std::vector<Worker>& listed) const;
  void look_where_processes_are();
  // Processes that should have ended with the run.
  [[nodiscard]] std::vector<std::string> survivors() const;

 private:
  friend class StoryWorker;
  void processes_may_die();

  Story& story_;
  OwnerExitPolicy policy_;
  Microseconds grace_;
  Child owner_;
  std::string id_;
  bool may_be_gone_ = false;
  bool must_be_gone_ = false;
  std::list<StoryWorker> workers_;
  std::list<Child> entering_;
  std::size_t entered_ = 0;  // so many of them were told that they are in
};

// One pool of the configuration.
class StoryPools {
 public:
  explicit StoryPools(Story& story) : story_(story) {}

  // Writes the configuration, and has it read; a negative size for none at all. Each slot is to run
  // `sleep SECONDS`.
  StoryPools& configure(int size, int seconds = 1000);
  // As configured next: how long a worker runs until it counts as ready.
  StoryPools& ready_after(const std::string& time);
  StoryPools& await_settled();
  StoryPools& scale(int size);
  StoryPools& restart();
  StoryPools& worker_dies(std::size_t slot);

  [[nodiscard]] bool is_configured() const { return is_configured_; }
  // What is under way, from the notes on the run and on its active workers.
  [[nodiscard]] std::vector<std::string> unrest(const std::string& note,
                                                const std::vector<std::string>& active) const;
  [[nodiscard]] std::vector<std::string> violations();

 private:
  void write(int size) const;
  [[nodiscard]] std::vector<std::int64_t> pids();

  Story& story_;
  bool is_configured_ = false;
  int seconds_ = 0;
  std::string ready_after_ = "0s";
  std::set<int> sizes_{0};
  std::vector<std::int64_t> before_;  // of a restart
  bool must_be_replaced_ = false;
};

class Story {
 public:
  // `signal` reaches the reeved that runs in the world.
  Story(World& world, std::function<void(int)> signal);

  [[nodiscard]] World& world() { return world_; }
  StoryRun& new_run(OwnerExitPolicy policy = OwnerExitPolicy::kill,
                    Microseconds grace = std::chrono::milliseconds(30));
  StoryRun& open_run(OwnerExitPolicy policy = OwnerExitPolicy::kill,
                     Microseconds grace = std::chrono::milliseconds(30)) {
    return new_run(policy, grace).open();
  }
  void clean_up_orphans();
  StoryPools& pools();
  // The first one that was opened.
  [[nodiscard]] StoryRun& run() { return runs_.front(); }
  // SIGTERM, until reeved has ended.
  void stop_daemon();
  [[nodiscard]] bool asked_to_end() const { return asked_to_end_; }
  // Reeved is killed, or was: nothing is expected of the connection any more.
  void disconnect() { client_.reset(); }
  // SIGKILL, outside of what is counted.
  void crash();
  // A cgroup below the root that is none of reeve's, with a process in it.
  void make_foreign(const std::string& name);
  // Runs that are opened from now on belong to a service, and are placed in its unit.
  void begin_service();
  // As systemd does it, with all that is in it.
  void stop_service();
  [[nodiscard]] const Unit* service() const { return service_ ? &*service_ : nullptr; }
  // As a daemon leaves it that was killed before it had recorded which cgroup it made.
  void make_half_placed_run();
  // As a daemon leaves them that was killed right after mkdir.
  void make_half_run();
  void make_half_worker(const StoryRun& run, const std::string& name);

  // Until reeved has no more to do, told from its cgroups and records alone.
  void await_rest();
  // What is still under way, or wrong, in cgroups and records.
  [[nodiscard]] std::vector<std::string> unrest() const;
  // All that is not as it has to be, from cgroups, records, processes and reeved's own answers.
  [[nodiscard]] std::vector<std::string> violations();
  // Everything that a restart has to leave as it is.
  [[nodiscard]] std::string state();
  // Kills the owners, closes what is kept, and tells what has not ended then.
  [[nodiscard]] std::vector<std::string> end();
  // At the very end, when all was found to be good.
  void remove_cgroups();
  // The cgroups with their records and processes.
  [[nodiscard]] std::string tree() const;

  // Throws DaemonGone if reeved is no more, Violation if it refuses.
  template <class Method>
  typename Method::Output ask(const typename Method::Input& input,
                              std::span<const int> descriptors = {}) {
    connect();
    auto answer = call_on<Method>(*client_, input, descriptors);
    if (answer) return *std::move(answer.output);
    if (answer.error.starts_with("(")) lose_daemon(answer.error);
    throw Violation(std::string(Method::name) + " was refused: " + answer.error + " " +
                    answer.parameters);
  }
  // Until `condition` holds, or reeved is no more.
  void await(const char* what, const std::function<bool()>& condition);
  // Where this program's processes are unless they were moved.
  [[nodiscard]] const std::string& home() const { return home_; }

 private:
  friend class StoryRun;
  void connect();
  [[noreturn]] void lose_daemon(const std::string& reason);
  [[nodiscard]] std::vector<std::string> strangers_touched() const;

  World& world_;
  std::function<void(int)> signal_;
  bool asked_to_end_ = false;
  std::string home_;
  std::optional<varlink::Client> client_;
  std::optional<Unit> service_;
  std::list<StoryRun> runs_;
  std::optional<StoryPools> pools_;
  struct Stranger {
    Child process;
    std::string control_group;
  };
  std::vector<Stranger> strangers_;
  std::set<std::string> foreign_;  // directories below the root
};

}  // namespace reeve::test::crash
