#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "base/text.hpp"
#include "crash/story.hpp"

namespace reeve::test::crash {

namespace {

std::string to_string(Standing standing) {
  switch (standing) {
    case Standing::absent:
      return "not listed";
    case Standing::reserved:
      return "reserved";
    case Standing::active:
      return "active";
    case Standing::exited:
      return "exited";
  }
  return "?";
}

[[noreturn]] void sleep_for_ever() {
  for (;;)
    ::pause();
}

std::int64_t inode_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) < 0 ? 0 : static_cast<std::int64_t>(status.st_ino);
}

}  // namespace

StoryWorker::StoryWorker(Story& story, StoryRun& run, std::string name)
    : story_(story), run_(run), name_(std::move(name)) {}

// What is inside ends with the run; the rest is ours.
StoryWorker::~StoryWorker() {
  if (!tree_ || is_contained_) return;
  const auto pid = std::to_string(process_.pid());
  std::istringstream children(read_file("/proc/" + pid + "/task/" + pid + "/children"));
  for (pid_t child; children >> child;)
    ::kill(child, SIGKILL);
}

// ---- steps

StoryWorker& StoryWorker::reserve(Microseconds timeout) {
  // One that ends while it is looked at has to end.
  is_brief_ = timeout < std::chrono::seconds(1);
  if (!is_brief_) may_be(Standing::reserved);
  api::Reserve::Input input;
  input.worker = name_;
  input.run = run_.id();
  input.timeout = timeout;
  input.fingerprint = "reserved " + name_;
  control_group_ = story_.ask<api::Reserve>(input).worker.control_group;
  must_be(is_brief_ ? Standing::absent : Standing::reserved);
  return *this;
}

StoryWorker& StoryWorker::spawn(Shape shape) {
  shape_ = shape;
  may_die_ = is_brief_;
  was_unregistered_ = false;
  is_contained_ = shape.inside;
  tree_.emplace();
  const auto body = [&]() -> int {
    if (shape.deaf) ::signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < shape.descendants; ++i) {
      if (::fork() != 0) continue;
      tree_->report();
      sleep_for_ever();
    }
    tree_->report();
    sleep_for_ever();
  };
  process_ = shape.inside ? Child::born_in(story_.world().directory_of(control_group_), body)
                          : Child::run(body);
  tree_->let_go();
  if (!tree_->await_reports(static_cast<std::size_t>(shape.descendants) + 1))
    throw Violation("the processes of worker " + name_ + " were not let live");
  return *this;
}

StoryWorker& StoryWorker::activate() {
  may_be(Standing::active);
  api::Activate::Input input;
  input.worker = name_;
  input.run = run_.id();
  input.process = process_.id();
  input.handle = "handle of " + name_;
  input.fingerprint = "active " + name_;
  (void)story_.ask<api::Activate>(input);
  must_be(Standing::active);
  is_contained_ = true;
  return *this;
}

StoryWorker& StoryWorker::enroll() {
  may_be(Standing::reserved);
  may_be(Standing::active);
  api::Register::Input input;
  input.worker = name_;
  input.run = run_.id();
  input.process = process_.id();
  input.handle = "handle of " + name_;
  input.fingerprint = "active " + name_;
  control_group_ = story_.ask<api::Register>(input).worker.control_group;
  must_be(Standing::active);
  is_contained_ = true;
  return *this;
}

