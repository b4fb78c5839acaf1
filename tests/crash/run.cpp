#include <unistd.h>

#include <filesystem>

#include "crash/story.hpp"

namespace reeve::test::crash {

StoryRun::StoryRun(Story& story, OwnerExitPolicy policy, Microseconds grace)
    : story_(story),
      policy_(policy),
      grace_(grace),
      owner_(story.service() ? story.service()->sleeper() : Child::sleeper()) {}

// ---- steps

StoryRun& StoryRun::open() {
  api::OpenRun::Input input;
  input.owner = owner_.id();
  input.on_owner_exit = policy_;
  input.grace = grace_;
  if (story_.service()) input.placement = Placement::caller;
  may_be_gone_ = true;
  id_ = story_.ask<api::OpenRun>(input).run.run;
  may_be_gone_ = false;
  return *this;
}

StoryWorker& StoryRun::worker(const std::string& name) {
  for (auto& worker : workers_)
    if (worker.name_ == name) return worker;
  return workers_.emplace_back(story_, *this, name);
}

StoryRun& StoryRun::enter() {
  LifeLine told;
  auto& world = story_.world();
  entering_.push_back(Child::run([&] {
    auto client = varlink::Client::connect(world.socket());
    if (client.ok() && call_on<api::EnterRun>(*client, {id_})) told.report();
    told.let_go();
    return ::pause();
  }));
  told.let_go();
  if (!told.await_reports(1)) story_.lose_daemon("EnterRun was not answered");
  ++entered_;
  return *this;
}

void StoryRun::processes_may_die() {
  for (auto& worker : workers_)
    worker.may_die_ = true;
}

StoryRun& StoryRun::close(OwnerExitPolicy policy) {
  may_be_gone_ = true;
  processes_may_die();
  (void)story_.ask<api::CloseRun>({id_, policy});
  must_be_gone_ = true;
  return *this;
}

StoryRun& StoryRun::owner_dies() {
  if (!is_kept()) {
    may_be_gone_ = must_be_gone_ = true;
    processes_may_die();
  }
  owner_.kill();
  return *this;
}

StoryRun& StoryRun::collect() {
  std::vector<StoryWorker*> exited;
  for (auto& worker : workers_)
    if (worker.may_be_.contains(Standing::exited)) {
      exited.push_back(&worker);
      worker.may_be(Standing::absent);
    }
  (void)story_.ask<api::CleanupDeadWorkers>({id_});
  for (auto* worker : exited)
    worker->must_be(Standing::absent);
  return *this;
}

std::string StoryRun::control_group() const {
  const auto& place = story_.service() ? story_.service()->path() : story_.world().root();
  return place + "/" + registry::run_directory(id_);
}

// ---- checks

std::vector<std::string> StoryRun::violations(const std::vector<Worker>& listed) const {
  std::vector<std::string> found;
  for (const auto& worker : workers_) {
    std::optional<Worker> described;
    for (const auto& each : listed)
      if (each.worker == worker.name_) described = each;
    for (auto& violation : worker.violations(described))
      found.push_back(std::move(violation));
  }
  for (const auto& each : listed)
    if (!std::filesystem::exists(story_.world().directory_of(each.control_group)))
      found.push_back("worker " + each.worker + " is listed, and has no cgroup");
  std::size_t number = 0;
  const auto entered = control_group() + "/entered";
  for (const auto& process : entering_) {
    const auto where = control_group_of(process.pid());
    if (!process.is_alive()) found.push_back("a process that was to enter the run died");
    if (where != entered && (number < entered_ || where != story_.home()))
      found.push_back("a process that entered the run is in " + where);
    ++number;
  }
  return found;
}

void StoryRun::look_where_processes_are() {
  for (auto& worker : workers_)
    worker.look_where_it_is();
}

std::vector<std::string> StoryRun::survivors() const {
  std::vector<std::string> found;
  for (const auto& worker : workers_)
    if (auto survivors = worker.survivors(); !survivors.empty())
      found.push_back(std::move(survivors));
  std::size_t number = 0;
  for (const auto& process : entering_)
    if (number++ < entered_ && process.is_alive())
      found.push_back("a process that entered the run is alive");
  return found;
}

}  // namespace reeve::test::crash
