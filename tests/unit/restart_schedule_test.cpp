#include "supervision/restart_schedule.hpp"

#include <gtest/gtest.h>

namespace reeve::supervision {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double middle = 0.5;  // no jitter either way
constexpr config::Backoff backoff{milliseconds(100), seconds(3), 2, 0.1};
constexpr config::StartLimit no_limit{1000, seconds(1)};

// The delays after workers that live for so long each.
std::vector<Microseconds> delays(RestartSchedule schedule, Microseconds life, std::size_t count) {
  std::vector<Microseconds> found;
  Microseconds now{};
  for (std::size_t i = 0; i < count; ++i) {
    schedule.note_start(now);
    now += life;
    const auto next = schedule.next_start(now, middle);
    if (!next) break;
    found.push_back(*next - now);
    now = *next;
  }
  return found;
}

TEST(RestartSchedule, ReplacesAWorkerAtOnceAndWaitsLongerForEachThatEndsSoonAgain) {
  const std::vector<Microseconds> expected{
      milliseconds(0),   milliseconds(100),  milliseconds(200),  milliseconds(400),
      milliseconds(800), milliseconds(1600), milliseconds(3000), milliseconds(3000)};
  EXPECT_EQ(delays({backoff, no_limit}, milliseconds(1), expected.size()), expected);
}

TEST(RestartSchedule, BeginsAnewAfterAWorkerThatLivedForLong) {
  RestartSchedule schedule(backoff, no_limit);
  for (int i = 0; i < 5; ++i) {
    schedule.note_start(seconds(i));
    (void)schedule.next_start(seconds(i) + milliseconds(1), middle);
  }
  schedule.note_start(seconds(10));
  EXPECT_EQ(schedule.next_start(seconds(13), middle), seconds(13));
  EXPECT_EQ(delays({backoff, no_limit}, seconds(3), 4), std::vector<Microseconds>(4));
}

TEST(RestartSchedule, HoldsASlotThatWasStartedTooOften) {
  const config::StartLimit limit{3, seconds(10)};
  EXPECT_EQ(delays({backoff, limit}, milliseconds(1), 10).size(), 2U);
  // Seldom enough: when the fourth is to start, the first one does not count any more.
  EXPECT_EQ(delays({backoff, limit}, milliseconds(3500), 10).size(), 10U);
}

TEST(RestartSchedule, ForgetsWhatWasOnceItIsForgiven) {
  RestartSchedule schedule(backoff, {1, seconds(10)});
  schedule.note_start({});
  EXPECT_EQ(schedule.next_start(milliseconds(1), middle), std::nullopt);
  schedule.forgive();
  schedule.note_start(milliseconds(2));
  EXPECT_EQ(schedule.history().starts.size(), 1U);
  EXPECT_EQ(schedule.history().short_lives, 0);
}

TEST(RestartSchedule, GoesOnWhereAnEarlierOneStopped) {
  RestartSchedule first(backoff, no_limit);
  first.note_start({});
  (void)first.next_start(milliseconds(1), middle);
  RestartSchedule second(backoff, no_limit, first.history());
  second.note_start(milliseconds(1));
  EXPECT_EQ(second.next_start(milliseconds(2), middle), milliseconds(102));
}

TEST(RestartSchedule, VariesTheDelayAndNeverBeyondTheLongest) {
  const auto second_delay = [](double chance) {
    RestartSchedule schedule(backoff, no_limit);
    schedule.note_start({});
    (void)schedule.next_start({}, chance);
    schedule.note_start({});
    return *schedule.next_start({}, chance);
  };
  EXPECT_EQ(second_delay(0), milliseconds(90));
  EXPECT_EQ(second_delay(middle), milliseconds(100));
  EXPECT_GT(second_delay(0.99), milliseconds(109));
  RestartSchedule longest(backoff, no_limit, {{Microseconds{0}}, 30});
  EXPECT_EQ(longest.next_start({}, 0.99), seconds(3));
}

TEST(RestartSchedule, KeepsNoMoreOfThePastThanCanCount) {
  RestartSchedule schedule(backoff, {5, seconds(1)});
  for (int i = 0; i < 1000; ++i)
    schedule.note_start(milliseconds(100 * i));
  EXPECT_LE(schedule.history().starts.size(), 10U);
}

}  // namespace
}  // namespace reeve::supervision
