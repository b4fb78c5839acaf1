// The last events, numbered, for subscribers to follow and to resume from.
//
// Numbers start at the monotonic clock's microseconds: a later daemon on the same boot begins above
// every number an earlier one gave out, without anything written down, as long as events are rarer
// than one a microsecond. A subscriber that resumes from before is told of a gap, never misled.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "reeve/types.hpp"

namespace reeve::registry {

class EventLog {
 public:
  EventLog();

  void announce(EventKind kind, std::string run, std::optional<Worker> worker = {},
                std::optional<CleanupReport> report = {});

  // For a reeved that follows this one: what it resumes from has no gap to this one's subscribers.
  [[nodiscard]] std::string saved() const;
  // Before anything is announced; false for a text that is none of saved()'s.
  bool resume(std::string_view saved);

  // Number of the newest event; of the one before the first while there was none.
  [[nodiscard]] std::int64_t newest() const { return next_ - 1; }
  // Number of the oldest event still kept; newest() + 1 if there is none.
  [[nodiscard]] std::int64_t oldest() const {
    return next_ - static_cast<std::int64_t>(events_.size());
  }
  // Number of the first event that this daemon gave out, or will.
  [[nodiscard]] std::int64_t first_ever() const { return first_; }
  // An event that is kept: oldest() <= sequence <= newest().
  [[nodiscard]] const Event& at(std::int64_t sequence) const {
    return events_[static_cast<std::size_t>(sequence - oldest())];
  }

  // `listener` is called after each announcement, or each of `only` that run, until it is removed.
  // It may remove itself or another.
  using Token = std::pair<std::string, std::uint64_t>;
  Token listen(const std::optional<std::string>& only, std::function<void()> listener);
  void remove(const Token& token) { listeners_.erase(token); }

 private:
  void tell(const std::string& run);

  static constexpr std::size_t kept = 4096;
  std::deque<Event> events_;
  std::int64_t first_;
  std::int64_t next_;
  // By run, so that an event costs what those who hear of it cost; those of all runs have none.
  std::map<Token, std::function<void()>> listeners_;
  std::uint64_t last_listener_ = 0;
};

}  // namespace reeve::registry
