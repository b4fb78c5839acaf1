// Whose an entry of the journal is: no process gets a line in where it does not belong.
#include "ctl/log_lines.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "json/codec.hpp"
#include "registry/names.hpp"

namespace reeve::ctl {
namespace {

const std::string run = "0123456789abcdef0123456789abcdef";
const std::string other_run = "f123456789abcdef0123456789abcdef";
const std::string root = "/reeve.slice/reeve-runs.service/";

std::string group(const std::string& worker, unsigned generation = 1) {
  return root + registry::run_directory(run) + "/" + registry::worker_directory(worker, generation);
}

JournalEntry written(const std::string& control_group) {
  return {
      .message = "text", .identifier = "x", .control_group = control_group, .pid = 7, .user = 33};
}

JournalEntry told_by(const char* program, std::int64_t user) {
  return {.message = "told",
          .program = program,
          .run = run,
          .worker = "web@0",
          .pool = "web",
          .user = user};
}

// ---- by the cgroup

TEST(Logs, OfAWorkerAreFoundByItsCgroup) {
  for (const auto& name : {std::string("web@0"), std::string("a b~2%"), std::string(900, 'x')})
    for (const unsigned generation : {1U, 2U, 11U})
      for (const char* below : {"", "/deeper"}) {
        const auto line = Wanted{name, {}}.line_of(written(group(name, generation) + below));
        ASSERT_TRUE(line) << name;
        EXPECT_EQ(line->run, run);
        EXPECT_EQ(line->worker, name);
        EXPECT_FALSE(line->by_reeved);
      }
}

TEST(Logs, OfAPoolAreThoseOfEachOfItsWorkers) {
  for (const std::int64_t slot : {0, 1, 4095}) {
    const auto name = registry::worker_name("web", slot);
    const auto line = Wanted{"web", {}}.line_of(written(group(name, 2)));
    ASSERT_TRUE(line) << slot;
    EXPECT_EQ(line->worker, name);
    EXPECT_EQ(line->pool, "web");
  }
}

TEST(Logs, OfOthersAreNotShown) {
  for (const auto& control_group :
       {group("web2@0"), group("we"), group("web@"), group("web@x"), group("a web@0"), root,
        root + "worker-web", root + "run-1/worker-web", root + registry::run_directory(run),
        root + registry::run_directory(run) + "/entered", std::string("/system.slice/web.service"),
        // Its own reeved, whose worker it is.
        group("web") + "/run-" + other_run + "/worker-db"})
    EXPECT_FALSE((Wanted{"web", {}}.line_of(written(control_group)))) << control_group;
  EXPECT_FALSE((Wanted{"web@0", {}}.line_of(written(group("web@1")))));
  EXPECT_FALSE((Wanted{"web@0", {}}.line_of(written(group("web")))));
}

TEST(Logs, OfOneRunAreItsAlone) {
  const auto entry = written(group("w"));
  EXPECT_TRUE((Wanted{"w", run}.line_of(entry)));
  EXPECT_TRUE((Wanted{"w", run.substr(0, 6)}.line_of(entry)));
  EXPECT_FALSE((Wanted{"w", other_run}.line_of(entry)));
  // It is not known what run it is of.
  auto unproven = written("");
  unproven.identifier = "w";
  EXPECT_FALSE((Wanted{"w", run}.line_of(unproven)));
}

TEST(Logs, ShowNothingThatOnlyPretendsByItsIdentifier) {
  auto entry = written("/system.slice/other.service");
  entry.identifier = "web@0";
  EXPECT_FALSE((Wanted{"web@0", {}}.line_of(entry)));
  EXPECT_FALSE((Wanted{"web", {}}.line_of(entry)));
}

TEST(Logs, ShowCgroupsOfAUsersOwnManagerToThatUserAlone) {
  const auto entry = written("/user.slice/user-1000.slice/user@1000.service/app.slice/run-" + run +
                             "/worker-web@0");
  for (const uid_t reader : {0U, 33U, 1001U})
    EXPECT_FALSE((Wanted{"web", {}, reader}.line_of(entry))) << reader;
  EXPECT_TRUE((Wanted{"web", {}, 1000}.line_of(entry)));
}

TEST(Logs, OfAProcessThatWasGoneTooSoonAreProvenByTheUnitThatOnlyRootNames) {
  auto entry = written("");
  entry.identifier = "web@0";
  entry.unit = "reeve-runs.service";
  const auto line = Wanted{"web", {}}.line_of(entry);
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->proven);
  EXPECT_NE(shown(*line, LogFormat::brief).find(" web@0[7]: text"), std::string::npos);
}

TEST(Logs, OfAProcessThatWasGoneTooSoonAreShownAsUnprovenWithoutThat) {
  auto entry = written("");
  entry.identifier = "web@0";
  const auto line = Wanted{"web", {}}.line_of(entry);
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->proven);
  EXPECT_EQ(line->run, std::nullopt);
  EXPECT_EQ(line->worker, "web@0");
  EXPECT_NE(shown(*line, LogFormat::brief).find(" web@0[7]?: text"), std::string::npos);
}

