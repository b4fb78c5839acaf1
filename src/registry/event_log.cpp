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
  for (auto each = listeners_.begin(); each != listeners_.end();) {
    const auto [token, listener] = *each;
    listener();  // may remove itself, or any other
    each = listeners_.upper_bound(token);
  }
}

EventLog::Token EventLog::listen(std::function<void()> listener) {
  listeners_.emplace(++last_token_, std::move(listener));
  return last_token_;
}

}  // namespace reeve::registry
