#include "supervision/restart_schedule.hpp"

#include <algorithm>
#include <cmath>

namespace reeve::supervision {

void RestartSchedule::note_start(Microseconds now) {
  auto& starts = history_.starts;
  std::erase_if(starts, [&](Microseconds start) { return start <= now - limit_.interval; });
  starts.push_back(now);
}

std::optional<Microseconds> RestartSchedule::next_start(Microseconds ended_at, double chance) {
  const auto& starts = history_.starts;
  const bool lived_long = starts.empty() || ended_at - starts.back() >= backoff_.max;
  if (lived_long) history_.short_lives = 0;
  const auto next = ended_at + delay(chance);
  ++history_.short_lives;
  const auto counted = std::count_if(starts.begin(), starts.end(), [&](Microseconds start) {
    return start > next - limit_.interval;
  });
  return counted < limit_.burst ? std::optional(next) : std::nullopt;
}

bool RestartSchedule::is_immediate(Microseconds now) const {
  auto tried = *this;
  const auto next = tried.next_start(now, 0);
  return next && *next <= now;
}

Microseconds RestartSchedule::delay(double chance) const {
  if (history_.short_lives == 0) return {};
  const auto longest = static_cast<double>(backoff_.max.count());
  const auto grown = static_cast<double>(backoff_.initial.count()) *
                     std::pow(backoff_.factor, static_cast<double>(history_.short_lives - 1));
  const auto varied = std::min(grown, longest) * (1 + backoff_.jitter * (2 * chance - 1));
  return Microseconds(static_cast<std::int64_t>(std::min(varied, longest)));
}

}  // namespace reeve::supervision