// ---- what reeved says

TEST(Logs, ContainWhatReevedSaysOfTheWorker) {
  for (const auto* name : {"web@0", "web"}) {
    const auto line = Wanted{name, {}}.line_of(told_by("reeved", 0));
    ASSERT_TRUE(line) << name;
    EXPECT_TRUE(line->by_reeved);
    EXPECT_EQ(line->pool, "web");
  }
  EXPECT_TRUE((Wanted{"web", {}, 1000}.line_of(told_by("reeved", 1000))));
  EXPECT_FALSE((Wanted{"web@1", {}}.line_of(told_by("reeved", 0))));
  EXPECT_FALSE((Wanted{"web", other_run}.line_of(told_by("reeved", 0))));
}

TEST(Logs, BelieveNobodyElseWhoSaysAsReevedWould) {
  EXPECT_FALSE((Wanted{"web", {}}.line_of(told_by("python3", 0))));
  EXPECT_FALSE((Wanted{"web", {}}.line_of(told_by("reeved", 1000))));
}

TEST(Logs, AreLookedForByEveryFieldThatFindsThem) {
  const Wanted wanted{"web", {}};
  for (const auto& [field, value, may_be] :
       {std::tuple("SYSLOG_IDENTIFIER", std::string("web@3"), true),
        {"SYSLOG_IDENTIFIER", "web", true},
        {"SYSLOG_IDENTIFIER", "webbed", false},
        {"REEVE_WORKER", "web@3", true},
        {"REEVE_POOL", "web", true},
        {"REEVE_POOL", "web@3", false},
        {"_SYSTEMD_CGROUP", group("web@3", 2), true},
        {"_SYSTEMD_CGROUP", group("db@3"), false},
        {"_SYSTEMD_CGROUP", "/", false}})
    EXPECT_EQ(wanted.may_be(field, value), may_be) << field << " " << value;
}

// ---- how they are shown

TEST(LogLine, IsShownSuchThatNoTerminalActsOnIt) {
  const LogLine line{.run = run,
                     .worker = "w",
                     .pid = 7,
                     .message = "tab\tred \x1b[31m \xff \u202E größe\nsecond"};
  const auto text = shown(line, LogFormat::brief);
  const auto begin = text.find("w[7]: ") + 6;
  EXPECT_EQ(text.substr(begin), "tab\tred \\x1b[31m \\xff \\xe2\\x80\\xae größe\n" +
                                    std::string(begin, ' ') + "second");
  EXPECT_EQ(shown(line, LogFormat::text), line.message);
}

TEST(LogLine, IsAnObjectThatNamesRunAndPool) {
  EXPECT_EQ(
      json::encoded(LogLine{.time = Microseconds(5),
                            .run = run,
                            .pool = "web",
                            .worker = "web@0",
                            .pid = 7,
                            .priority = 6,
                            .message = "text"}),
      R"({"time":5,"run":")" + run +
          R"(","pool":"web","worker":"web@0","pid":7,"priority":6,"byReeved":false,"proven":true,"message":"text"})");
}

TEST(Moment, IsATimeOrHowLongAgo) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  constexpr auto now = Microseconds(std::chrono::seconds(1'795'424'400));  // 2026-11-23 09:00:00
  const auto before = [&](std::chrono::seconds ago) { return std::optional(now - ago); };
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_moment("10min", now), before(10min));
  EXPECT_EQ(parse_moment("08:30", now), before(30min));
  EXPECT_EQ(parse_moment("08:59:59", now), before(1s));
  EXPECT_EQ(parse_moment("today", now), before(9h));
  EXPECT_EQ(parse_moment("2026-11-23", now), before(9h));
  EXPECT_EQ(parse_moment("yesterday", now), before(33h));
  EXPECT_EQ(parse_moment("2026-11-22 09:00", now), before(24h));
  EXPECT_EQ(parse_moment("2026-11-23 08:59:58", now), before(2s));
  for (const auto* text : {"", "soon", "25:00", "2026-13-01", "08:30x", "-"})
    EXPECT_EQ(parse_moment(text, now), std::nullopt) << text;
}

}  // namespace
}  // namespace reeve::ctl
