// The words of the registry's interface as C++ types: what goes over the wire, no more. Their
// meaning, member by member, is described in the interface io.reeve.Registry
// (`varlinkctl introspect`, `reevectl call org.varlink.service.GetInterfaceDescription`).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace reeve {

using Microseconds = std::chrono::microseconds;
using Metadata = std::map<std::string, std::string>;

struct ProcessId {
  std::int64_t pid = 0;
  std::optional<std::int64_t> pidfd_id = {};
  std::optional<std::string> boot_id = {};
  std::optional<std::int64_t> start_time = {};  // where there is no pidfd_id
};

struct Timestamp {
  Microseconds realtime{};
  Microseconds monotonic{};
};

enum class OwnerExitPolicy { kill, terminate, keep };
enum class RunState { open, closing };
enum class Placement { registry, caller };

struct Run {
  std::string run;
  std::optional<std::string> name = {};
  RunState state = RunState::open;
  ProcessId owner;
  std::int64_t owner_user_id = 0;
  OwnerExitPolicy on_owner_exit = OwnerExitPolicy::kill;
  Microseconds grace{};
  Placement placement = Placement::registry;
  std::string control_group;
  Timestamp opened_at;
  std::int64_t workers = 0;
  std::optional<Metadata> metadata = {};
};

enum class WorkerState { reserved, active, stopping, exited };
enum class ExitCause { exited, signaled, dumped, oom_killed, unknown };

struct Exit {
  ExitCause cause = ExitCause::unknown;
  std::optional<std::int64_t> code = {};
  std::optional<std::string> signal = {};
  bool reaped = false;
  Timestamp at;
};

struct Usage {
  std::optional<Microseconds> processor_user = {};
  std::optional<Microseconds> processor_system = {};
  std::optional<std::int64_t> memory_current_bytes = {};
  std::optional<std::int64_t> memory_peak_bytes = {};
  std::optional<std::int64_t> tasks_peak = {};
  std::optional<std::int64_t> out_of_memory_kills = {};
};

struct Limits {
  std::optional<std::int64_t> memory_max_bytes = {};
  std::optional<std::int64_t> memory_high_bytes = {};
  std::optional<std::int64_t> processor_quota_percent = {};
  std::optional<std::int64_t> processor_weight = {};
  std::optional<std::int64_t> tasks_max = {};
  std::optional<std::int64_t> io_weight = {};
  std::optional<bool> out_of_memory_group = {};
};

struct Worker {
  std::string run;
  std::string worker;
  WorkerState state = WorkerState::reserved;
  std::optional<ProcessId> process = {};
  std::optional<std::string> handle = {};
  std::optional<std::string> fingerprint = {};
  std::string control_group;
  Timestamp reserved_at;
  std::optional<Timestamp> activated_at = {};
  std::optional<Exit> exit = {};
  std::optional<Usage> usage = {};
  std::optional<Limits> limits = {};
  std::optional<Metadata> metadata = {};
  std::optional<bool> frozen = {};
  std::optional<std::string> status_text = {};
};

struct Entry {
  std::string run;
  std::optional<std::string> worker = {};
  std::optional<WorkerState> state = {};
  std::optional<ProcessId> process = {};
  std::string control_group;
  bool run_is_alive = false;
  bool process_is_alive = false;
  std::optional<std::string> record = {};
};

struct CleanupReport {
  std::int64_t runs_removed = 0;
  std::int64_t workers_removed = 0;
  std::int64_t reservations_removed = 0;
  std::int64_t processes_killed = 0;
  std::vector<std::string> stuck;
  std::vector<std::string> foreign;
};

struct Statistics {
  std::int64_t runs = 0;
  std::int64_t registered = 0;
  std::int64_t reserved = 0;
  std::int64_t active = 0;
  std::int64_t stopping = 0;
  std::int64_t exited = 0;
  std::int64_t processes = 0;
  std::int64_t entries = 0;
  std::int64_t activated_total = 0;
  std::int64_t exited_total = 0;
  std::int64_t orphans_killed_total = 0;
};

enum class EventKind {
  run_opened,
  run_closed,
  reserved,
  reservation_expired,
  activated,
  ready,
  exited,
  reaped,
  unregistered,
  orphans_killed,
  gap
};

struct Event {
  std::int64_t sequence = 0;
  Timestamp at;
  EventKind kind = EventKind::gap;
  std::optional<std::string> run = {};
  std::optional<Worker> worker = {};
  std::optional<CleanupReport> report = {};
  std::optional<std::int64_t> missed = {};
};

}  // namespace reeve
