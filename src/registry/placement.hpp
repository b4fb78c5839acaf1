// In which unit a run is placed, and which process may leave its own for a run: systemd's limits,
// accounting and names for the journal go by the cgroup, and a service is to stay whole.
#pragma once

#include <optional>

#include "registry/live_run.hpp"

namespace reeve::registry {

// Where the tree of a run of this owner is to be, for the caller's user; nothing for the registry.
// The owner's unit is what is to stay whole, whoever calls. Where nothing is asked for, the run of
// a service that delegates its cgroup is placed there. NotDelegated, or PermissionDenied for what
// is delegated to another user, where it was asked for and cannot be.
api::Outcome<std::optional<cgroup::Directory>> place_for(const Surroundings& surroundings,
                                                         const process::Process& owner,
                                                         std::optional<Placement> wanted,
                                                         uid_t user);

// Why this process is not to enter the run: it would leave its service, and nobody said that the
// run was to be in the registry. NotDelegated where the service lacks nothing else.
std::optional<api::Failure> objection_to_leaving_unit(const cgroup::Mount& mount,
                                                      const process::Process& process,
                                                      const LiveRun& run);

}  // namespace reeve::registry