// All it forks holds the life line, whether or not reeved lives to tell of it.
StoryWorker& StoryWorker::start() {
  is_started_by_reeved_ = is_contained_ = may_die_ = true;
  was_unregistered_ = false;
  tree_.emplace();
  may_be(Standing::reserved);
  may_be(Standing::active);
  api::Spawn::Input input;
  input.worker = name_;
  input.run = run_.id();
  input.command = {"sleep", "1000"};
  input.handle = "handle of " + name_;
  input.fingerprint = "active " + name_;
  input.output_file_descriptor = 0;
  const std::array passed{tree_->held_descriptor()};
  struct LetGo {
    LifeLine& line;
    ~LetGo() { line.let_go(); }
  };
  const auto worker = [&] {
    const LetGo in_any_case{*tree_};
    return story_.ask<api::Spawn>(input, passed).worker;
  }();
  control_group_ = worker.control_group;
  auto started = process::Process::open(static_cast<pid_t>(worker.process->pid));
  if (started.ok()) started_ = std::move(*started);
  may_die_ = false;
  must_be(Standing::active);
  return *this;
}

StoryWorker& StoryWorker::freeze() {
  may_be_frozen_ = {false, true};
  (void)story_.ask<api::Freeze>({name_, run_.id()});
  may_be_frozen_ = {true};
  return *this;
}

StoryWorker& StoryWorker::thaw() {
  may_be_frozen_ = {false, true};
  (void)story_.ask<api::Thaw>({name_, run_.id()});
  may_be_frozen_ = {false};
  return *this;
}

StoryWorker& StoryWorker::stop(Microseconds grace) {
  may_be_frozen_.insert(false);
  may_be(may_be_.contains(Standing::active) ? Standing::exited : Standing::absent);
  may_die_ = true;
  (void)story_.ask<api::Stop>({name_, run_.id(), grace});
  must_be(may_be_.contains(Standing::active) ? Standing::exited : Standing::absent);
  return *this;
}

StoryWorker& StoryWorker::unregister() {
  // A reservation goes with what was born in it; an active worker's processes live on.
  if (may_be_.contains(Standing::reserved) && shape_.inside) may_die_ = true;
  may_be(Standing::absent);
  was_unregistered_ = true;
  (void)story_.ask<api::Unregister>({name_, run_.id()});
  must_be(Standing::absent);
  return *this;
}

void StoryWorker::process_died() {
  may_die_ = true;
  if (may_be_.erase(Standing::active) > 0) may_be(Standing::exited);
}

StoryWorker& StoryWorker::die() {
  process_died();
  if (is_started_by_reeved_)
    (void)started_.signal(SIGKILL);
  else
    process_.kill();
  return *this;
}

StoryWorker& StoryWorker::die_unreaped() {
  process_died();
  process_.kill_unreaped();
  return *this;
}

StoryWorker& StoryWorker::await_exit() {
  (void)story_.ask<api::Wait>({name_, run_.id()});
  return *this;
}

StoryWorker& StoryWorker::await_removal() {
  const auto directory = story_.world().directory_of(control_group_);
  story_.await("the removal of a cgroup", [&] { return ::access(directory.c_str(), F_OK) < 0; });
  return *this;
}

// ---- checks

std::vector<std::string> StoryWorker::violations(const std::optional<Worker>& listed) const {
  std::vector<std::string> found;
  const auto complain = [&](const std::string& text) {
    found.push_back("worker " + name_ + ": " + text);
  };
  auto standing = Standing::absent;
  if (listed) {
    switch (listed->state) {
      case WorkerState::reserved:
        standing = Standing::reserved;
        break;
      case WorkerState::active:
        standing = Standing::active;
        break;
      case WorkerState::exited:
        standing = Standing::exited;
        break;
      case WorkerState::stopping:
        complain("is still stopping");
        return found;
    }
  }
  if (!may_be_.contains(standing)) {
    std::string allowed;
    for (const auto each : may_be_)
      allowed += (allowed.empty() ? "" : " or ") + to_string(each);
    complain(fmt::format("is {} and has to be {}", to_string(standing), allowed));
  }
  if (!tree_) return found;
  if (is_started_by_reeved_) {
    check_started(listed, found);
    return found;
  }
  if (!may_die_ && !process_.is_alive()) complain("its process died, and nobody asked for that");
  switch (standing) {
    case Standing::active:
      check_active(*listed, found);
      break;
    case Standing::reserved:
      check_reserved(*listed, found);
      break;
    case Standing::exited:
      if (process_.is_alive()) complain("has exited, and its process is alive");
      break;
    case Standing::absent:
      if (!process_.is_alive()) break;
      const auto where = control_group_of(process_.pid());
      const bool inside = where == control_group_;
      if (!inside && where != story_.home()) complain("its process is in " + where);
      if (inside && !was_unregistered_) complain("is not listed, and its process is in " + where);
      break;
  }
  return found;
}

