// What of reevectl top is functions of values: graphs, keys, what is seen and in which order.
#include <gtest/gtest.h>
#include <locale.h>

#include "ctl/top/history.hpp"
#include "ctl/top/keys.hpp"
#include "ctl/top/meter.hpp"
#include "ctl/top/view.hpp"

namespace reeve::ctl::top {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t page = 10;

std::string graph_of(const std::vector<History::Value>& values, std::size_t width,
                     std::int64_t full, Glyphs glyphs = Glyphs::blocks) {
  History history;
  for (const auto& value : values)
    history.add(value);
  return graph(history, width, full, glyphs);
}

TEST(History, KeepsTheLastValues) {
  History history;
  EXPECT_TRUE(history.last(3).empty());
  for (std::int64_t i = 0; i < 100; ++i)
    history.add(i);
  EXPECT_EQ(history.last(3), (std::vector<History::Value>{97, 98, 99}));
  const auto all = history.last(1'000);
  EXPECT_EQ(all.size(), History::capacity);
  EXPECT_EQ(all.front(), 100 - static_cast<std::int64_t>(History::capacity));
  EXPECT_EQ(all.back(), 99);
}

TEST(Graph, IsAsHighAsItsValues) {
  const struct {
    std::vector<History::Value> values;
    std::size_t width;
    std::int64_t full;
    const char* blocks;
    const char* characters;
  } cases[] = {
      {{}, 4, 100, "    ", "    "},
      {{0, 100}, 4, 100, "  ▁█", "  _#"},
      {{0, 13, 26, 38, 51, 63, 76, 88}, 8, 100, "▁▂▃▄▅▆▇█", "_.:-=+*#"},
      {{1, 2, 3}, 2, 100, "▁▁", "__"},                // the last ones
      {{50, 200}, 2, 100, "▃█", ":#"},                // higher than full
      {{std::nullopt, 100, {}}, 3, 0, " █ ", " # "},  // as high as the highest
      {{0, 0}, 2, 0, "▁▁", "__"},
      {{100}, 0, 100, "", ""},
  };
  for (const auto& [values, width, full, blocks, characters] : cases) {
    EXPECT_EQ(graph_of(values, width, full), blocks);
    EXPECT_EQ(graph_of(values, width, full, Glyphs::ascii), characters);
  }
}

// ---- keys

std::vector<Key> keys_of(std::string bytes, bool may_come = true) {
  return take_keys(bytes, may_come);
}

TEST(Keys, AreReadFromWhatTerminalsSend) {
  const std::pair<const char*, std::vector<Key>> cases[] = {
      {"q", {{Key::character, "q"}}},
      {"ab", {{Key::character, "a"}, {Key::character, "b"}}},
      {"é€😀", {{Key::character, "é"}, {Key::character, "€"}, {Key::character, "😀"}}},
      {"\x1b[A", {{Key::up}}},
      {"\x1bOB", {{Key::down}}},
      {"\x1b[5~\x1b[6~", {{Key::page_up}, {Key::page_down}}},
      {"\x1b[H\x1b[1~\x1b[F\x1b[4~", {{Key::home}, {Key::home}, {Key::end}, {Key::end}}},
      {"\x1b[24~x", {{Key::unknown}, {Key::character, "x"}}},
      {"\x1b[1;5Ax", {{Key::unknown}, {Key::character, "x"}}},
      {"\r\n\x7f\b", {{Key::enter}, {Key::enter}, {Key::backspace}, {Key::backspace}}},
      {"\x1bx", {{Key::escape}, {Key::character, "x"}}},
      {"\x1b\x1b[A", {{Key::escape}, {Key::up}}},
      {"\x01", {{Key::unknown}}},
      {"\x9bx", {{Key::unknown}, {Key::character, "x"}}},
      {"\xff\xff\xff\xffx", {{Key::unknown}, {Key::character, "x"}}},
  };
  for (const auto& [bytes, keys] : cases)
    EXPECT_EQ(keys_of(bytes), keys) << ::testing::PrintToString(bytes);
}

TEST(Keys, WaitForTheirLastByteWhileItMayCome) {
  for (const std::string whole : {"\x1b[A", "\x1bOB", "\x1b[5~", "é", "😀"}) {
    for (std::size_t length = 1; length < whole.size(); ++length) {
      auto bytes = "x" + whole.substr(0, length);
      EXPECT_EQ(take_keys(bytes, true).size(), 1U);
      EXPECT_EQ(bytes, whole.substr(0, length));
      bytes += whole.substr(length);
      EXPECT_EQ(take_keys(bytes, true), keys_of(whole));
      EXPECT_EQ(bytes, "");
      EXPECT_EQ(keys_of(whole.substr(0, length), false).size(), 1U);
    }
  }
  EXPECT_EQ(keys_of("\x1b", false), std::vector<Key>{{Key::escape}});
}

TEST(Keys, AnyBytesComeToAnEnd) {
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      std::string bytes{static_cast<char>(first), static_cast<char>(second), '[', 'A', 'x'};
      take_keys(bytes, true);
      take_keys(bytes, false);
      ASSERT_EQ(bytes, "") << first << " " << second;
    }
}

// ---- the view

View after(const std::string& keys, View view = {}, std::size_t rows = 100) {
  for (const auto& key : keys_of(keys, false))
    apply(view, key, page, rows);
  return view;
}

TEST(View, IsChangedByKeys) {
  EXPECT_EQ(after("m").order, Order::memory);
  EXPECT_EQ(after("r").order, Order::restarts);
  EXPECT_EQ(after("n").order, Order::name);
  EXPECT_EQ(after("nc").order, Order::processor);
  EXPECT_EQ(after("p").shown, Shown::pools);
  EXPECT_EQ(after("w").shown, Shown::workers);
  EXPECT_EQ(after("wa").shown, Shown::tree);
  EXPECT_EQ(after("t").shown, Shown::workers);
  EXPECT_EQ(after("tt").shown, Shown::tree);
  EXPECT_TRUE(after(" ").is_paused);
  EXPECT_FALSE(after("  ").is_paused);
  EXPECT_EQ(after("+").delay, 2s);
  EXPECT_EQ(after("--").delay, 200ms);
  EXPECT_TRUE(after("q").is_over);
  EXPECT_TRUE(after("?").is_help_shown);
  EXPECT_FALSE(after("hx").is_help_shown);
  EXPECT_TRUE(after("hq").is_over);
  EXPECT_FALSE(after("X\x01\x1b[24~").is_over);
}

TEST(View, IsFilteredByWhatIsTyped) {
  EXPECT_TRUE(after("/").is_filter_typed);
  EXPECT_EQ(after("/qé").filter, "qé");
  EXPECT_FALSE(after("/q").is_over);
  EXPECT_EQ(after("/qé\x7f").filter, "q");
  EXPECT_EQ(after("/q\x7f\x7f").filter, "");
  const auto ended = after("/web\rn");
  EXPECT_EQ(ended.filter, "web");
  EXPECT_EQ(ended.order, Order::name);
  EXPECT_FALSE(ended.is_filter_typed);
  EXPECT_EQ(after("/we\r/b").filter, "web");
  for (const char* keys : {"/web\x1b", "/web\r\x1b"}) {
    EXPECT_EQ(after(keys).filter, "") << keys;
    EXPECT_FALSE(after(keys).is_filter_typed) << keys;
  }
}

TEST(View, ScrollsNoFurtherThanThereAreRows) {
  const std::pair<const char*, std::size_t> cases[] = {
      {"", 0},
      {"\x1b[A", 0},
      {"\x1b[B\x1b[B", 2},
      {"\x1b[6~", 10},
      {"\x1b[F", 15},
      {"\x1b[F\x1b[B", 15},
      {"\x1b[F\x1b[6~", 15},
      {"\x1b[6~\x1b[6~\x1b[5~", 5},
      {"\x1b[6~\x1b[5~\x1b[5~", 0},
      {"\x1b[F\x1b[H", 0},
  };
  for (const auto& [keys, first] : cases)
    EXPECT_EQ(after(keys, {}, 25).first, first) << ::testing::PrintToString(keys);
  // There were more.
  EXPECT_EQ(after("\x1b[A", after("\x1b[F", {}, 100), 25).first, 14U);
  EXPECT_EQ(after("\x1b[B", {}, 3).first, 0U);
}

TEST(Delay, IsChangedInStepsWithinBounds) {
  EXPECT_EQ(longer(1s), 2s);
  EXPECT_EQ(longer(1500ms), 2s);
  EXPECT_EQ(longer(60s), 60s);
  EXPECT_EQ(longer(90s), 90s);
  EXPECT_EQ(shorter(1s), 500ms);
  EXPECT_EQ(shorter(1500ms), 1s);
  EXPECT_EQ(shorter(100ms), 100ms);
  EXPECT_EQ(shorter(50ms), 50ms);
}

// ---- rows

Measurement measurement(std::int64_t processor, std::int64_t memory) {
  Measurement made;
  made.processor = Microseconds(processor);
  made.memory = memory;
  return made;
}

Row worker(const std::string& name, const Measurement& measured, std::int64_t restarts = 0) {
  Row row{RowKind::worker, name, "1234", "", "app", "active"};
  row.measured = &measured;
  row.restarts = restarts;
  return row;
}

// A run with a pool and a worker, and one without anything.
class Rows : public ::testing::Test {
 protected:
  const Measurement low_ = measurement(10, 300), high_ = measurement(20, 100),
                    none_ = measurement(0, 200);
  std::vector<Row> rows_;

