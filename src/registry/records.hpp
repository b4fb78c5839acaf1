// What is written to a cgroup's extended attribute: the registry's only storage. Read leniently, so
// that an older reeved can take over from a newer one; members are added, never renamed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/types.hpp"
#include "base/result.hpp"
#include "process/process.hpp"
#include "registry/run_lifecycle.hpp"
#include "registry/worker_lifecycle.hpp"

namespace reeve::registry {

struct ProcessRecord {
  std::int64_t pid = 0;
  std::optional<std::int64_t> pidfd_id;
  std::optional<std::int64_t> start_time;
};

ProcessRecord recorded(const process::Identity& identity);
process::Identity identity_of(const ProcessRecord& record);
// For the wire.
ProcessId process_id(const ProcessRecord& record);

struct RunRecord {
  std::int64_t v = 1;
  RunPhase phase = RunPhase::open;
  ProcessRecord owner;
  std::int64_t uid = 0;
  std::optional<std::string> name;
  OwnerExitPolicy policy = OwnerExitPolicy::kill;
  Microseconds grace{};
  // Nothing where nobody asked for one, and the registry it was.
  std::optional<Placement> placement;
  // Of a placed run: the path of its tree, and, once that was made, the kernel's number for it.
  std::optional<std::string> control_group;
  std::optional<std::int64_t> control_group_id;
  Timestamp opened_at;
  std::optional<Microseconds> kill_at;  // CLOCK_MONOTONIC, while terminating
  std::optional<Metadata> metadata;
  // The run of the configured pools: it belongs to whichever reeved serves the root.
  std::optional<bool> is_configured;
};

struct WorkerRecord {
  std::int64_t v = 1;
  std::string name;
  WorkerPhase phase = WorkerPhase::reserved;
  std::optional<ProcessRecord> process;
  std::optional<std::string> handle;
  std::optional<std::string> fingerprint;
  // While activating: what the fingerprint was, in case it comes to nothing.
  std::optional<std::string> reserved_fingerprint;
  Timestamp reserved_at;
  Microseconds expires_at{};  // CLOCK_MONOTONIC
  std::optional<Timestamp> activated_at;
  std::optional<std::string> status_text;  // what it said last, sd_notify(3)
  std::optional<std::string> stop_signal;  // SIGTERM, otherwise
  std::optional<Microseconds> kill_at;     // CLOCK_MONOTONIC, once asked to stop
  std::optional<Exit> exit;
  std::optional<Usage> usage;
  std::optional<Limits> limits;
  std::optional<Metadata> metadata;
};

// EBADMSG for what is no such record.
Result<ProcessRecord> read_process_record(const std::string& text);
Result<RunRecord> read_run_record(const std::string& text);
Result<WorkerRecord> read_worker_record(const std::string& text);

Timestamp now();

constexpr auto describe(schema::Of<ProcessRecord>) {
  using schema::member;
  return schema::members(member<&ProcessRecord::pid>("pid"),
                         member<&ProcessRecord::pidfd_id>("pidfdId"),
                         member<&ProcessRecord::start_time>("startTime"));
}

constexpr auto describe(schema::Of<RunRecord>) {
  using schema::member;
  return schema::members(
      member<&RunRecord::v>("v"), member<&RunRecord::phase>("state"),
      member<&RunRecord::owner>("owner"), member<&RunRecord::uid>("uid"),
      member<&RunRecord::name>("name"), member<&RunRecord::policy>("policy"),
      member<&RunRecord::grace>("graceUSec"), member<&RunRecord::placement>("placement"),
      member<&RunRecord::control_group>("controlGroup"),
      member<&RunRecord::control_group_id>("controlGroupId"),
      member<&RunRecord::opened_at>("openedAt"), member<&RunRecord::kill_at>("killAt"),
      member<&RunRecord::metadata>("metadata"), member<&RunRecord::is_configured>("configured"));
}

constexpr auto describe(schema::Of<WorkerRecord>) {
  using schema::member;
  return schema::members(
      member<&WorkerRecord::v>("v"), member<&WorkerRecord::name>("name"),
      member<&WorkerRecord::phase>("state"), member<&WorkerRecord::process>("process"),
      member<&WorkerRecord::handle>("handle"), member<&WorkerRecord::fingerprint>("fingerprint"),
      member<&WorkerRecord::reserved_fingerprint>("reservedFingerprint"),
      member<&WorkerRecord::reserved_at>("reservedAt"),
      member<&WorkerRecord::expires_at>("expiresAt"),
      member<&WorkerRecord::activated_at>("activatedAt"),
      member<&WorkerRecord::status_text>("statusText"),
      member<&WorkerRecord::stop_signal>("stopSignal"), member<&WorkerRecord::kill_at>("killAt"),
      member<&WorkerRecord::exit>("exit"), member<&WorkerRecord::usage>("usage"),
      member<&WorkerRecord::limits>("limits"), member<&WorkerRecord::metadata>("metadata"));
}

}  // namespace reeve::registry
