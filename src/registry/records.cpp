#include "registry/records.hpp"

#include <algorithm>
#include <cerrno>

#include "base/clock.hpp"
#include "json/stored.hpp"

namespace reeve::registry {

namespace {

// Sums with what a clock says must not overflow, whoever wrote the record.
void bound(Microseconds& time) {
  constexpr std::chrono::hours longest{24 * 365 * 1000};
  time = std::clamp<Microseconds>(time, Microseconds{0}, longest);
}
void bound(std::optional<Microseconds>& time) {
  if (time) bound(*time);
}

std::optional<std::int64_t> unless_zero(std::uint64_t number) {
  if (number == 0) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace

ProcessRecord recorded(const process::Identity& identity) {
  return {identity.pid, unless_zero(identity.pidfd_id), unless_zero(identity.start_time)};
}

process::Identity identity_of(const ProcessRecord& record) {
  return {static_cast<pid_t>(record.pid), static_cast<std::uint64_t>(record.pidfd_id.value_or(0)),
          static_cast<std::uint64_t>(record.start_time.value_or(0))};
}

ProcessId process_id(const ProcessRecord& record) {
  return {record.pid, record.pidfd_id, process::boot_id(),
          record.pidfd_id ? std::nullopt : record.start_time};
}

Result<ProcessRecord> read_process_record(const std::string& text) {
  return json::stored<ProcessRecord>(text);
}

Result<RunRecord> read_run_record(const std::string& text) {
  auto record = json::stored<RunRecord>(text);
  if (!record) return record;
  bound(record->grace);
  bound(record->kill_at);
  return record;
}

Result<WorkerRecord> read_worker_record(const std::string& text) {
  auto record = json::stored<WorkerRecord>(text);
  if (!record) return record;
  const bool has_process =
      record->phase == WorkerPhase::activating || has_live_process(record->phase);
  if (has_process && !record->process)
    return Error{EBADMSG, "process is missing", "read a record:"};
  bound(record->expires_at);
  bound(record->kill_at);
  if (record->exit) bound(record->exit->at.monotonic);
  return record;
}

Timestamp now() {
  return {realtime_now(), monotonic_now()};
}

}  // namespace reeve::registry
