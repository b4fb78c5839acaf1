#include "registry/event_log.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace reeve::registry {

namespace {

constexpr std::int64_t kept = 4096;

void announce(EventLog& log, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    log.announce(EventKind::activated, "run");
}

TEST(EventLog, NumbersFromTheMonotonicClockOn) {
  const auto before = monotonic_now().count();
  const EventLog log;
  EXPECT_GE(log.first_ever(), before);
  EXPECT_LE(log.first_ever(), monotonic_now().count());
}

TEST(EventLog, SaysWhereItWouldBeginWhileItIsEmpty) {
  const EventLog log;
  EXPECT_EQ(log.newest(), log.first_ever() - 1);
  EXPECT_EQ(log.oldest(), log.first_ever());
}

TEST(EventLog, CountsUpByOneAndKeepsWhatItWasTold) {
  EventLog log;
  Worker worker;
  worker.worker = "w";
  CleanupReport report;
  report.processes_killed = 7;
  log.announce(EventKind::run_opened, "first");
  log.announce(EventKind::activated, "second", worker);
  log.announce(EventKind::orphans_killed, "third", {}, report);

  const auto first = log.first_ever();
  EXPECT_EQ(log.oldest(), first);
  EXPECT_EQ(log.newest(), first + 2);
  for (auto sequence = first; sequence <= log.newest(); ++sequence)
    EXPECT_EQ(log.at(sequence).sequence, sequence);

  EXPECT_EQ(log.at(first).kind, EventKind::run_opened);
  EXPECT_EQ(log.at(first).run, "first");
  EXPECT_FALSE(log.at(first).worker.has_value());
  EXPECT_EQ(log.at(first + 1).worker.value().worker, "w");
  EXPECT_FALSE(log.at(first + 1).report.has_value());
  EXPECT_EQ(log.at(first + 2).report.value().processes_killed, 7);
  EXPECT_LE(log.at(first).at.monotonic, log.at(first + 2).at.monotonic);
}

TEST(EventLog, DropsTheOldestWhenItIsFull) {
  EventLog log;
  const auto first = log.first_ever();
  announce(log, kept);
  EXPECT_EQ(log.oldest(), first);
  EXPECT_EQ(log.newest(), first + kept - 1);

  log.announce(EventKind::gap, "one too many");
  EXPECT_EQ(log.oldest(), first + 1);
  EXPECT_EQ(log.newest(), first + kept);
  EXPECT_EQ(log.first_ever(), first);

  announce(log, 2 * kept);
  EXPECT_EQ(log.newest() - log.oldest() + 1, kept);
  EXPECT_EQ(log.at(log.oldest()).sequence, log.oldest());
  EXPECT_EQ(log.at(log.newest()).sequence, log.newest());
}

TEST(EventLog, TellsEachListenerOfEachEventOnceItIsThere) {
  EventLog log;
  std::vector<std::int64_t> seen_by_one, seen_by_two;
  log.listen({}, [&] { seen_by_one.push_back(log.at(log.newest()).sequence); });
  announce(log, 1);
  const auto two = log.listen({}, [&] { seen_by_two.push_back(log.at(log.newest()).sequence); });
  announce(log, 1);
  log.remove(two);
  announce(log, 1);
  const auto first = log.first_ever();
  EXPECT_EQ(seen_by_one, (std::vector{first, first + 1, first + 2}));
  EXPECT_EQ(seen_by_two, std::vector{first + 1});
}

TEST(EventLog, TellsAListenerOfOneRunOfNoOther) {
  EventLog log;
  std::vector<std::string> heard;
  log.listen("mine", [&] { heard.push_back(*log.at(log.newest()).run); });
  for (const char* run : {"another", "mine", "min", "mine", "minea"})
    log.announce(EventKind::activated, run);
  EXPECT_EQ(heard, (std::vector<std::string>{"mine", "mine"}));
}

TEST(EventLog, LetsAListenerRemoveItselfWhileItIsCalled) {
  EventLog log;
  struct Listener {
    EventLog& log;
    EventLog::Token token{};
    int calls = 0;
  };
  Listener before{log}, leaving{log}, after{log};
  before.token = log.listen({}, [&] { ++before.calls; });
  // What it captured is used after its removal: the log holds it until it has returned.
  leaving.token = log.listen({}, [&leaving, witness = std::make_shared<int>(0)] {
    leaving.log.remove(leaving.token);
    leaving.calls += 1 + *witness;
  });
  after.token = log.listen({}, [&] { ++after.calls; });
  announce(log, 2);
  EXPECT_EQ(before.calls, 2);
  EXPECT_EQ(leaving.calls, 1);
  EXPECT_EQ(after.calls, 2);
}

TEST(EventLog, NeverGivesATokenTwice) {
  EventLog log;
  int calls = 0;
  const auto gone = log.listen({}, [] {});
  log.remove(gone);
  const auto present = log.listen({}, [&] { ++calls; });
  EXPECT_NE(gone, present);
  log.remove(gone);
  announce(log, 1);
  EXPECT_EQ(calls, 1);
}

TEST(EventLog, GoesOnWhereTheOneBeforeHasEnded) {
  EventLog before;
  announce(before, 3);
  EventLog after;
  ASSERT_TRUE(after.resume(before.saved()));
  EXPECT_EQ(after.oldest(), before.oldest());
  EXPECT_EQ(after.first_ever(), before.first_ever());
  EXPECT_EQ(after.at(after.newest()).run, before.at(before.newest()).run);
  announce(after, 1);
  EXPECT_EQ(after.newest(), before.newest() + 1);
}

TEST(EventLog, IsNotMisledByWhatItDidNotSave) {
  EventLog before;
  announce(before, 2);
  auto torn = before.saved();
  const auto second = "\"sequence\":" + std::to_string(before.newest());
  torn.replace(torn.find(second), second.size(), "\"sequence\":7");
  EventLog after;
  const auto first = after.first_ever();
  for (const auto& text : {std::string(), std::string("{}"), torn}) {
    EXPECT_FALSE(after.resume(text)) << text;
    EXPECT_EQ(after.newest(), first - 1);
  }
}

}  // namespace

}  // namespace reeve::registry
