// Any order of events: what the lifecycles promise holds throughout, and there is always a way on.
#include <map>

#include "fuzz.hpp"
#include "registry/run_lifecycle.hpp"
#include "registry/worker_lifecycle.hpp"

namespace reeve::fuzz {
namespace {

using namespace registry;

class Worker {
 public:
  void happens(WorkerEvent event) {
    if (event == WorkerEvent::process_exited && exited_) return;  // a process dies once
    const auto before = phase_;
    const auto [after, actions] = step(before, event);
    phase_ = after;
    if (before == WorkerPhase::gone)
      require(after == before && actions == WorkerActions(), "gone is for good");
    if (before == WorkerPhase::condemned)
      require(after == before, "a condemned worker goes with its run");
    require(actions.has(WorkerAction::forget) == (before != after && after == WorkerPhase::gone),
            "it is forgotten once, when it goes");
    once(actions, WorkerAction::announce_reserved, reserved_);
    once(actions, WorkerAction::announce_activated, activated_);
    const bool ended = once(actions, WorkerAction::record_exit, exited_);
    require(ended == actions.has(WorkerAction::announce_exited), "an exit recorded is told");
    require(!ended || event == WorkerEvent::process_exited, "an exit is told of a death only");
    const bool unregistered = once(actions, WorkerAction::announce_unregistered, unregistered_);
    const bool expired = once(actions, WorkerAction::announce_expired, unregistered_);
    require(!(unregistered && expired), "a worker leaves in one way");
    require(!activated_ || reserved_, "reserved comes before activated");
    // What was condemned on its way in may have come in.
    require(!exited_ || activated_ || phase_ == WorkerPhase::condemned,
            "activated comes before exited");
    const bool unlisted = once(actions, WorkerAction::unlist, unlisted_);
    require(!unlisted || !is_listed(after), "what left the listings is not listed");
    require(!unlisted_ || !is_listed(phase_), "what left the listings does not come back");
    require(!holds_name(phase_) || !unlisted_, "what left the listings frees its name");
    if (actions.has(WorkerAction::remove_directory))
      require(!has_live_process(after) && after == WorkerPhase::removing,
              "no directory goes before its process");
    if (has_live_process(after)) require(!exited_, "what lives has not ended");
  }

  // Every way ends when the kernel has done its part and somebody collects.
  void ends() {
    using enum WorkerEvent;
    for (int round = 0; round < 4; ++round)
      for (const auto event :
           {created, activated, spawned, process_exited, unregister, emptied, collect, removed})
        happens(event);
    require(phase_ == WorkerPhase::gone || phase_ == WorkerPhase::condemned, "every worker can go");
  }

 private:
  bool once(WorkerActions actions, WorkerAction action, bool& done) {
    if (!actions.has(action)) return false;
    require(!std::exchange(done, true), "nothing is told twice");
    return true;
  }

  WorkerPhase phase_ = WorkerPhase::creating;
  bool reserved_ = false, activated_ = false, exited_ = false, unregistered_ = false;
  bool unlisted_ = false;
};

class Run {
 public:
  void happens(RunEvent event) {
    const auto before = phase_;
    const auto [after, actions] = step(before, event);
    phase_ = after;
    if (before == RunPhase::gone)
      require(after == before && actions == RunActions(), "gone is for good");
    require(actions.has(RunAction::forget) == (before != after && after == RunPhase::gone),
            "it is forgotten once, when it goes");
    for (const auto action : {RunAction::announce_opened, RunAction::announce_closed,
                              RunAction::watch_owner, RunAction::signal_all, RunAction::arm_grace})
      if (actions.has(action))
        require(!std::exchange(done_[action], true), "nothing is done twice");
    if (actions.has(RunAction::announce_closed))
      require(done_[RunAction::announce_opened], "opened comes before closed");
    require(state_of(before) == RunState::open || state_of(after) == RunState::closing,
            "what is closing does not open again");
    if (actions.has(RunAction::kill_tree))
      require(after == RunPhase::killing, "a tree is killed in one phase only");
    if (actions.has(RunAction::remove_tree))
      require(event == RunEvent::emptied, "no directory goes before it is empty");
  }

  void ends() {
    using enum RunEvent;
    for (int round = 0; round < 4; ++round)
      for (const auto event : {opened, kill, emptied, removed})
        happens(event);
    require(phase_ == RunPhase::gone, "every run can go");
  }

 private:
  RunPhase phase_ = RunPhase::opening;
  std::map<RunAction, bool> done_;
};

}  // namespace
}  // namespace reeve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  fuzz::Worker worker;
  fuzz::Run run;
  for (const auto byte : fuzz::text_of(data, size)) {
    const auto number = static_cast<unsigned char>(byte);
    worker.happens(static_cast<registry::WorkerEvent>(number % registry::worker_events));
    run.happens(static_cast<registry::RunEvent>(number / 16 % registry::run_events));
  }
  worker.ends();
  run.ends();
  return 0;
}
