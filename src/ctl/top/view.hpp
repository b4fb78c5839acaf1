// How the rows are looked at: which of them, in which order, from where on; and how keys change
// that.
#pragma once

#include <string>
#include <vector>

#include "ctl/top/census.hpp"
#include "ctl/top/history.hpp"
#include "ctl/top/keys.hpp"

namespace reeve::ctl::top {

enum class Order { processor, memory, restarts, name };
enum class Shown { tree, pools, workers };

struct View {
  Order order = Order::processor;
  Shown shown = Shown::tree;
  std::string filter = {};
  bool is_filter_typed = false;  // at present
  bool is_paused = false;
  bool is_help_shown = false;
  bool is_over = false;
  std::size_t first = 0;  // row
  Microseconds delay{1'000'000};
};

// `page` is how many rows are seen at once, `rows` how many there are.
void apply(View& view, const Key& key, std::size_t page, std::size_t rows);

struct Line {
  std::string name;  // with the branches of the tree
  const Row* row;
};
std::vector<Line> lines_of(const std::vector<Row>& rows, const View& view, Glyphs glyphs);

// The next one in a fixed scale.
Microseconds longer(Microseconds delay);
Microseconds shorter(Microseconds delay);

}  // namespace reeve::ctl::top
