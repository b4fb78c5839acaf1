// A frame as lines of text: a head, and a table of as many columns as there is room for.
#pragma once

#include <string>
#include <vector>

#include "ctl/top/view.hpp"

namespace reeve::ctl::top {

struct Frame {
  std::string host;
  Timestamp at;
  std::string time;     // the same, as people there write it
  std::string trouble;  // why the rows are old; empty if they are not
  std::vector<Row> rows;
};

// 0 where there is no end to it.
struct Size {
  std::size_t columns = 0, rows = 0;
};

struct ScreenLine {
  enum Kind { plain, title, alarm } kind = plain;
  std::string text;
};

// `lines` are those of frame and view.
std::vector<ScreenLine> laid_out(const Frame& frame, const View& view,
                                 const std::vector<Line>& lines, Size size, Glyphs glyphs);
std::vector<ScreenLine> help(Size size, Glyphs glyphs);

// How many rows of the table are seen at once.
std::size_t page_of(Size size);

// "512B", "1.5K", "340M": six columns at most.
std::string brief_size(std::int64_t bytes);
// Of one processor: "12.5".
std::string percentage(Microseconds per_second);

}  // namespace reeve::ctl::top
