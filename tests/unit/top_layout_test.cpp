// The frames of reevectl top as text: what of reeved's answers they show, and how it fits.
#include <gtest/gtest.h>
#include <locale.h>

#include "ctl/top/cells.hpp"
#include "ctl/top/census.hpp"
#include "ctl/top/columns.hpp"
#include "ctl/top/layout.hpp"
#include "ctl/top/meter.hpp"

namespace reeve::ctl::top {

namespace {

using namespace std::chrono_literals;

class Cells : public ::testing::Test {
 protected:
  Cells() { ::setlocale(LC_CTYPE, "C.UTF-8"); }
  ~Cells() override { ::setlocale(LC_CTYPE, "C"); }
};
using Layout = Cells;

TEST_F(Cells, AreExactlyAsWideAsTheyAreToBe) {
  const struct {
    const char* text;
    std::size_t width;
    Side side;
    Glyphs glyphs;
    const char* fitted;
  } cases[] = {
      {"web", 5, Side::left, Glyphs::blocks, "web  "},
      {"web", 5, Side::right, Glyphs::blocks, "  web"},
      {"web", 3, Side::left, Glyphs::blocks, "web"},
      {"worker", 4, Side::left, Glyphs::blocks, "wor…"},
      {"worker", 4, Side::right, Glyphs::ascii, "wor~"},
      {"worker", 1, Side::left, Glyphs::ascii, "~"},
      {"worker", 0, Side::left, Glyphs::blocks, ""},
      {"├─é", 4, Side::left, Glyphs::blocks, "├─é "},
      {"日本", 5, Side::left, Glyphs::blocks, "日本 "},
      {"日本語", 4, Side::left, Glyphs::blocks, "日… "},  // half a character is none
      {"e\u0301e", 3, Side::left, Glyphs::blocks, "e\u0301e "},
  };
  for (const auto& [text, width, side, glyphs, expected] : cases) {
    EXPECT_EQ(fitted(text, width, side, glyphs), expected) << text;
    EXPECT_EQ(width_of(expected), width) << text;
  }
}

TEST_F(Cells, ShowNothingThatActsOnATerminal) {
  EXPECT_EQ(showable("a\x1b[2Jb\n", Glyphs::blocks), "a?[2Jb?");
  EXPECT_EQ(showable("\xff\xc3", Glyphs::blocks), "??");
  EXPECT_EQ(showable("\u202e", Glyphs::blocks), "?");
  EXPECT_EQ(showable("├─é", Glyphs::blocks), "├─é");
  EXPECT_EQ(showable("├─é", Glyphs::ascii), "???");
}

TEST(BriefSize, TakesFiveColumnsAtMost) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "0B"},
      {1023, "1023B"},
      {1024, "1.0K"},
      {1536, "1.5K"},
      {99 << 10, "99.0K"},
      {100 << 10, "100K"},
      {1023 << 10, "1023K"},
      {(1 << 20) - 1, "1.0M"},
      {340 << 20, "340M"},
      {std::int64_t{5} << 30, "5.0G"},
      {std::int64_t{1} << 62, "4.0E"},
  };
  for (const auto& [bytes, text] : cases)
    EXPECT_EQ(brief_size(bytes), text) << bytes;
}

// ---- what reeved answers

Run run(const std::string& id, std::int64_t owner) {
  Run made;
  made.run = id;
  made.owner.pid = owner;
  return made;
}

Worker worker(const std::string& run, const std::string& name) {
  Worker made;
  made.run = run;
  made.worker = name;
  made.state = WorkerState::active;
  made.control_group = "/r/" + name;
  return made;
}

Pool pool(const std::string& name, PoolState state, std::int64_t size) {
  Pool made;
  made.pool = name;
  made.state = state;
  made.size = size;
  return made;
}

GetPool::Output with_slots(Pool pool, std::vector<Slot> slots) {
  GetPool::Output made;
  made.pool = std::move(pool);
  made.slots = std::move(slots);
  return made;
}

