#include "ctl/top/report.hpp"

#include "ctl/top/meter.hpp"
#include "json/codec.hpp"

namespace reeve::ctl::top {

namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

ReportedRow reported(const Row& row) {
  ReportedRow out{row.kind,
                  row.name,
                  unless_empty(row.run),
                  unless_empty(row.pool),
                  row.state,
                  row.pid,
                  {},
                  {},
                  {},
                  row.restarts,
                  row.since};
  if (row.measured == nullptr) return out;
  out.tasks = row.measured->tasks;
  out.processor = row.measured->processor;
  out.memory = row.measured->memory;
  return out;
}

}  // namespace

std::string reported(const Frame& frame, const std::vector<Line>& lines) {
  Report report{frame.host, frame.at, frame.trouble.empty(), {}};
  for (const auto& line : lines)
    report.rows.push_back(reported(*line.row));
  return json::encoded(report);
}

}  // namespace reeve::ctl::top
