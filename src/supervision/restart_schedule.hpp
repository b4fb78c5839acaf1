// When a slot of a pool is filled again: a pure calculation, on CLOCK_MONOTONIC.
//
// A worker that ends is replaced at once. One that ends soon again waits for backoff.initial, and
// each further one longer, until a worker has run for backoff.max. After start_limit.burst starts
// within start_limit.interval the slot is held.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/pools.hpp"
#include "schema/type.hpp"

namespace reeve::supervision {

// What has to outlive reeved, or it would forget that a worker crashes in a loop.
struct StartHistory {
  std::vector<Microseconds> starts;  // those that can still count, the last one last
  std::int64_t short_lives = 0;      // in a row

  friend constexpr auto describe(schema::Of<StartHistory>) {
    using schema::member;
    return schema::members(member<&StartHistory::starts>("starts"),
                           member<&StartHistory::short_lives>("shortLives"));
  }
};

class RestartSchedule {
 public:
  RestartSchedule(config::Backoff backoff, config::StartLimit limit, StartHistory history = {})
      : backoff_(backoff), limit_(limit), history_(std::move(history)) {}

  [[nodiscard]] const StartHistory& history() const { return history_; }
  // Somebody has looked after it: what was is not counted any more.
  void forgive() { history_ = {}; }
  void note_start(Microseconds now);
  // Of the worker that was started last. When the next one is to be, or nothing where the slot is
  // to be held. `chance` is a random number in [0, 1).
  [[nodiscard]] std::optional<Microseconds> next_start(Microseconds ended_at, double chance);
  // Whether that would be at once, if it ended now.
  [[nodiscard]] bool is_immediate(Microseconds now) const;

 private:
  [[nodiscard]] Microseconds delay(double chance) const;

  config::Backoff backoff_;
  config::StartLimit limit_;
  StartHistory history_;
};

}  // namespace reeve::supervision
