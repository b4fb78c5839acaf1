#include "ctl/top/view.hpp"

#include <string.h>

#include <algorithm>
#include <array>

#include "ctl/top/meter.hpp"

namespace reeve::ctl::top {

namespace {

using namespace std::chrono_literals;

constexpr std::array<Microseconds, 9> delays{100ms, 200ms, 500ms, 1s, 2s, 5s, 10s, 30s, 60s};

// ---- which rows

bool says(const Row& row, const std::string& filter) {
  for (const auto* text : {&row.name, &row.state, &row.run})
    if (::strcasestr(text->c_str(), filter.c_str()) != nullptr) return true;
  return false;
}

bool is_wanted(const Row& row, const View& view) {
  switch (view.shown) {
    case Shown::tree:
      return true;
    case Shown::pools:
      return row.kind == RowKind::pool;
    case Shown::workers:
      return row.kind == RowKind::worker;
  }
  return false;
}

// It says what is looked for, or one beneath it does.
bool leads_to(const Row& row, const std::string& filter) {
  return says(row, filter) || std::any_of(row.rows.begin(), row.rows.end(),
                                          [&](const Row& each) { return leads_to(each, filter); });
}

// ---- in which order

std::int64_t value_of(const Row& row, Order order) {
  constexpr std::int64_t none = -1;
  if (order == Order::restarts) return row.restarts.value_or(none);
  if (row.measured == nullptr) return none;
  if (order == Order::memory) return row.measured->memory.value_or(none);
  return row.measured->processor.value_or(Microseconds(none)).count();
}

bool is_before(const Row& one, const Row& other, Order order) {
  if (order != Order::name) {
    const auto value = value_of(one, order), other_value = value_of(other, order);
    if (value != other_value) return value > other_value;
  }
  // "worker-2" before "worker-10"
  const int names = ::strverscmp(one.name.c_str(), other.name.c_str());
  return names != 0 ? names < 0 : one.run < other.run;
}

void sort(std::vector<const Row*>& rows, Order order) {
  std::sort(rows.begin(), rows.end(),
            [order](const Row* one, const Row* other) { return is_before(*one, *other, order); });
}

// ---- as a tree, or without one

struct Branches {
  const char *middle, *last, *beside, *below;
};
constexpr Branches of_blocks{"├─", "└─", "│ ", "  "};
constexpr Branches of_ascii{"|-", "`-", "| ", "  "};

struct Tree {
  const View& view;
  const Branches& branches;
  std::vector<Line>& lines;

  // `is_found`: they are beneath one that says what is looked for.
  void add(const std::vector<Row>& rows, const std::string& indent, bool is_root, bool is_found) {
    std::vector<const Row*> siblings;
    for (const auto& row : rows)
      if (is_found || leads_to(row, view.filter)) siblings.push_back(&row);
    sort(siblings, view.order);
    for (const auto* row : siblings) {
      const bool is_last = row == siblings.back();
      lines.push_back(
          {is_root ? row->name : indent + (is_last ? branches.last : branches.middle) + row->name,
           row});
      add(row->rows, is_root ? "" : indent + (is_last ? branches.below : branches.beside), false,
          is_found || says(*row, view.filter));
    }
  }
};

void collect(const std::vector<Row>& rows, const View& view, bool is_found,
             std::vector<const Row*>& wanted) {
  for (const auto& row : rows) {
    const bool is_this_found = is_found || says(row, view.filter);
    if (is_wanted(row, view) && is_this_found) wanted.push_back(&row);
    collect(row.rows, view, is_this_found, wanted);
  }
}

// ---- keys

// Whether it was one of those with which a filter is typed.
bool typed(View& view, const Key& key) {
  switch (key.kind) {
    case Key::character:
      view.filter += key.text;
      return true;
    case Key::backspace:
      // A character of UTF-8 goes as a whole.
      while (!view.filter.empty() &&
             (static_cast<unsigned char>(view.filter.back()) & 0xC0U) == 0x80)
        view.filter.pop_back();
      if (!view.filter.empty()) view.filter.pop_back();
      return true;
    case Key::enter:
      view.is_filter_typed = false;
      return true;
    default:
      return false;
  }
}

void scroll(View& view, Key::Kind key, std::size_t page, std::size_t rows) {
  const auto last = rows > page ? rows - page : 0;
  const auto back = [&](std::size_t by) { return view.first > by ? view.first - by : 0; };
  view.first = std::min(view.first, last);
  switch (key) {
    case Key::up:
      view.first = back(1);
      break;
    case Key::down:
      view.first = std::min(view.first + 1, last);
      break;
    case Key::page_up:
      view.first = back(page);
      break;
    case Key::page_down:
      view.first = std::min(view.first + page, last);
      break;
    case Key::home:
      view.first = 0;
      break;
    case Key::end:
      view.first = last;
      break;
    default:
      break;
  }
}

void command(View& view, char key) {
  switch (key) {
    case 'c':
      view.order = Order::processor;
      break;
    case 'm':
      view.order = Order::memory;
      break;
    case 'r':
      view.order = Order::restarts;
      break;
    case 'n':
      view.order = Order::name;
      break;
    case 't':
      view.shown = view.shown == Shown::tree ? Shown::workers : Shown::tree;
      break;
    case 'p':
      view.shown = Shown::pools;
      break;
    case 'w':
      view.shown = Shown::workers;
      break;
    case 'a':
      view.shown = Shown::tree;
      break;
    case '/':
      view.is_filter_typed = true;
      break;
    case '+':
      view.delay = longer(view.delay);
      break;
    case '-':
      view.delay = shorter(view.delay);
      break;
    case ' ':
      view.is_paused = !view.is_paused;
      break;
    case '?':
    case 'h':
      view.is_help_shown = true;
      break;
    case 'q':
      view.is_over = true;
      break;
    default:
      break;
  }
}

}  // namespace

void apply(View& view, const Key& key, std::size_t page, std::size_t rows) {
  // Any key but the last leaves the help.
  if (std::exchange(view.is_help_shown, false) && key.text != "q") return;
  if (key.kind == Key::escape) {
    view.filter.clear();
    view.is_filter_typed = false;
  } else if (!view.is_filter_typed || !typed(view, key)) {
    if (key.kind == Key::character)
      command(view, key.text.size() == 1 ? key.text.front() : '\0');
    else
      scroll(view, key.kind, page, rows);
  }
}

std::vector<Line> lines_of(const std::vector<Row>& rows, const View& view, Glyphs glyphs) {
  std::vector<Line> lines;
  if (view.shown == Shown::tree) {
    Tree{view, glyphs == Glyphs::blocks ? of_blocks : of_ascii, lines}.add(rows, "", true, false);
    return lines;
  }
  std::vector<const Row*> wanted;
  collect(rows, view, false, wanted);
  sort(wanted, view.order);
  for (const auto* row : wanted)
    lines.push_back({row->kind == RowKind::worker ? row->owner + "/" + row->name : row->name, row});
  return lines;
}

Microseconds longer(Microseconds delay) {
  const auto found = std::upper_bound(delays.begin(), delays.end(), delay);
  return found == delays.end() ? delay : *found;
}

Microseconds shorter(Microseconds delay) {
  const auto found = std::lower_bound(delays.begin(), delays.end(), delay);
  return found == delays.begin() ? delay : *std::prev(found);
}

}  // namespace reeve::ctl::top