  Rows() {
    Row run{RowKind::run, "app", "1234", "", "app", "open"};
    run.measured = &low_;
    Row pool{RowKind::pool, "web", "1234", "web", "app", "settled 2/2"};
    pool.measured = &low_;
    pool.rows = {worker("web@10", low_, 1), worker("web@2", high_, 2), worker("web@1", none_, 0)};
    run.rows = {pool, worker("alone", high_)};
    Row other{RowKind::run, "other", "5678", "", "other", "closing"};
    other.measured = &high_;
    rows_ = {run, other};
  }
  [[nodiscard]] std::vector<std::string> names(const View& view,
                                               Glyphs glyphs = Glyphs::ascii) const {
    std::vector<std::string> names;
    for (const auto& line : lines_of(rows_, view, glyphs))
      names.push_back(line.name);
    return names;
  }
};

using Names = std::vector<std::string>;

TEST_F(Rows, AreATreeSortedAmongTheirSiblings) {
  EXPECT_EQ(names({}),
            (Names{"other", "app", "|-alone", "`-web", "  |-web@2", "  |-web@10", "  `-web@1"}));
  EXPECT_EQ(names({.order = Order::name}, Glyphs::blocks),
            (Names{"app", "├─alone", "└─web", "  ├─web@1", "  ├─web@2", "  └─web@10", "other"}));
  EXPECT_EQ(names({.order = Order::memory}),
            (Names{"app", "|-web", "| |-web@10", "| |-web@1", "| `-web@2", "`-alone", "other"}));
}

TEST_F(Rows, AreAListWhereOnlyOneKindIsShown) {
  EXPECT_EQ(names({.order = Order::restarts, .shown = Shown::workers}),
            (Names{"app/web@2", "app/web@10", "app/alone", "app/web@1"}));
  EXPECT_EQ(names({.shown = Shown::pools}), Names{"web"});
}

TEST_F(Rows, AreFoundByAPartOfWhatTheySay) {
  const View by_name{.order = Order::name};
  const auto filtered = [&](const char* filter, Shown shown = Shown::tree) {
    auto view = by_name;
    view.filter = filter;
    view.shown = shown;
    return names(view);
  };
  EXPECT_EQ(filtered("WEB@1"), (Names{"app", "`-web", "  |-web@1", "  `-web@10"}));
  EXPECT_EQ(filtered("settled"), (Names{"app", "`-web", "  |-web@1", "  |-web@2", "  `-web@10"}));
  EXPECT_EQ(filtered("closing"), Names{"other"});
  EXPECT_EQ(filtered("567"), Names{"other"});
  EXPECT_EQ(filtered("nothing"), Names{});
  EXPECT_EQ(filtered("web@1", Shown::workers), (Names{"app/web@1", "app/web@10"}));
  EXPECT_EQ(filtered("web", Shown::pools), Names{"web"});
  EXPECT_EQ(filtered("alone", Shown::pools), Names{});
}

// ---- what is measured

TEST(Measurement, IsTheProcessorTimeOfEachSecond) {
  Measurement measured;
  measured.take({1s, 100ms, 4096, 2}, 5s);
  EXPECT_FALSE(measured.processor);
  EXPECT_EQ(measured.memory, 4096);
  measured.take({3s, 600ms, 8192, 3}, 5s);
  EXPECT_EQ(measured.processor, 250ms);
  EXPECT_EQ(measured.tasks, 3);
  measured.take({4s, {}, {}, {}}, 5s);
  EXPECT_FALSE(measured.processor || measured.memory || measured.tasks);
  measured.take({5s, 700ms, {}, {}}, 5s);
  EXPECT_FALSE(measured.processor) << "there is no reading before it";
  measured.take({6s, 800ms, {}, {}}, 6s);
  EXPECT_FALSE(measured.processor) << "it is another worker";
  measured.take({7s, 10ms, {}, {}}, 6s);
  EXPECT_FALSE(measured.processor) << "it is another cgroup";
  measured.take({8s, 20ms, {}, {}}, 6s);
  EXPECT_EQ(measured.processor, 10ms);
  EXPECT_EQ(measured.processor_history.last(9),
            (std::vector<History::Value>{{}, 250'000, {}, {}, {}, {}, 10'000}));
  EXPECT_EQ(measured.memory_history.last(3), (std::vector<History::Value>{{}, {}, {}}));
}

TEST(Measurement, OfAPoolIsTheSumOfItsWorkers) {
  const auto one = measurement(10, 300), other = measurement(20, 100);
  const Measurement unknown;
  Measurement measured;
  measured.take_sum({worker("a", one), worker("b", other), worker("c", unknown)});
  EXPECT_EQ(measured.processor, 30us);
  EXPECT_EQ(measured.memory, 400);
  EXPECT_FALSE(measured.tasks);
  measured.take_sum({});
  EXPECT_FALSE(measured.processor);
  EXPECT_EQ(measured.processor_history.last(2), (std::vector<History::Value>{30, {}}));
}

}  // namespace

}  // namespace reeve::ctl::top
