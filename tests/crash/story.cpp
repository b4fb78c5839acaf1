#include "crash/story.hpp"

#include "registry/records.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

namespace reeve::test::crash {

namespace {
namespace fs = std::filesystem;

// Dies of most signals, and stops by SIGSTOP.
Child stranger_in(const std::string& directory) {
  return Child::born_in(directory, [] { return ::pause(); });
}

}  // namespace

Story::Story(World& world, std::function<void(int)> signal)
    : world_(world), signal_(std::move(signal)), home_(control_group_of(::getpid())) {
  auto process = Child::sleeper();
  strangers_.push_back({std::move(process), home_});
  world_.configure("");  // so that there is a file that a scenario may change
}

StoryRun& Story::new_run(OwnerExitPolicy policy, Microseconds grace) {
  return runs_.emplace_back(*this, policy, grace);
}

StoryPools& Story::pools() {
  if (!pools_) pools_.emplace(*this);
  return *pools_;
}

// ---- reeved

void Story::connect() {
  if (client_) return;
  auto client = varlink::Client::connect(world_.socket());
  if (!client) lose_daemon(client.error().message());
  // One that no longer answers is as good as one that is gone.
  const timeval at_most{patience.count(), 0};
  ::setsockopt(client->descriptor(), SOL_SOCKET, SO_RCVTIMEO, &at_most, sizeof at_most);
  client_ = std::move(*client);
}

void Story::lose_daemon(const std::string& reason) {
  client_.reset();
  if (!eventually([this] { return !world_.daemon_is_alive(); }))
    throw Violation("reeved runs and does not answer: " + reason);
  throw DaemonGone();
}

void Story::crash() {
  disconnect();
  world_.kill_daemon();
}

void Story::stop_daemon() {
  disconnect();
  asked_to_end_ = true;
  signal_(SIGTERM);
  await("the end of reeved", [] { return false; });
}

void Story::await(const char* what, const std::function<bool()>& condition) {
  const bool came = eventually([&] {
    if (condition()) return true;
    if (!world_.daemon_is_alive()) throw DaemonGone();
    return false;
  });
  if (!came) throw Violation(fmt::format("waited in vain for {}", what));
}

void Story::clean_up_orphans() {
  (void)ask<api::CleanupOrphans>({});
}

// ---- what reeve must not touch, and what a crash leaves

void Story::make_foreign(const std::string& name) {
  const auto path = world_.root() + "/" + name;
  fs::create_directory(world_.directory_of(path));
  strangers_.push_back({stranger_in(world_.directory_of(path)), path});
  foreign_.insert(name);
}

void Story::make_half_run() {
  fs::create_directory(world_.directory_of(world_.root()) + "/" +
                       registry::run_directory(registry::new_run_id()));
}

void Story::make_half_worker(const StoryRun& run, const std::string& name) {
  fs::create_directory(world_.directory_of(world_.root()) + "/" +
                       registry::run_directory(run.id()) + "/" +
                       registry::worker_directory(name, 1));
}

void Story::begin_service() {
  service_.emplace(world_, "app.service");
}

void Story::stop_service() {
  for (auto& run : runs_)
    run.owner_dies();
  service_->stop();
}

void Story::make_half_placed_run() {
  const auto name = registry::run_directory(registry::new_run_id());
  const auto entry = world_.directory_of(world_.root()) + "/" + name;
  fs::create_directory(entry);
  registry::RunRecord record;
  record.phase = registry::RunPhase::opening;
  record.owner = registry::recorded(process::Process::open(::getpid())->identity());
  record.placement = Placement::caller;
  record.control_group = service_->path() + "/" + name;
  const auto text = json::encoded(record);
  if (::setxattr(entry.c_str(), "user.reeve", text.data(), text.size(), 0) < 0)
    throw std::runtime_error("cannot write a record");
  fs::create_directory(world_.directory_of(*record.control_group));
}

std::vector<std::string> Story::strangers_touched() const {
  std::vector<std::string> found;
  for (const auto& [process, home] : strangers_) {
    if (!process.is_alive()) {
      found.push_back("a stranger was killed");
      continue;
    }
    if (const auto where = control_group_of(process.pid()); where != home)
      found.push_back("a stranger of " + home + " is in " + where);
    if (process_state(process.pid()) == 'T') found.push_back("a stranger was stopped");
  }
  return found;
}

// ---- checks

void Story::await_rest() {
  std::vector<std::string> last;
  try {
    await("rest", [&] { return (last = unrest()).empty(); });
  } catch (const Violation&) {
    throw Violation(fmt::format("reeved does not come to rest: {}", fmt::join(last, "; ")));
  }
}

std::vector<std::string> Story::violations() {
  auto found = unrest();
  const auto add = [&](const std::vector<std::string>& more) {
    found.insert(found.end(), more.begin(), more.end());
  };
  add(strangers_touched());
  const auto listed = ask<api::ListRuns>({}).runs;
  for (const auto& each : listed) {
    bool known = false;
    for (const auto& run : runs_)
      known = known || (run.id() == each.run || (run.id().empty() && run.owner_is(each.owner.pid)));
    known = known || (pools_ && pools_->is_configured() && each.name == "pools");
    if (!known) found.push_back("run " + each.run + " is listed, and nobody opened it");
  }
  if (pools_) add(pools_->violations());
  for (const auto& run : runs_) {
    const Run* described = nullptr;
    for (const auto& each : listed)
      if (each.run == run.id()) described = &each;
    if (described == nullptr) {
      if (!run.may_be_gone()) found.push_back("run " + run.id() + " is lost");
      continue;
    }
    if (run.must_be_gone())
      found.push_back("run " + run.id() + " has to be gone");
    else if (described->state != RunState::open)
      found.push_back("run " + run.id() + " is still closing");
    else
      add(run.violations(ask<api::ListWorkers>({run.id(), {}, {}}).workers));
  }
  return found;
}

std::string Story::state() {
  auto state = tree();
  for (const auto& run : ask<api::ListRuns>({}).runs) {
    state += json::encoded(run) + "\n";
    for (const auto& worker : ask<api::ListWorkers>({run.run, {}, {}}).workers)
      state += json::encoded(worker) + "\n";
  }
  if (!pools_) return state;
  // Their run belongs to whoever serves it.
  static const std::regex owner(R"("owner":\{[^}]*\})");
  return std::regex_replace(state, owner, "");
}

std::vector<std::string> Story::end() {
  if (pools_) pools_->configure(-1);
  for (auto& run : runs_) {
    run.look_where_processes_are();
    run.owner_dies();
    if (run.is_kept() && !run.may_be_gone()) run.close(OwnerExitPolicy::kill);
  }
  std::vector<std::string> found;
  const bool empty = eventually([&] { return world_.run_directories().size() == foreign_.size(); });
  if (!empty) found.push_back("with all owners dead, cgroups are left");
  for (const auto& run : runs_)
    for (auto& survivor : run.survivors())
      found.push_back(std::move(survivor));
  const auto touched = strangers_touched();
  found.insert(found.end(), touched.begin(), touched.end());
  // The directory is gone a moment before reeved hears of it.
  if (empty && !eventually([&] { return ask<api::ListRuns>({}).runs.empty(); }))
    found.push_back("with all owners dead, runs are listed");
  return found;
}

void Story::remove_cgroups() {
  strangers_.clear();
  service_.reset();
  const auto root = world_.directory_of(world_.root());
  for (const auto& name : foreign_)
    ::rmdir((root + "/" + name).c_str());
  ::rmdir(root.c_str());
  fs::remove_all(world_.files());
}

}  // namespace reeve::test::crash
