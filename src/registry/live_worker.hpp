// A worker as the daemon holds it: executes what its lifecycle asks for. See worker_lifecycle.hpp.
#pragma once

#include <memory>
#include <string>

#include "process/process.hpp"
#include "registry/activation.hpp"
#include "registry/emptying.hpp"
#include "registry/freezing.hpp"
#include "registry/reaping.hpp"
#include "registry/records.hpp"
#include "registry/removal.hpp"
#include "registry/surroundings.hpp"

namespace reeve::registry {

class LiveRun;

struct ActivationRequest {
  process::Process process;
  std::optional<std::string> handle;
  std::optional<std::string> fingerprint;
  Activation::MayMove may_move;
};

struct SpawnRequest {
  spawn::Request program;
  std::optional<std::string> handle;
};

class LiveWorker {
 public:
  // In the phase of the record: `creating` for a new one.
  LiveWorker(const Surroundings& surroundings, LiveRun& run, std::string directory,
             WorkerRecord record);
  // Whoever still waits is told that the worker, or its run, is no more.
  ~LiveWorker();
  LiveWorker(const LiveWorker&) = delete;
  LiveWorker& operator=(const LiveWorker&) = delete;

  [[nodiscard]] const std::string& name() const { return record_.name; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const WorkerRecord& record() const { return record_; }
  [[nodiscard]] WorkerPhase phase() const { return record_.phase; }
  [[nodiscard]] WorkerState state() const;
  [[nodiscard]] std::string path() const;
  [[nodiscard]] Result<cgroup::Directory> open_directory() const;
  // Between two states because of a call that is not yet answered.
  [[nodiscard]] bool is_unsettled() const {
    return phase() == WorkerPhase::activating || phase() == WorkerPhase::spawning;
  }
  // Also where its run has been told to end meanwhile.
  [[nodiscard]] bool is_being_spawned() const { return spawning_.has_value(); }
  // How it ended has still to be learnt, or to be told.
  [[nodiscard]] bool is_to_be_reaped() const {
    return is_child_of_spawner_ || collecting_ || is_dying_;
  }
  [[nodiscard]] bool process_is_alive() const { return process_ && process_.is_alive(); }
  // Nobody else may have its name meanwhile.
  [[nodiscard]] bool holds_name() const { return registry::holds_name(phase()) && !makes_way_; }
  // Could not be emptied for some time: a process is stuck in the kernel.
  [[nodiscard]] bool is_stuck() const { return stuck_; }
  enum class WithUsage { recorded, current };
  [[nodiscard]] reeve::Worker described(WithUsage usage = WithUsage::recorded) const;

  // Makes the directory, notes and record; the lifecycle's `created`, `spawn` or `creation_failed`
  // follows.
  void create(Notes notes, Answer<reeve::Worker> answer);
  // Likewise; answers once the program is executed inside.
  void create_and_spawn(Notes notes, SpawnRequest request, Answer<reeve::Worker> answer);
  // In the phase `reserved`.
  void activate(ActivationRequest request, Answer<reeve::Worker> answer);
  // In any phase: runs `then` once no activation is under way.
  void when_settled(std::function<void()> then);
  // These two fail, and nothing happens, where it cannot be recorded: they are acknowledged at
  // once, and what was acknowledged must survive the daemon.
  Status unregister() { return take_leave(WorkerEvent::unregister); }
  Status collect() { return take_leave(WorkerEvent::collect); }
  // A reservation that came to nothing goes at once; unrecorded, it would end by its timeout.
  void withdraw() { apply(WorkerEvent::unregister); }
  // Not later than an earlier call asked for. The answer comes when the whole tree is gone.
  Waiters<reeve::Worker>::Token stop(Microseconds grace, Answer<reeve::Worker> answer);
  Waiters<reeve::Worker>::Token wait(Answer<reeve::Worker> answer);
  // Called once when it has died, before anything follows from that: a successor that is made now
  // comes first.
  void when_dead(std::function<void()> handler) { when_dead_ = std::move(handler); }
  // Of one that is dead, also while nothing has followed from it.
  [[nodiscard]] std::optional<Exit> exit() const;
  // Once nothing of its tree is left.
  Waiters<reeve::Worker>::Token await_emptiness(Answer<reeve::Worker> answer);
  // Of an exited one, once its parent has reaped it: until then nobody knows how it ended.
  Waiters<reeve::Worker>::Token await_reaping(Answer<reeve::Worker> answer);
  void forget_waiter(Waiters<reeve::Worker>::Token token);
  [[nodiscard]] bool is_populated() const;
  [[nodiscard]] Status write_note(const std::string& name, const std::string& note) const;
  [[nodiscard]] Result<Notes> notes() const;
  [[nodiscard]] Status signal(int number, bool whole_tree) const;
  void freeze(Answer<Done> answer) { want(Freezing::State::frozen, std::move(answer)); }
  void thaw(Answer<Done> answer) { want(Freezing::State::thawed, std::move(answer)); }
  // What it says of itself. Each is written down, as it may be asked for after it is dead.
  void take_status_text(std::string text);
  // Another process of it, which sits in its cgroup, is the one whose death is its end. EXDEV for
  // one that is none of its.
  [[nodiscard]] Status take_main_process(process::Process process);
  // It was asked to stop, and needs time until then (CLOCK_MONOTONIC).
  void extend_grace(Microseconds until);
  // What asks a worker to end must be heard by it.
  void thaw_to_be_heard();

  // After a restart: takes up what the record says was going on.
  void adopt();

  // From its run: everything in it is being killed.
  void condemn() { apply(WorkerEvent::run_closing); }
  // SIGKILL to the main process, wherever it sits: its identity is proven, its cgroup may not be.
  void kill_process() const;
  // The run found everything in it dead, maybe before the loop told of this worker.
  void notice_end_of_run();

 private:
  void notice_death();
  void learn_of_end();
  void death_noticed();
  void reap(std::function<void()> then);
  void apply(WorkerEvent event);
  Status request(WorkerEvent event);
  Status take_leave(WorkerEvent event);
  Status perform(WorkerActions actions);
  Status write_record() const;
  Status write_record(const cgroup::Directory& directory) const;

  void directory_made(int result, unsigned attempts);
  void creation_ended(const std::optional<api::Failure>& failure);
  [[nodiscard]] std::optional<api::Failure> equip(const cgroup::Directory& directory) const;
  void order_program(cgroup::Directory directory);
  void start_activation(cgroup::Directory leaf, Activation::Beginning beginning,
                        Activation::MayMove may_move);
  void activation_ended(const Status& status);
  void resume_activation();
  void spawn_ended(spawn::Spawner::Outcome outcome);
  api::Outcome<reeve::Worker> take_up(process::Process process);
  void settle();
  void adopt_process();
  void watch_process();
  void watch_reaping();
  void process_reaped();
  void record_exit();
  [[nodiscard]] Exit exit_as_of_now() const;
  // Whether the process was reaped by now, and if so, with which status.
  void complete(Exit& exit) const;
  void kill_tree();
  void remove_directory();
  void remove_directory_now();
  void want(Freezing::State state, Answer<Done> answer);

  const Surroundings& surroundings_;
  LiveRun& run_;
  std::string directory_;
  WorkerRecord record_;
  process::Process process_;
  bool stuck_ = false;

  loop::Operation making_;
  loop::Operation process_watch_;
  loop::Timer timer_;
  loop::Timer soon_;
  std::unique_ptr<Reaping> reaping_;
  std::unique_ptr<Activation> activation_;
  std::unique_ptr<Emptying> emptying_;
  std::unique_ptr<Freezing> freezing_;
  bool frozen_ = false;
  std::unique_ptr<Removal> removal_;

  std::optional<spawn::Spawner::Key> spawning_;
  bool is_child_of_spawner_ = false;
  std::optional<spawn::Spawner::Key> collecting_;

  std::function<void()> when_dead_;
  bool makes_way_ = false;
  bool is_dying_ = false;                // which is known, and not yet acted upon
  Notes notes_;                          // until they are written
  std::optional<SpawnRequest> program_;  // until the reservation was told
  Answer<reeve::Worker> creation_answer_;
  Answer<reeve::Worker> activation_answer_;
  std::vector<std::function<void()>> when_settled_;
  Waiters<reeve::Worker> exit_waiters_;
  Waiters<reeve::Worker> empty_waiters_;
  Waiters<reeve::Worker> reaping_waiters_;
};

}  // namespace reeve::registry
