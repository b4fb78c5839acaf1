#include "spawn/account.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.hpp"

namespace reeve::spawn {

namespace {

SpawnFailure failed(Step step, int number = errno) {
  return {step, number};
}

void add(schema::StringMap& environment, const char* name, const char* value) {
  if (value != nullptr && *value != '\0') environment.emplace(name, value);
}

void introduce(const passwd& entry, Program& program) {
  add(program.environment, "HOME", entry.pw_dir);
  add(program.environment, "LOGNAME", entry.pw_name);
  add(program.environment, "SHELL", entry.pw_shell);
  add(program.environment, "USER", entry.pw_name);
}

// getpwnam(3): "not found" may be any of these, or nothing.
bool is_unknown(int number) {
  return number == 0 || number == ENOENT || number == ESRCH || number == EBADF || number == EPERM;
}

Result<const passwd*, SpawnFailure> look_up(const std::string& user) {
  errno = 0;
  const auto number = parse_number<uid_t>(user);
  const auto* entry = number ? ::getpwuid(*number) : ::getpwnam(user.c_str());
  if (entry == nullptr) return failed(Step::user, is_unknown(errno) ? ESRCH : errno);
  return entry;
}

// The same as look_up(), of a group.
Result<gid_t, SpawnFailure> look_up_group(const std::string& group) {
  if (const auto number = parse_number<gid_t>(group)) return *number;
  errno = 0;
  const auto* entry = ::getgrnam(group.c_str());
  if (entry == nullptr) return failed(Step::groups, is_unknown(errno) ? ESRCH : errno);
  return entry->gr_gid;
}

Result<std::vector<gid_t>, SpawnFailure> groups_of(const passwd& entry) {
  std::vector<gid_t> groups(64);
  for (;;) {
    int count = static_cast<int>(groups.size());
    const int found = ::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count);
    if (found < 0 && count <= static_cast<int>(groups.size())) return failed(Step::groups, ENOMEM);
    groups.resize(static_cast<std::size_t>(count));
    if (found >= 0) return groups;
  }
}

Result<std::vector<gid_t>, SpawnFailure> own_groups() {
  const int count = ::getgroups(0, nullptr);
  if (count < 0) return failed(Step::groups);
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (::getgroups(count, groups.data()) < 0) return failed(Step::groups);
  return groups;
}

// Without what is asked for besides.
Result<std::optional<Account>, SpawnFailure> account_of_user(Program& program) {
  if (program.user) {
    const auto entry = look_up(*program.user);
    if (!entry) return entry.error();
    introduce(**entry, program);
    if (::geteuid() == (*entry)->pw_uid && ::geteuid() != 0) return std::optional<Account>();
    auto groups = groups_of(**entry);
    if (!groups) return groups.error();
    return std::optional(Account{(*entry)->pw_uid, (*entry)->pw_gid, std::move(*groups)});
  }
  if (!program.credentials) return std::optional<Account>();
  const auto& [user, group, listed] = *program.credentials;
  if (const auto* entry = ::getpwuid(static_cast<uid_t>(user))) introduce(*entry, program);
  return std::optional(Account{static_cast<uid_t>(user), static_cast<gid_t>(group),
                               std::vector<gid_t>(listed.begin(), listed.end())});
}

}  // namespace

Result<std::optional<Account>, SpawnFailure> account_of(Program& program) {
  auto account = account_of_user(program);
  if (!account || (!program.supplementary_groups && !program.group)) return account;
  if (!*account) *account = Account{::geteuid(), ::getegid(), {}};
  auto& [user, group, groups] = **account;
  if (program.supplementary_groups) {
    auto all = groups ? Result<std::vector<gid_t>, SpawnFailure>(*groups) : own_groups();
    if (!all) return all.error();
    for (const auto& name : *program.supplementary_groups) {
      const auto added = look_up_group(name);
      if (!added) return added.error();
      all->push_back(*added);
    }
    groups = std::move(*all);
  }
  if (program.group) {
    const auto named = look_up_group(*program.group);
    if (!named) return named.error();
    group = *named;
  }
  return account;
}

// Not by the functions of the C library: they would tell its other threads, of which there are
// none, by memory that is not theirs alone.
std::optional<SpawnFailure> take(const Account& account) {
  const auto& [user, group, groups] = account;
  if (groups && ::syscall(SYS_setgroups, groups->size(), groups->data()) < 0)
    return failed(Step::groups);
  if (::syscall(SYS_setresgid, group, group, group) < 0) return failed(Step::groups);
  if (::syscall(SYS_setresuid, user, user, user) < 0) return failed(Step::user);
  return {};
}

}  // namespace reeve::spawn
