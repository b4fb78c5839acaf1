#include "model/play.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/test_hooks.hpp"
#include "model/kinds.hpp"

namespace reeve::model {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t steps_between_full_checks = 8;
constexpr std::chrono::milliseconds time_with_faults{100};

}  // namespace

Play::Play(test::World& world, const Past& past)
    : troupe(world.socket()), world_(world), service_(world, "application.service") {
  model.activated_total = past.activated;
  model.exited_total = past.exited;
  model.orphans_killed_total = past.orphans_killed;
  model.root = world.root();
  model.service = service_.path();
  auto& program = model.processes.at(0);
  program.id.pid = ::getpid();
  ask_ = connection_of(0);
  subscribe(past.is_none ? From::daemons_first_event : From::now);
  settle();
  check_quickly();  // and no connection of an earlier play is left
  descriptors_at_first_ = descriptors_of_daemon();
}

Past Play::past() const {
  return {false, model.activated_total, model.exited_total, model.orphans_killed_total};
}

// ---- steps

bool Play::makes_sense(const Step& step) const {
  for (const char* name : {"process", "owner", "by", "parent", "pid-of"})
    if (step.has(name) && !model.processes.contains(step.number(name))) return false;
  // A pid that somebody had when the sequence was made may be free when it is shortened.
  if (step.has("new") && step.kind != "open" && model.processes.contains(step.number("new")))
    return false;
  if (step.number("run") != 0 && !model.ids.contains(step.number("run"))) return false;
  return !is_for_frozen(step);
}

bool Play::is_for_frozen(const Step& step) const {
  for (const char* actor : {"by", "parent"})
    if (model.is_frozen(step.number(actor))) return true;
  if (step.kind == "die" && step.text("signal") != "SIGKILL")
    return model.is_frozen(step.number("process"));
  if (step.kind != "spawn" && step.kind != "signal") return false;
  const auto* worker =
      model.find(step.number("run"), step.long_text("worker").value_or(std::string()));
  return worker != nullptr && worker->is_frozen && step.text("signal") != "SIGKILL";
}

void Play::run(const Step& step) {
  if (!makes_sense(step)) return;
  model.begin_step();
  has_failed_ = false;
  has_faults_ = step.has("faults") && !model.is_down;
  const Model before = has_faults_ ? model : Model();
  world_.hooks().fault_one_in = has_faults_ ? static_cast<unsigned>(step.number("faults")) : 0;
  kind_named(step.kind).act(*this, step);
  settle(has_faults_ ? &before : nullptr);
  check_quickly();
  // What was not told by now will not be, but for the last words of somebody who is going.
  std::erase_if(expected_events_, [](const auto& each) { return each.kind != EventKind::reaped; });
  if (++steps_ % steps_between_full_checks == 0 || has_failed_) check_all();
}

void Play::finish() {
  if (model.is_down) run({"start-daemon", {}});
  check_all();
  run(Step{"cleanup-orphans", {}}.set("call", ++last_call));
  const auto runs = model.runs;
  for (const auto& [key, run] : runs)
    if (model.runs.contains(key))
      this->run(Step{"close", {}}.set("run", key).set("policy", "kill").set("call", ++last_call));
  check_all();
  if (!troupe.dissolve()) throw Difference("a process that was forked here has been lost");
  model.processes.clear();
  await([this] { return world_.root_is_empty(); },
        [this] { return "left in the root: " + world_.run_directories().front(); });
  calls_.clear();
  idle_.clear();
  await([this] { return descriptors_of_daemon() <= descriptors_at_first_; },
        [this] {
          auto text = fmt::format("reeved had {} descriptors at first, and has now:",
                                  descriptors_at_first_);
          for (const auto& each :
               fs::directory_iterator(fmt::format("/proc/{}/fd", world_.daemon_pid())))
            text += " " + fs::read_symlink(each).string();
          return text;
        });
}

std::size_t Play::descriptors_of_daemon() const {
  const fs::directory_iterator open(fmt::format("/proc/{}/fd", world_.daemon_pid()));
  return static_cast<std::size_t>(std::distance(open, {}));
}

std::string Play::directory_of_leaf(int leaf) const {
  const auto found = leaves_.find(leaf);
  return found == leaves_.end() ? "" : world_.directory_of(found->second);
}

// ---- calls

std::unique_ptr<Connection> Play::connection_of(int caller) {
  auto& idle = idle_[caller];
  if (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    return connection;
  }
  return std::make_unique<Connection>(troupe.connect(caller));
}