void StoryWorker::check_started(const std::optional<Worker>& listed,
                                std::vector<std::string>& found) const {
  const auto expect = [&](bool holds, const std::string& text) {
    if (!holds) found.push_back("worker " + name_ + ", which reeved started: " + text);
  };
  if (!may_die_) expect(started_.is_alive(), "its process died, and nobody asked for that");
  if (!listed || listed->state == WorkerState::exited)
    return expect(was_unregistered_ || eventually([&] { return tree_->all_are_gone(); }),
                  "its process lives");
  if (listed->state == WorkerState::reserved) return expect(!listed->process, "has a process");
  const auto pid = static_cast<pid_t>(listed->process->pid);
  expect(!started_ || started_.pid() == pid, "has another process's identity");
  expect(control_group_of(pid) == listed->control_group, "its process is elsewhere");
  expect(listed->handle == "handle of " + name_, "has another handle");
}

void StoryWorker::check_active(const Worker& listed, std::vector<std::string>& found) const {
  const auto expect = [&](bool holds, const std::string& text) {
    if (!holds) found.push_back("worker " + name_ + ": is active, and " + text);
  };
  expect(process_.is_alive(), "its process is dead");
  expect(listed.process && listed.process->pid == process_.pid() &&
             listed.process->pidfd_id.value_or(0) == inode_of(process_.pidfd()),
         "has another process's identity");
  expect(listed.handle == "handle of " + name_, "its handle is " + listed.handle.value_or("none"));
  expect(listed.fingerprint == "active " + name_,
         "its fingerprint is " + listed.fingerprint.value_or("none"));
  const auto where = control_group_of(process_.pid());
  expect(where == listed.control_group, "its process is in " + where);
  const auto directory = story_.world().directory_of(listed.control_group);
  const bool frozen = listed.frozen.value_or(false);
  expect(may_be_frozen_.contains(frozen), frozen ? "is frozen" : "is not frozen");
  expect((read_file(directory + "/cgroup.freeze") == "1\n") == frozen,
         frozen ? "its cgroup is not frozen" : "its cgroup is frozen");
  const auto text = read_file(directory + "/cgroup.procs");
  const auto inside = std::count(text.begin(), text.end(), '\n');
  expect(inside == shape_.descendants + 1,
         fmt::format("{} of {} processes are in its cgroup", inside, shape_.descendants + 1));
}

void StoryWorker::check_reserved(const Worker& listed, std::vector<std::string>& found) const {
  const auto expect = [&](bool holds, const std::string& text) {
    if (!holds) found.push_back("worker " + name_ + ": is reserved, and " + text);
  };
  expect(!listed.process, "has a process");
  expect(!listed.handle, "has the handle " + listed.handle.value_or(""));
  expect(listed.fingerprint == "reserved " + name_ || control_group_.empty(),
         "its fingerprint is " + listed.fingerprint.value_or("none"));
  const auto where = control_group_of(process_.pid());
  const auto& place = shape_.inside ? listed.control_group : story_.home();
  expect(!process_.is_alive() || where == place, "its process is in " + where);
}

void StoryWorker::look_where_it_is() {
  if (process_.is_alive() && control_group_of(process_.pid()) != story_.home())
    is_contained_ = true;
}

std::string StoryWorker::survivors() const {
  return !is_contained_ || tree_->all_are_gone() ? "" : "processes of worker " + name_ + " live";
}

}  // namespace reeve::test::crash
