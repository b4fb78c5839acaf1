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
  Placement placement = Placement::registry;
  Timestamp opened_at;
  std::optional<Microseconds> kill_at;  // CLOCK_MONOTONIC, while terminating
  std::optional<Metadata> metadata;
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
  std::optional<Microseconds> kill_at;  // CLOCK_MONOTONIC, once asked to stop
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

}  // namespace reeve::registry

namespace reeve::json {

template <>
struct Description<registry::ProcessRecord> {
  using T = registry::ProcessRecord;
  static constexpr std::tuple fields{Field{"pid", &T::pid}, Field{"pidfdId", &T::pidfd_id},
                                     Field{"startTime", &T::start_time}};
};

template <>
struct Description<registry::RunRecord> {
  using T = registry::RunRecord;
  static constexpr std::tuple fields{Field{"v", &T::v},
                                     Field{"state", &T::phase},
                                     Field{"owner", &T::owner},
                                     Field{"uid", &T::uid},
                                     Field{"name", &T::name},
                                     Field{"policy", &T::policy},
                                     Field{"graceUSec", &T::grace},
                                     Field{"placement", &T::placement},
                                     Field{"openedAt", &T::opened_at},
                                     Field{"killAt", &T::kill_at},
                                     Field{"metadata", &T::metadata}};
};

template <>
struct Description<registry::WorkerRecord> {
  using T = registry::WorkerRecord;
  static constexpr std::tuple fields{Field{"v", &T::v},
                                     Field{"name", &T::name},
                                     Field{"state", &T::phase},
                                     Field{"process", &T::process},
                                     Field{"handle", &T::handle},
                                     Field{"fingerprint", &T::fingerprint},
                                     Field{"reservedFingerprint", &T::reserved_fingerprint},
                                     Field{"reservedAt", &T::reserved_at},
                                     Field{"expiresAt", &T::expires_at},
                                     Field{"activatedAt", &T::activated_at},
                                     Field{"killAt", &T::kill_at},
                                     Field{"exit", &T::exit},
                                     Field{"usage", &T::usage},
                                     Field{"limits", &T::limits},
                                     Field{"metadata", &T::metadata}};
};

}  // namespace reeve::json
