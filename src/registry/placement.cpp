#include "registry/placement.hpp"

#include <fmt/core.h>

#include "base/text.hpp"
#include "cgroup/delegation.hpp"
#include "registry/site.hpp"

namespace reeve::registry {

api::Outcome<std::optional<cgroup::Directory>> place_for(const Surroundings& surroundings,
                                                         const process::Process& owner,
                                                         std::optional<Placement> wanted,
                                                         uid_t user) {
  const std::optional<cgroup::Directory> in_registry;
  if (wanted == Placement::registry) return in_registry;
  const auto group = owner.control_group();
  if (!group) return api::process_failed(process_id(recorded(owner.identity())), group.error());
  const auto path = surroundings.mount.below(*group);
  const auto unit = cgroup::unit_in(path);
  const auto& root = surroundings.root;
  const bool is_asked_for = wanted.has_value();
  if (!is_asked_for && (!cgroup::is_service(unit) || cgroup::is_within(root.path(), unit)))
    return in_registry;

  std::optional<api::Failure> objection;
  std::optional<cgroup::Directory> place;
  if (!is_printable(*group)) {
    objection = api::permission_denied("the name of the owner's cgroup cannot be printed");
  } else {
    auto found = cgroup::delegated_around(surroundings.mount, path);
    if (!found) return api::system_failed(found.error());
    place = std::move(*found);
    // What is delegated inside of a run ends with that run, and is its workers'.
    const auto around = run_at(root, place ? place->path() : path);
    if (!around) return api::system_failed(around.error());
    if (!place || *around)
      objection = api::failure(api::NotDelegated{unit.empty() ? *group : std::string(unit)});
    else if (user != 0 && place->user() != user)
      objection = api::permission_denied(
          fmt::format("the cgroup {} is delegated to another user", place->path()));
  }
  if (objection && is_asked_for) return *objection;
  // Of its own unit, reeved takes no more than the root.
  if (objection || cgroup::is_within(root.path(), place->path())) return in_registry;
  return place;
}

std::optional<api::Failure> objection_to_leaving_unit(const cgroup::Mount& mount,
                                                      const process::Process& process,
                                                      const LiveRun& run) {
  if (run.record().placement == Placement::registry) return std::nullopt;
  const auto id = process_id(recorded(process.identity()));
  const auto group = process.control_group();
  if (!group) return api::process_failed(id, group.error());
  const auto path = mount.below(*group);
  const auto unit = cgroup::unit_in(path);
  if (!cgroup::is_service(unit) || cgroup::is_within(run.directory().path(), unit))
    return std::nullopt;
  const auto place = cgroup::delegated_around(mount, path);
  if (!place) return api::system_failed(place.error());
  if (!*place && is_printable(unit)) return api::failure(api::NotDelegated{std::string(unit)});
  return api::failure(api::ProcessMismatch{
      id, "it would leave its unit, for the run is not in there: see the placement of runs"});
}

}  // namespace reeve::registry