Census census() {
  auto pools = run("aaaa", 7);
  pools.name = "pools";
  auto web = pool("web", PoolState::settled, 2);
  web.ready = 1;
  web.restarts = 3;
  web.run = "aaaa";
  Slot ready;
  ready.worker = "web@0";
  ready.state = SlotState::ready;
  Slot waiting;
  waiting.worker = "web@1";
  waiting.state = SlotState::waiting;
  waiting.restarts = 3;
  waiting.next_start = 12s;
  auto frozen = worker("aaaa", "web@0");
  frozen.frozen = true;
  const auto* unnamed = "0123456789abcdef";
  return {
      {run(unnamed, 8), pools},
      {worker(unnamed, "b"), worker(unnamed, "a"), frozen,
       worker("aaaa", "of a pool that is gone")},
      {with_slots(web, {ready, waiting}), with_slots(pool("later", PoolState::waiting, 1), {})}};
}

TEST(RowsOfACensus, AreRunsPoolsAndWorkers) {
  const auto rows = rows_of(census(), 10s);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].name, "0123456789ab");
  EXPECT_EQ(rows[0].pid, 8);
  ASSERT_EQ(rows[0].rows.size(), 2U);
  EXPECT_EQ(rows[0].rows[0].name, "a");
  EXPECT_EQ(rows[0].rows[0].owner, "0123456789ab");
  EXPECT_EQ(rows[0].rows[0].control_group, "/r/a");
  EXPECT_FALSE(rows[0].rows[0].restarts);
  EXPECT_EQ(rows[1].name, "pools");
  ASSERT_EQ(rows[1].rows.size(), 2U);
  const auto& web = rows[1].rows[0];
  EXPECT_EQ(web.kind, RowKind::pool);
  EXPECT_EQ(web.state, "settled 1/2");
  EXPECT_EQ(web.restarts, 3);
  ASSERT_EQ(web.rows.size(), 2U);
  EXPECT_EQ(web.rows[0].state, "ready (frozen)");
  EXPECT_EQ(web.rows[0].control_group, "/r/web@0");
  EXPECT_EQ(web.rows[0].owner, "pools");
  EXPECT_EQ(web.rows[1].state, "waiting (2s)");
  EXPECT_EQ(web.rows[1].restarts, 3);
  EXPECT_EQ(web.rows[1].control_group, "");
  EXPECT_EQ(rows[1].rows[1].name, "of a pool that is gone");
  EXPECT_EQ(rows[2].name, "later");
  EXPECT_EQ(rows[2].state, "waiting 0/1");
  EXPECT_EQ(count(rows, RowKind::run), 2U);
  EXPECT_EQ(count(rows, RowKind::pool), 2U);
  EXPECT_EQ(count(rows, RowKind::worker), 5U);
}

TEST(RowsOfACensus, AreTheSameOnesAtAnotherTime) {
  const auto rows = rows_of(census(), 10s), later = rows_of(census(), 11s);
  std::set<std::string> identities;
  const std::function<void(const std::vector<Row>&)> collect = [&](const auto& all) {
    for (const auto& row : all) {
      EXPECT_TRUE(identities.insert(row.identity()).second) << row.identity();
      collect(row.rows);
    }
  };
  collect(rows);
  EXPECT_EQ(identities.size(), 9U);
  EXPECT_EQ(rows[1].rows[0].rows[1].identity(), later[1].rows[0].rows[1].identity());
}

// ---- how it fits

std::vector<std::string> titles(std::size_t width, const std::vector<Line>& lines = {}) {
  std::vector<std::string> titles;
  for (const auto& column : columns_for(width, lines))
    titles.emplace_back(column.title);
  return titles;
}

TEST(Columns, GoOneAfterTheOtherWhereThereIsNoRoom) {
  using Titles = std::vector<std::string>;
  const Titles all{"NAME", "STATE", "PID", "TASKS", "CPU%", "", "MEMORY", "", "RESTARTS", "AGE"};
  EXPECT_EQ(titles(0), all);
  EXPECT_EQ(titles(200), all);
  EXPECT_EQ(titles(80), (Titles{"NAME", "STATE", "PID", "CPU%", "", "MEMORY", "RESTARTS", "AGE"}));
  EXPECT_EQ(titles(60), (Titles{"NAME", "STATE", "CPU%", "MEMORY", "RESTARTS"}));
  EXPECT_EQ(titles(30), (Titles{"NAME", "CPU%"}));
  EXPECT_EQ(titles(1), (Titles{"NAME", "CPU%"}));
  for (std::size_t width = 8; width < 300; ++width) {
    std::size_t taken = 0;
    for (const auto& column : columns_for(width, {}))
      taken += column.width + (taken > 0 ? 1 : 0);
    EXPECT_LE(taken, width);
  }
}

