#include "registry/event_log.hpp"

#include "base/clock.hpp"
#include "base/test_hooks.hpp"
#include "registry/records.hpp"

namespace reeve::registry {

EventLog::EventLog() : first_(monotonic_now().count()), next_(first_) {}

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