bool Play::can_call(const Step& step) const {
  if (model.is_down) return false;
  const int caller = step.number("by");
  const auto idle = idle_.find(caller);
  return model.processes.at(caller).is_alive || (idle != idle_.end() && !idle->second.empty());
}

void Play::send(const Step& step, const std::string& method, const std::string& parameters,
                std::span<const int> descriptors, Compare compare) {
  const int caller = step.number("by");
  auto& call = calls_[step.number("call")];
  call = {caller, connection_of(caller), std::move(compare), method + " " + parameters};
  call.connection->send(method, parameters, descriptors);
}

void Play::hang_up(int call) {
  model.pending.erase(call);
  calls_.erase(call);
}

void Play::kill_daemon() {
  model.kill_daemon();
  world_.kill_daemon();
  calls_.clear();
  idle_.clear();
  events_.reset();
  ask_.reset();
  expected_events_.clear();
}

void Play::start_daemon() {
  model.start_daemon();
  world_.start();
  model.orphans_killed_total = 0;
  ask_ = connection_of(0);
  subscribe(From::daemons_first_event);
}

// A new daemon's from its first event on: what it has found is told, too. One that goes on may have
// told last words that nobody read at the end of the play before.
void Play::subscribe(From from) {
  events_ = std::make_unique<Connection>(troupe.connect(0));
  // Answered, the connection is one that reeved has, and is counted among its descriptors.
  events_->send("CountEntries", "{}");
  (void)next_reply(*events_, "CountEntries {}");
  const bool is_new = from == From::daemons_first_event;
  events_->send("Subscribe", is_new ? R"({"after":0})" : "{}", {}, true);
  await([this] { return events_->is_read(); }, [] { return "reeved does not read Subscribe"; });
  told_.clear();
  if (is_new) expected_events_.emplace_back();  // a gap
}

// ---- waiting

void Play::pump() {
  std::vector<pollfd> entries{{world_.daemon_pidfd(), POLLIN, 0}};
  std::vector<Connection*> connections{nullptr};
  const auto add = [&](Connection& connection) {
    entries.push_back({connection.descriptor(), POLLIN, 0});
    connections.push_back(&connection);
  };
  if (events_) add(*events_);
  for (const auto& [key, call] : calls_)
    add(*call.connection);
  constexpr int until_asked_again = 1;  // ms
  (void)::poll(entries.data(), entries.size(), until_asked_again);
  if (!model.is_down && entries.front().revents != 0)
    throw Difference("reeved has died:\n" + world_.daemon_log());
  for (std::size_t i = 1; i < entries.size(); ++i)
    if (entries[i].revents != 0 && !connections[i]->receive()) {
      if (has_faults_) throw AnswerLost();
      throw Difference("reeved has closed a connection");
    }
}

