#include "ctl/output.hpp"

#include <libsmartcols/libsmartcols.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "base/clock.hpp"
#include "base/quantities.hpp"

namespace reeve::ctl {

Table::Table(const Options& options, const std::vector<Column>& columns)
    : table_(scols_new_table()) {
  scols_table_enable_noheadings(table_, options.legend ? 0 : 1);
  for (const auto& column : columns)
    scols_table_new_column(table_, column.name, 0,
                           column.kind == Column::right  ? SCOLS_FL_RIGHT
                           : column.kind == Column::wide ? SCOLS_FL_TRUNC
                                                         : 0);
}

Table::~Table() {
  scols_unref_table(table_);
}

void Table::add(const std::vector<std::string>& cells) {
  libscols_line* line = scols_table_new_line(table_, nullptr);
  for (std::size_t i = 0; i < cells.size(); ++i)
    scols_line_set_data(line, i, cells[i].c_str());
}

void Table::print() const {
  scols_print_table(table_);
}

void print_json(const Options& options, const std::string& json) {
  fmt::print("{}\n", options.json == Json::pretty ? json::indented(json) : json);
  // A stream must not wait for a full buffer.
  std::fflush(stdout);
}

std::string pid_of(const std::optional<ProcessId>& process) {
  return process ? std::to_string(process->pid) : "-";
}

void print_field(std::string_view name, const std::string& value) {
  fmt::print("{:>14}: {}\n", name, value);
}

std::string age(const Options& options, const Timestamp& since) {
  // Another host's monotonic clock began at another time; the clock on the wall may be set, but is
  // all that two hosts have in common.
  if (options.host)
    return format_duration(std::max(realtime_now() - since.realtime, Microseconds{}));
  return format_duration(monotonic_now() - since.monotonic);
}

std::string told(const Exit& exit) {
  if (!exit.reaped) return "zombie";  // dead, and its parent has not yet asked for its status
  switch (exit.cause) {
    case ExitCause::exited:
      return fmt::format("exited {}", exit.code.value_or(0));
    case ExitCause::signaled:
      return exit.signal.value_or("signal");
    case ExitCause::dumped:
      return exit.signal.value_or("signal") + ", core dumped";
    case ExitCause::oom_killed:
      return "out of memory";
    case ExitCause::unknown:
      return "status unknown";
  }
  return {};
}

std::string bytes(std::int64_t count) {
  if (count < 1024) return fmt::format("{} B", count);
  if (count < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(count) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(count) / 1024 / 1024);
}

std::string told_state(const Worker& worker) {
  std::string state(schema::name_of(worker.state));
  if (worker.frozen.value_or(false)) state += " (frozen)";
  return worker.exit ? fmt::format("{} ({})", state, told(*worker.exit)) : state;
}

namespace {

// "1.2s, 34.0 MiB": what it took.
std::string told_usage(const Usage& usage) {
  auto text = format_duration(usage.processor_user.value_or(Microseconds{}) +
                              usage.processor_system.value_or(Microseconds{}));
  if (usage.memory_peak_bytes) text += ", " + bytes(*usage.memory_peak_bytes);
  return text;
}

}  // namespace

void print_exits(const Options& options, const std::vector<EndedWorker>& exits) {
  constexpr std::size_t shown = 10;
  if (exits.empty()) return;
  fmt::print("\n");
  std::fflush(stdout);
  Table table(options, {{"ENDED"},
                        {"WORKER"},
                        {"PID", Table::Column::right},
                        {"RAN FOR"},
                        {"BY"},
                        {"TOOK"},
                        {"REASON", Table::Column::wide}});
  for (const auto& each : std::span(exits).first(std::min(shown, exits.size())))
    table.add({age(options, each.exit.at) + " ago", each.worker, pid_of(each.process),
               each.started_at
                   ? format_duration(each.exit.at.monotonic - each.started_at->monotonic)
                   : "-",
               told(each.exit), each.usage ? told_usage(*each.usage) : "-",
               each.reason.value_or(each.status_text.value_or("-"))});
  table.print();
}

}  // namespace reeve::ctl
