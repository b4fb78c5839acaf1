#include "service/access.hpp"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <vector>

namespace reeve::service {

namespace {

// Groups by the user database, not by what the process happens to carry.
bool is_in_one_of(uid_t user, const std::set<gid_t>& groups) {
  if (groups.empty()) return false;
  std::array<char, 16384> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return false;
  int count = 256;
  std::vector<gid_t> member_of(static_cast<std::size_t>(count));
  if (getgrouplist(found->pw_name, found->pw_gid, member_of.data(), &count) < 0) return false;
  member_of.resize(static_cast<std::size_t>(count));
  return std::any_of(member_of.begin(), member_of.end(),
                     [&](gid_t group) { return groups.contains(group); });
}

}  // namespace

bool is_privileged(const AccessRules& rules, const Caller& caller) {
  return caller.user == 0 || caller.user == rules.daemon_user;
}

std::optional<api::Failure> objection_to_opening(const AccessRules& rules, const Caller& caller) {
  if (is_privileged(rules, caller) || rules.may_open_runs.contains(caller.user) ||
      is_in_one_of(caller.user, rules.groups_may_open_runs))
    return std::nullopt;
  return api::permission_denied(fmt::format(
      "user {} may not open runs; root may, and whom [access] of reeve.toml names", caller.user));
}

std::optional<api::Failure> objection_to_changing(const AccessRules& rules, const Caller& caller,
                                                  const registry::LiveRun& run) {
  if (is_privileged(rules, caller) || run.record().uid == caller.user) return std::nullopt;
  return api::permission_denied(fmt::format(
      "run {} belongs to user {}: only that user and root change it", run.id(), run.record().uid));
}

bool may_manage(uid_t user, const process::Process& process) {
  if (user == 0) return true;
  const auto details = process.details();
  return details.ok() && details->belongs_wholly_to(user);
}

}  // namespace reeve::service
