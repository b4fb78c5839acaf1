#include "ctl/top/layout.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/quantities.hpp"
#include "ctl/top/columns.hpp"
#include "ctl/top/meter.hpp"

namespace reeve::ctl::top {

namespace {

constexpr std::size_t head_lines = 3;

std::string counted(std::size_t number, const char* noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string head(const Frame& frame) {
  std::optional<Microseconds> processor;
  std::optional<std::int64_t> memory;
  for (const auto& row : frame.rows) {
    if (row.kind != RowKind::run || row.measured == nullptr) continue;
    processor = sum(processor, row.measured->processor);
    memory = sum(memory, row.measured->memory);
  }
  return fmt::format("{}: {}, {}, {}, CPU {}, memory {}, {}", frame.host,
                     counted(count(frame.rows, RowKind::run), "run"),
                     counted(count(frame.rows, RowKind::pool), "pool"),
                     counted(count(frame.rows, RowKind::worker), "worker"),
                     processor ? percentage(*processor) + "%" : "-",
                     memory ? brief_size(*memory) : "-", frame.time);
}

std::string told(Order order) {
  constexpr std::array<const char*, 4> names{"CPU", "memory", "restarts", "name"};
  return names[static_cast<std::size_t>(order)];
}

std::string manner(const Frame& frame, const View& view, std::size_t page, std::size_t rows) {
  auto text = frame.trouble.empty() ? "" : frame.trouble + "; ";
  text += fmt::format("by {}, every {}", told(view.order), format_duration(view.delay));
  if (view.shown == Shown::pools) text += ", pools only";
  if (view.shown == Shown::workers) text += ", workers only";
  if (view.is_paused) text += ", paused";
  if (view.is_filter_typed || !view.filter.empty())
    text += fmt::format(", filter: {}{}", view.filter, view.is_filter_typed ? "_" : "");
  if (rows > page)
    text += fmt::format(", rows {} to {} of {}", view.first + 1, std::min(view.first + page, rows),
                        rows);
  return text + " (? for help)";
}

std::string row_of(const std::vector<Column>& columns, Glyphs glyphs, const auto& text_of) {
  std::string text;
  for (const auto& column : columns) {
    if (!text.empty()) text += ' ';
    text += fitted(showable(text_of(column), glyphs), column.width, column.side, glyphs);
  }
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

ScreenLine line(ScreenLine::Kind kind, const std::string& text, Size size, Glyphs glyphs) {
  const auto shown = showable(text, glyphs);
  return {kind, size.columns == 0 || width_of(shown) <= size.columns
                    ? shown
                    : fitted(shown, size.columns, Side::left, glyphs)};
}

}  // namespace

std::vector<ScreenLine> laid_out(const Frame& frame, const View& view,
                                 const std::vector<Line>& lines, Size size, Glyphs glyphs) {
  const auto page = size.rows == 0 ? lines.size() : page_of(size);
  const auto last = lines.size() > page ? lines.size() - page : 0;
  auto seen = view;
  seen.first = std::min(view.first, last);
  const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(seen.first);
  const std::vector<Line> shown(begin, begin + std::min(page, lines.size() - seen.first));
  const auto columns = columns_for(size.columns, shown);

  std::vector<ScreenLine> out;
  out.push_back(line(ScreenLine::plain, head(frame), size, glyphs));
  out.push_back(line(frame.trouble.empty() ? ScreenLine::plain : ScreenLine::alarm,
                     manner(frame, seen, page, lines.size()), size, glyphs));
  out.push_back({ScreenLine::title, row_of(columns, glyphs, [](const Column& column) {
                   return std::string(column.title);
                 })});
  for (const auto& each : shown)
    out.push_back({ScreenLine::plain, row_of(columns, glyphs, [&](const Column& column) {
                     return cell(column, each, frame.at.monotonic, glyphs);
                   })});
  if (lines.empty())
    out.push_back(line(ScreenLine::plain,
                       view.filter.empty() ? "nothing to show" : "nothing has that in it", size,
                       glyphs));
  return out;
}

std::vector<ScreenLine> help(Size size, Glyphs glyphs) {
  constexpr std::array texts{
      "reevectl top",
      "",
      "c m r n     sort by CPU, memory, restarts, name",
      "t           tree, or a flat list of workers",
      "a p w       show all, pools only, workers only",
      "/           filter by a part of names, states and run ids; Enter ends it, Esc clears it",
      "arrows      scroll; also PgUp, PgDn, Home, End",
      "+ -         look less often, more often",
      "space       stop and go on",
      "q ^C        quit",
      "",
      "CPU is in percent of one processor, and its graphs are as high as one. Memory and tasks",
      "are - where the kernel does not account for them.",
  };
  std::vector<ScreenLine> out;
  for (const auto* text : texts)
    out.push_back(line(out.empty() ? ScreenLine::title : ScreenLine::plain, text, size, glyphs));
  return out;
}

std::size_t page_of(Size size) {
  return size.rows > head_lines ? size.rows - head_lines : 1;
}

std::string brief_size(std::int64_t bytes) {
  constexpr std::string_view units = "BKMGTPE";
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  // What would be rounded to 1024 is one of the next.
  for (; number >= 1023.5 && unit + 1 < units.size(); ++unit)
    number /= 1024;
  return unit > 0 && number < 99.95 ? fmt::format("{:.1f}{}", number, units[unit])
                                    : fmt::format("{:.0f}{}", number, units[unit]);
}

std::string percentage(Microseconds per_second) {
  return fmt::format("{:.1f}", static_cast<double>(per_second.count()) / 10'000);
}

}  // namespace reeve::ctl::top
