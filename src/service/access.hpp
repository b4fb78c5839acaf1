// Who may do what. A caller is its user id; the user that runs the daemon stands beside root.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>

#include "api/failure.hpp"
#include "registry/live_run.hpp"
#include "service/call.hpp"

namespace reeve::service {

struct AccessRules {
  uid_t daemon_user = 0;
  std::set<uid_t> may_open_runs;  // besides root and the daemon's own user
  std::set<gid_t> groups_may_open_runs;
  bool runs_are_private = false;  // from all but their own user and the privileged
};

// Root, or the user the daemon itself runs as.
bool is_privileged(const AccessRules& rules, const Caller& caller);

// Why the caller may not; nothing if it may.
std::optional<api::Failure> objection_to_opening(const AccessRules& rules, const Caller& caller);
std::optional<api::Failure> objection_to_changing(const AccessRules& rules, const Caller& caller,
                                                  const registry::LiveRun& run);
bool may_look_at(const AccessRules& rules, const Caller& caller, const registry::LiveRun& run);
// At what is not of one run: every entry, every event.
std::optional<api::Failure> objection_to_looking_at_all(const AccessRules& rules,
                                                        const Caller& caller);

// Named limits on what one user other than a privileged one can make reeved hold.
struct PerUser {
  static constexpr std::int64_t runs = 64;
  static constexpr std::int64_t workers = 4096;
  static constexpr std::int64_t connections = 512;
  // What it passed, or left unread in its connections, and what close(2) still waits for.
  static constexpr std::int64_t unclosed_descriptors = 1024;
  // What it has not read, and has begun to send: the list of its workers at their longest fits.
  static constexpr std::int64_t buffered_bytes = 256LL << 20;
};
// On everybody, in bytes of JSON: an extended attribute holds 64 KiB, and a record must fit in it.
struct PerRecord {
  static constexpr std::size_t text_bytes = 4096;
  static constexpr std::size_t metadata_bytes = 16384;
};

}  // namespace reeve::service
