// What subscribers are told, and in which order.
#include <fmt/core.h>

#include "model/play.hpp"

namespace reeve::model {

namespace {

Event event_in(const Reply& reply) {
  static json::Parser parser;
  const auto parsed = parser.parse(reply.parameters);
  api::Subscribe::Output output;
  if (!reply.error.empty() || !json::decode(*parsed, output, json::UnknownMembers::refused))
    throw Difference("no event: " + reply.error + " " + reply.parameters);
  return output.event;
}

bool is_about(const ExpectedEvent& expected, const Event& event, const Model& model) {
  if (expected.kind != event.kind) return false;
  if (event.kind == EventKind::gap) return true;
  if (event.run != model.ids.at(expected.run)) return false;
  if (!expected.is_about_worker()) return !event.worker;
  if (!event.worker || event.worker->worker != expected.worker.name) return false;
  const auto process = expected.worker.process == 0
                           ? std::optional<ProcessId>()
                           : model.processes.at(expected.worker.process).id;
  return json::encoded(process) == json::encoded(event.worker->process);
}

// Whether `earlier` must have been told before `later`: what is about one worker, and a run's end
// after all that was in it.
bool comes_first(const ExpectedEvent& earlier, const ExpectedEvent& later) {
  if (earlier.kind == EventKind::gap) return true;
  if (earlier.run != later.run) return false;
  // The last words of somebody who is going.
  if (later.may_be_missing && later.kind == EventKind::reaped)
    return earlier.worker.leaf == later.worker.leaf;
  return earlier.worker.leaf == later.worker.leaf || !later.is_about_worker() ||
         !earlier.is_about_worker();
}

}  // namespace

std::string to_text(const ExpectedEvent& event) {
  return fmt::format("{} run={} {}", schema::name_of(event.kind), event.run, event.worker.name);
}

void Play::take_events() {
  while (auto reply = events_->take())
    take_event(event_in(*reply));
}

void Play::take_event(const Event& event) {
  if (!told_.empty() && event.sequence != told_.back().sequence + 1)
    throw Difference(
        fmt::format("event {} follows event {}", event.sequence, told_.back().sequence));
  told_.push_back(event);
  const auto said = [&] { return "  " + json::encoded(event); };
  for (auto each = expected_events_.begin(); each != expected_events_.end(); ++each) {
    if (!is_about(*each, event, model)) continue;
    for (auto earlier = expected_events_.begin(); earlier != each; ++earlier)
      if (!earlier->may_be_missing && comes_first(*earlier, *each))
        throw Difference("an event before its time:\n" + said() +
                         "\n  first: " + to_text(*earlier));
    compare_event(event, *each);
    expected_events_.erase(each);
    return;
  }
  throw Difference("an event that nothing has led to:\n" + said());
}

void Play::compare_event(const Event& told, const ExpectedEvent& expected) {
  auto event = told;
  if (event.kind == EventKind::orphans_killed && event.report)
    model.orphans_killed_total += event.report->processes_killed;
  Event wanted;
  wanted.kind = expected.kind;
  if (expected.run != 0) wanted.run = model.ids.at(expected.run);
  if (expected.is_about_worker()) {
    wanted.worker = model.described(expected.worker);
    leaves_[expected.worker.leaf] = event.worker->control_group;
  }
  if (expected.kind == EventKind::run_closed || expected.kind == EventKind::orphans_killed) {
    wanted.report = expected.report.report;
    if (event.report)
      allow_killed(event.report->processes_killed, wanted.report->processes_killed,
                   expected.report.killed_at_most);
  }
  const auto exits = expected.kind == EventKind::reaped ? Exits::known : Exits::happening;
  scrub(event, exits);
  scrub(wanted, exits);
  event.sequence = 0;
  event.missed.reset();
  try {
    compare_texts(json::encoded(event), json::encoded(wanted));
  } catch (const Difference& difference) {
    throw Difference("an event:\n" + std::string(difference.what()));
  }
}

// A subscription of its own, read as far as it must go.
void Play::subscribe_once(const Step& step) {
  if (!can_call(step)) return;
  api::Subscribe::Input input;
  input.run = model.run_text(step);
  Expected expected;
  const int only = model.target(step, expected);
  const bool of_all = !input.run && expected.errors == std::set<std::string>{"NoSuchRun"};
  const auto back = static_cast<std::size_t>(step.number("back"));
  const bool resumes = step.has("back") && back < told_.size();
  if (resumes) input.after = told_[told_.size() - 1 - back].sequence;
  Connection connection(troupe.connect(step.number("by")));
  connection.send("Subscribe", json::encoded(input), {}, true);
  const auto next = [&] { return next_reply(connection, "Subscribe " + json::encoded(input)); };
  if (only == 0 && !of_all) {
    const auto reply = next();
    if (!expected.errors.contains(reply.error))
      throw Difference("Subscribe " + json::encoded(input) + ": " + reply.error + reply.parameters);
    return;
  }
  if (resumes) {
    for (std::size_t i = told_.size() - back; i < told_.size(); ++i)
      if (only == 0 || told_[i].run == model.ids.at(only))
        compare_texts(json::encoded(event_in(next())), json::encoded(told_[i]));
    return;
  }
  auto snapshot = model.snapshot(only);
  while (!snapshot.empty()) {
    const auto event = event_in(next());
    const auto found = std::find_if(snapshot.begin(), snapshot.end(),
                                    [&](const auto& each) { return is_about(each, event, model); });
    if (found == snapshot.end())
      throw Difference("a snapshot shows what is not: " + json::encoded(event));
    snapshot.erase(found);
  }
}

}  // namespace reeve::model
