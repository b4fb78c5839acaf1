// The columns of top's table, and which of them there is room for.
#pragma once

#include <string>
#include <vector>

#include "ctl/top/cells.hpp"
#include "ctl/top/view.hpp"

namespace reeve::ctl::top {

struct Column {
  enum Field {
    name,
    state,
    pid,
    tasks,
    processor,
    processor_graph,
    memory,
    memory_graph,
    restarts,
    age
  } field;
  const char* title;
  std::size_t width;
  Side side;
  unsigned order_of_going;  // when there is no room, 1 first; 0 stays
};

// What stands there. That of a graph is as wide as the column, any other as it is.
std::string cell(const Column& column, const Line& line, Microseconds now, Glyphs glyphs);

// For so many columns of the terminal, or as many as are needed for 0.
std::vector<Column> columns_for(std::size_t width, const std::vector<Line>& shown);

}  // namespace reeve::ctl::top
