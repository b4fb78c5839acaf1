// A frame for programs: the rows one after the other, as they are described here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/types.hpp"
#include "ctl/top/layout.hpp"

namespace reeve::ctl::top {

constexpr auto describe(schema::Of<RowKind>) {
  return schema::enumeration("RowKind", "", "run", "pool", "worker");
}

struct ReportedRow {
  RowKind kind = RowKind::run;
  std::string name;
  std::optional<std::string> run, pool;
  std::string state;
  std::optional<std::int64_t> pid, tasks;
  std::optional<Microseconds> processor;
  std::optional<std::int64_t> memory, restarts;
  std::optional<Timestamp> since;

  friend constexpr auto describe(schema::Of<ReportedRow>) {
    using schema::member;
    return schema::members(member<&ReportedRow::kind>("kind"), member<&ReportedRow::name>("name"),
                           member<&ReportedRow::run>("run"), member<&ReportedRow::pool>("pool"),
                           member<&ReportedRow::state>("state"), member<&ReportedRow::pid>("pid"),
                           member<&ReportedRow::tasks>("tasks"),
                           member<&ReportedRow::processor>("processorPerSecondUSec"),
                           member<&ReportedRow::memory>("memoryCurrentBytes"),
                           member<&ReportedRow::restarts>("restarts"),
                           member<&ReportedRow::since>("since"));
  }
};

struct Report {
  std::string host;
  Timestamp at;
  bool is_connected = false;
  std::vector<ReportedRow> rows;

  friend constexpr auto describe(schema::Of<Report>) {
    using schema::member;
    return schema::members(member<&Report::host>("host"), member<&Report::at>("at"),
                           member<&Report::is_connected>("connected"),
                           member<&Report::rows>("rows"));
  }
};

// As JSON, in one line.
std::string reported(const Frame& frame, const std::vector<Line>& lines);

}  // namespace reeve::ctl::top