bool Play::await_for(std::chrono::milliseconds time, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!done()) {
    pump();
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

void Play::await(const std::function<bool()>& done, const std::function<std::string()>& what) {
  if (!await_for(patience, done)) throw Difference(what());
}

Reply Play::next_reply(Connection& connection, const std::string& to) {
  while (!connection.has_reply()) {
    std::array<pollfd, 2> entries{pollfd{connection.descriptor(), POLLIN, 0},
                                  pollfd{world_.daemon_pidfd(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), 1000 * static_cast<int>(patience.count())) == 0)
      throw Difference("no answer to " + to);
    if (entries[1].revents != 0) throw Difference("reeved has died:\n" + world_.daemon_log());
    if (!connection.receive() && !connection.has_reply() && has_faults_) throw AnswerLost();
    if (!connection.receive() && !connection.has_reply())
      throw Difference("reeved has closed a connection instead of answering " + to);
  }
  return *connection.take();
}

// Until the world has come to rest as the model says.
void Play::settle(const Model* before) {
  model.settle();
  if (!model.is_down) await_reading();
  if (!model.is_down) settle_answers(before);
  expected_events_.insert(expected_events_.end(), model.events.begin(), model.events.end());
  settle_processes();
  if (model.is_down) return;
  await(
      [this] {
        take_events();
        return std::all_of(expected_events_.begin(), expected_events_.end(),
                           [](const auto& each) { return each.may_be_missing; });
      },
      [this] {
        std::string missing = "missing events:";
        for (const auto& event : expected_events_)
          if (!event.may_be_missing) missing += "\n  " + to_text(event);
        return missing;
      });
  check_unanswered();
}

// A call that has no answer yet was nevertheless made: also if the next thing is reeved's end.
void Play::await_reading() {
  const auto all_are_read = [this] {
    return std::all_of(calls_.begin(), calls_.end(),
                       [](const auto& each) { return each.second.connection->is_read(); });
  };
  if (has_faults_) return (void)await_for(time_with_faults, all_are_read);
  await(all_are_read, [] { return std::string("reeved does not read what was sent"); });
}

void Play::settle_answers(const Model* before) {
  const auto all_are_here = [this] {
    take_answers();
    return model.answers.empty();
  };
  if (before != nullptr) (void)await_for(time_with_faults, all_are_here);
  world_.hooks().fault_one_in = 0;
  await(all_are_here,
        [this] { return "no answer to " + calls_.at(model.answers.begin()->first).text; });
  if (!has_failed_) return;
  // Nothing was done then. A Register that failed had reserved and gives that back.
  std::vector<ExpectedEvent> given_back;
  for (auto event : model.events) {
    if (event.kind != EventKind::reserved) continue;
    event.may_be_missing = true;
    given_back.push_back(event);
    event.kind = EventKind::unregistered;
    given_back.push_back(event);
  }
  model = *before;
  model.settle();
  model.events.insert(model.events.end(), given_back.begin(), given_back.end());
}

void Play::settle_processes() {
  for (auto& [key, process] : model.processes) {
    if (key == 0 || process.wait_status) continue;
    if (process.is_alive) {
      if (!troupe.is_alive(key))
        throw Difference(fmt::format("process={} is dead and should live", key));
      continue;
    }
    if (!troupe.await_death(key))
      throw Difference(fmt::format("process={} lives and should be dead", key));
    if (!process.is_reaped) continue;
    const int status = *(process.wait_status = troupe.reap(key));
    const bool as_expected =
        process.code ? WIFEXITED(status) && WEXITSTATUS(status) == process.code
                     : WIFSIGNALED(status) && process.signals.contains(WTERMSIG(status));
    if (!as_expected)
      throw Difference(fmt::format("process={} has ended with status {:#x}", key, status));
  }
}

// Those that are not due may still come, but not yet.
void Play::check_unanswered() {
  for (auto& [key, call] : calls_)
    if (const auto reply = call.connection->take())
      throw Difference("answered too early: " + call.text + "\n  " + reply->error + " " +
                       reply->parameters);
}

void Play::take_answers() {
  for (auto each = model.answers.begin(); each != model.answers.end();) {
    const auto found = calls_.find(each->first);
    if (found == calls_.end()) {  // nobody hears it
      each = model.answers.erase(each);
      continue;
    }
    auto& call = found->second;
    const auto reply = call.connection->take();
    if (!reply) {
      ++each;
      continue;
    }
    try {
      if (has_faults_ && (reply->error == "SystemFailed" || reply->error == "SpawnFailed"))
        has_failed_ = has_litter_ = true;
      else
        compare(*reply, each->second, call.compare);
    } catch (const Difference& difference) {
      throw Difference(call.text + "\n" + difference.what());
    }
    idle_[call.caller].push_back(std::move(call.connection));
    calls_.erase(found);
    each = model.answers.erase(each);
  }
}

void Play::compare(const Reply& reply, Expected& expected, const Compare& compare_success) {
  std::string wanted;
  for (const auto& error : expected.errors)
    wanted += (wanted.empty() ? "" : " or ") + error;
  if (expected.errors.empty() || expected.may_succeed) wanted += " success " + expected.output;
  if (!reply.error.empty()) {
    if (expected.errors.contains(reply.error)) return;
    throw Difference("  said:     " + reply.error + " " + reply.parameters +
                     "\n  expected: " + wanted);
  }
  if (!expected.errors.empty() && !expected.may_succeed)
    throw Difference("  said:     success " + reply.parameters + "\n  expected: " + wanted);
  compare_success(reply.parameters, expected);
}

void Play::compare_texts(const std::string& actual, const std::string& expected) {
  if (actual == expected) return;
  throw Difference("  said:     " + actual + "\n  expected: " + expected);
}

void Play::allow_killed(std::int64_t& killed, std::int64_t least, std::int64_t most) {
  if (killed >= least && killed <= most) killed = least;
}

}  // namespace reeve::model
