#include "service/access.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/test_hooks.hpp"

namespace reeve::service {

bool is_privileged(const AccessRules& rules, const Caller& caller) {
  return caller.user == 0 || caller.user == rules.daemon_user;
}

std::optional<api::Failure> objection_to_opening(const AccessRules& rules, const Caller& caller) {
  if (is_privileged(rules, caller) || rules.may_open_runs.contains(caller.user) ||
      std::any_of(caller.groups.begin(), caller.groups.end(),
                  [&](gid_t group) { return rules.groups_may_open_runs.contains(group); }))
    return std::nullopt;
  return api::permission_denied(fmt::format(
      "user {} may not open runs; root may, and whom [access] of reeve.toml names", caller.user));
}

std::optional<api::Failure> objection_to_changing(const AccessRules& rules, const Caller& caller,
                                                  const registry::LiveRun& run) {
  if (is_privileged(rules, caller) || run.record().uid == caller.user ||
      mistaken("skip-permission-check"))
    return std::nullopt;
  return api::permission_denied(fmt::format(
      "run {} belongs to user {}: only that user and root change it", run.id(), run.record().uid));
}

bool may_look_at(const AccessRules& rules, const Caller& caller, const registry::LiveRun& run) {
  return !rules.runs_are_private || is_privileged(rules, caller) || run.record().uid == caller.user;
}

std::optional<api::Failure> objection_to_looking_at_all(const AccessRules& rules,
                                                        const Caller& caller) {
  if (!rules.runs_are_private || is_privileged(rules, caller)) return std::nullopt;
  return api::permission_denied(
      "reeve.toml says query = \"own\": only root looks at all runs; name one of your own");
}

}  // namespace reeve::service