Frame frame() {
  static Measurement measured;
  measured.processor = 345ms;
  measured.memory = 1 << 20;
  measured.processor_history.add(1'000'000);
  Row worker{RowKind::worker, "worker-1", "1234", "", "app", "active"};
  worker.pid = 42;
  worker.restarts = 5;
  worker.since = Timestamp{{}, 8s};
  worker.measured = &measured;
  Row run{RowKind::run, "app", "1234", "", "app", "open"};
  run.measured = &measured;
  run.rows = {worker};
  Frame made{"host", {{}, 10s}, "12:00:00", "", {run}};
  return made;
}

std::vector<std::string> texts(const Frame& frame, const View& view, Size size) {
  std::vector<std::string> texts;
  for (const auto& line :
       laid_out(frame, view, lines_of(frame.rows, view, Glyphs::blocks), size, Glyphs::blocks))
    texts.push_back(line.text);
  return texts;
}

TEST_F(Layout, IsAHeadAndATable) {
  const auto lines = texts(frame(), {}, {80, 24});
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "host: 1 run, 0 pools, 1 worker, CPU 34.5%, memory 1.0M, 12:00:00");
  EXPECT_EQ(lines[1], "by CPU, every 1s (? for help)");
  EXPECT_TRUE(lines[4].starts_with("└─worker-1 ")) << lines[4];
  EXPECT_TRUE(lines[4].ends_with(" 5        2s")) << lines[4];
  for (const char* part : {" active ", " 42 ", " 34.5 ", "█", " 1.0M "})
    EXPECT_NE(lines[4].find(part), std::string::npos) << part << " in " << lines[4];
}

TEST_F(Layout, SaysWhatIsUnusual) {
  auto present = frame();
  present.trouble = "not connected";
  EXPECT_EQ(texts(present, {}, {80, 24})[1], "not connected; by CPU, every 1s (? for help)");
  EXPECT_EQ(laid_out(present, {}, {}, {80, 24}, Glyphs::blocks)[1].kind, ScreenLine::alarm);
  const View view{.order = Order::memory,
                  .shown = Shown::workers,
                  .filter = "x",
                  .is_filter_typed = true,
                  .is_paused = true};
  const auto lines = texts(frame(), view, {120, 24});
  EXPECT_EQ(lines[1], "by memory, every 1s, workers only, paused, filter: x_ (? for help)");
  EXPECT_EQ(lines[3], "nothing has that in it");
  EXPECT_EQ(texts({}, {}, {80, 24})[3], "nothing to show");
}

TEST_F(Layout, ShowsThePageThatWasScrolledTo) {
  auto present = frame();
  present.rows[0].rows.assign(10, present.rows[0].rows[0]);
  const auto lines = texts(present, {.first = 100}, {80, 7});
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(lines[1], "by CPU, every 1s, rows 8 to 11 of 11 (? for help)");
  EXPECT_TRUE(lines[6].starts_with("└─"));
  EXPECT_EQ(texts(present, {}, {}).size(), 14U);
  EXPECT_EQ(texts(present, {}, {80, 1}).size(), 4U);  // of which the first is seen
}

TEST_F(Layout, IsNeverWiderThanTheTerminal) {
  auto present = frame();
  present.rows[0].rows[0].name = std::string(100, 'n');
  present.rows[0].rows[0].state = "reserved (and more than that)";
  present.host = std::string(100, 'h');
  for (std::size_t columns = 8; columns < 250; ++columns) {
    for (const auto& line : texts(present, {}, {columns, 24}))
      EXPECT_LE(width_of(line), columns) << line;
    for (const auto& line : help({columns, 24}, Glyphs::blocks))
      EXPECT_LE(width_of(line.text), columns) << line.text;
  }
}

}  // namespace

}  // namespace reeve::ctl::top
