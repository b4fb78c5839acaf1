#include "ctl/top/columns.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "base/quantities.hpp"
#include "ctl/top/layout.hpp"
#include "ctl/top/meter.hpp"

namespace reeve::ctl::top {

namespace {

constexpr std::size_t narrowest_name = 20, widest_name = 60;
constexpr std::size_t narrowest_state = 8, widest_state = 18;
constexpr std::size_t narrowest_graph = 8, widest_graph = 24;
static_assert(widest_graph <= History::capacity);
constexpr std::int64_t one_processor = 1'000'000;  // microseconds in a second

constexpr std::array columns{
    Column{Column::name, "NAME", narrowest_name, Side::left, 0},
    Column{Column::state, "STATE", narrowest_state, Side::left, 7},
    Column{Column::pid, "PID", 7, Side::right, 4},
    Column{Column::tasks, "TASKS", 5, Side::right, 1},
    Column{Column::processor, "CPU%", 6, Side::right, 0},
    Column{Column::processor_graph, "", narrowest_graph, Side::left, 5},
    Column{Column::memory, "MEMORY", 6, Side::right, 8},
    Column{Column::memory_graph, "", narrowest_graph, Side::left, 2},
    Column{Column::restarts, "RESTARTS", 8, Side::right, 6},
    Column{Column::age, "AGE", 9, Side::right, 3},
};

std::string number(std::optional<std::int64_t> value) {
  return value ? std::to_string(*value) : "-";
}

bool is_graph(const Column& column) {
  return column.field == Column::processor_graph || column.field == Column::memory_graph;
}

std::size_t total(const std::vector<Column>& chosen) {
  return std::accumulate(chosen.begin(), chosen.end(), chosen.size() - 1,
                         [](std::size_t sum, const Column& each) { return sum + each.width; });
}

}  // namespace

std::string cell(const Column& column, const Line& line, Microseconds now, Glyphs glyphs) {
  const auto& row = *line.row;
  const auto* measured = row.measured;
  switch (column.field) {
    case Column::name:
      return line.name;
    case Column::state:
      return row.state;
    case Column::pid:
      return number(row.pid);
    case Column::tasks:
      return measured != nullptr ? number(measured->tasks) : "-";
    case Column::processor:
      return measured != nullptr && measured->processor ? percentage(*measured->processor) : "-";
    case Column::processor_graph:
      return measured == nullptr
                 ? ""
                 : graph(measured->processor_history, column.width, one_processor, glyphs);
    case Column::memory:
      return measured != nullptr && measured->memory ? brief_size(*measured->memory) : "-";
    case Column::memory_graph:
      return measured == nullptr ? "" : graph(measured->memory_history, column.width, 0, glyphs);
    case Column::restarts:
      return number(row.restarts);
    case Column::age:
      return row.since ? format_duration(std::max(now - row.since->monotonic, Microseconds{}))
                       : "-";
  }
  return {};
}

std::vector<Column> columns_for(std::size_t width, const std::vector<Line>& shown) {
  std::vector<Column> chosen(columns.begin(), columns.end());
  std::size_t longest = 0, longest_state = 0;
  for (const auto& line : shown) {
    longest = std::max(longest, width_of(line.name));
    longest_state = std::max(longest_state, width_of(line.row->state));
  }
  auto& state = chosen[1];
  state.width = std::max(longest_state, narrowest_state);
  auto& name = chosen.front();
  if (width == 0) {
    name.width = std::max(longest, narrowest_name);
    return chosen;
  }
  state.width = std::min(state.width, widest_state);
  while (total(chosen) > width) {
    const auto first =
        std::min_element(chosen.begin(), chosen.end(), [](const Column& one, const Column& other) {
          return one.order_of_going - 1 < other.order_of_going - 1;  // 0 is the last
        });
    if (first->order_of_going == 0) break;
    chosen.erase(first);
  }
  auto& first = chosen.front();
  if (total(chosen) > width) {
    const auto others = total(chosen) - first.width;
    first.width = width > others ? width - others : 1;
    return chosen;
  }
  first.width = std::min(first.width + width - total(chosen),
                         std::clamp(longest, narrowest_name, widest_name));
  // What is left is the graphs'.
  const auto graphs = std::count_if(chosen.begin(), chosen.end(), is_graph);
  const auto left = width - total(chosen);
  for (auto& column : chosen)
    if (is_graph(column)) column.width = std::min(column.width + left / graphs, widest_graph);
  return chosen;
}

}  // namespace reeve::ctl::top
