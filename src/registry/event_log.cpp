#include "registry/event_log.hpp"

#include <iterator>

#include "api/types.hpp"
#include "base/clock.hpp"
#include "base/test_hooks.hpp"
#include "json/codec.hpp"
#include "registry/records.hpp"

namespace reeve::registry {

EventLog::EventLog() : first_(monotonic_now().count()), next_(first_) {}

namespace {

struct Saved {
  std::int64_t first = 0;
  std::int64_t next = 0;
  std::vector<Event> events;

  friend constexpr auto describe(schema::Of<Saved>) {
    using schema::member;
    return schema::members(member<&Saved::first>("first"), member<&Saved::next>("next"),
                           member<&Saved::events>("events"));
  }
};

}  // namespace

std::string EventLog::saved() const {
  return json::encoded(Saved{first_, next_, {events_.begin(), events_.end()}});
}

bool EventLog::resume(std::string_view text) {
  json::Parser parser;
  const auto parsed = parser.parse(text);
  Saved saved;
  if (!parsed || !json::decode(*parsed, saved, json::UnknownMembers::ignored)) return false;
  auto expected = saved.next - static_cast<std::int64_t>(saved.events.size());
  for (const auto& event : saved.events)
    if (event.sequence != expected++) return false;
  first_ = saved.first;
  next_ = saved.next;
  events_.assign(std::make_move_iterator(saved.events.begin()),
                 std::make_move_iterator(saved.events.end()));
  return true;
}

void EventLog::announce(EventKind kind, std::string run, std::optional<Worker> worker,
                        std::optional<CleanupReport> report) {
  Event event;
  event.sequence = next_++;
  event.at = now();
  event.kind = kind;
  event.run = std::move(run);
  event.worker = std::move(worker);
  event.report = std::move(report);
  if (mistaken("forget-an-event") && event.sequence % 64 == 0) return;
  events_.push_back(std::move(event));
  if (events_.size() > kept) events_.pop_front();
  const std::string told = *events_.back().run;
  tell({});
  tell(told);
}

void EventLog::tell(const std::string& run) {
  for (auto each = listeners_.lower_bound({run, 0});
       each != listeners_.end() && each->first.first == run;) {
    const auto [token, listener] = *each;
    listener();  // may remove itself, or any other
    each = listeners_.upper_bound(token);
  }
}

EventLog::Token EventLog::listen(const std::optional<std::string>& only,
                                 std::function<void()> listener) {
  Token token{only.value_or(std::string()), ++last_listener_};
  listeners_.emplace(token, std::move(listener));
  return token;
}

}  // namespace reeve::registry
