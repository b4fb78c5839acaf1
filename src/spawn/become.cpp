#include "spawn/become.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.hpp"
#include "json/codec.hpp"
#include "spawn/resource_limits.hpp"
#include "sys/calls.hpp"

namespace reeve::spawn {

namespace {

using Outcome = Result<Done, SpawnFailure>;

SpawnFailure failed(Step step, int number = errno) {
  return {step, number};
}

Result<Program, SpawnFailure> read_program(int file) {
  const auto text = sys::read_all(file);
  if (!text) return failed(Step::order, text.error().number);
  json::Parser parser;
  const auto parsed = parser.parse(*text);
  Program program;
  if (!parsed || !json::decode(*parsed, program, json::UnknownMembers::refused) ||
      program.command.empty())
    return failed(Step::order, EBADMSG);
  return program;
}

// First out of the way of each other: one may be where another is to be.
Outcome place(const std::array<FileDescriptor, 3>& streams) {
  constexpr int beyond_them = 3;
  std::array<int, 3> sources{};
  for (std::size_t i = 0; i < sources.size(); ++i)
    if ((sources[i] = ::fcntl(streams[i].get(), F_DUPFD_CLOEXEC, beyond_them)) < 0)
      return failed(Step::streams);
  for (std::size_t i = 0; i < sources.size(); ++i)
    if (::dup2(sources[i], static_cast<int>(i)) < 0) return failed(Step::streams);
  return Done{};
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

// On top of what the user has.
Outcome add_groups(const std::vector<std::string>& names) {
  const int count = ::getgroups(0, nullptr);
  if (count < 0) return failed(Step::groups);
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (::getgroups(count, groups.data()) < 0) return failed(Step::groups);
  for (const auto& name : names) {
    const auto group = look_up_group(name);
    if (!group) return group.error();
    groups.push_back(*group);
  }
  if (::setgroups(groups.size(), groups.data()) < 0) return failed(Step::groups);
  return Done{};
}

Outcome change_user(Program& program) {
  if (program.user) {
    const auto entry = look_up(*program.user);
    if (!entry) return entry.error();
    introduce(**entry, program);
    if (::geteuid() == (*entry)->pw_uid && ::geteuid() != 0) return Done{};
    if (::initgroups((*entry)->pw_name, (*entry)->pw_gid) < 0) return failed(Step::groups);
    program.credentials = Credentials{(*entry)->pw_uid, (*entry)->pw_gid, {}};
  } else if (program.credentials) {
    if (const auto* entry = ::getpwuid(static_cast<uid_t>(program.credentials->user)))
      introduce(*entry, program);
    const auto& listed = program.credentials->groups;
    const std::vector<gid_t> groups(listed.begin(), listed.end());
    if (::setgroups(groups.size(), groups.data()) < 0) return failed(Step::groups);
  }
  if (program.supplementary_groups)
    if (const auto added = add_groups(*program.supplementary_groups); !added) return added.error();
  if (program.group) {
    const auto group = look_up_group(*program.group);
    if (!group) return group.error();
    if (!program.credentials) program.credentials = Credentials{::geteuid(), 0, {}};
    program.credentials->group = *group;
  }
  if (!program.credentials) return Done{};
  const auto group = static_cast<gid_t>(program.credentials->group);
  const auto user = static_cast<uid_t>(program.credentials->user);
  if (::setresgid(group, group, group) < 0) return failed(Step::groups);
  if (::setresuid(user, user, user) < 0) return failed(Step::user);
  return Done{};
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

SpawnFailure execute(Program& program) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : program.environment)
    variables.push_back(name + "=" + value);
  auto arguments = pointers_to(program.command);
  auto environment = pointers_to(variables);
  const auto& name = program.command.front();
  if (name.find('/') != std::string::npos) {
    ::execve(name.c_str(), arguments.data(), environment.data());
    return failed(Step::execute);
  }
  // As execvp(3) does: what may not be executed is told if nothing else is found.
  int worst = ENOENT;
  for (const auto directory : split(program.environment["PATH"], ':')) {
    const auto path = std::string(directory.empty() ? "." : directory) + "/" + name;
    ::execve(path.c_str(), arguments.data(), environment.data());
    if (errno == EACCES)
      worst = EACCES;
    else if (errno != ENOENT && errno != ENOTDIR)
      return failed(Step::execute);
  }
  return failed(Step::execute, worst);
}

// Before it becomes another user, to whom its own files in /proc are closed. Who is not root only
// raises it: see the service.
Outcome adjust_score(std::int64_t adjustment) {
  const auto written =
      sys::write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", std::to_string(adjustment));
  if (!written) return failed(Step::out_of_memory_score_adjust, written.error().number);
  return Done{};
}

Outcome limit(const Program& program) {
  for (const auto& [name, text] : program.resource_limits.value_or(schema::StringMap{})) {
    const auto resource = resource_named(name);
    const auto wanted = read_resource_limit(text);
    if (!resource || !wanted) return failed(Step::resource_limits, EINVAL);
    if (::setrlimit(*resource, &*wanted) < 0) return failed(Step::resource_limits);
  }
  if (program.nice && ::setpriority(PRIO_PROCESS, 0, static_cast<int>(*program.nice)) < 0)
    return failed(Step::nice);
  return Done{};
}

}  // namespace

void give_up_protection() {
  if (const auto score = sys::read_file_at(AT_FDCWD, "/proc/self/oom_score_adj");
      score.ok() && score->starts_with('-'))
    (void)sys::write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", "0");
}

SpawnFailure become(const FileDescriptor& file, const std::array<FileDescriptor, 3>& streams) {
  auto program = read_program(file.get());
  if (!program) return program.error();
  if (const auto placed = place(streams); !placed) return placed.error();
  ::setsid();
  ::umask(static_cast<mode_t>(program->file_mode_mask.value_or(usual_file_mode_mask)));
  give_up_protection();
  if (program->out_of_memory_score_adjust)
    if (const auto adjusted = adjust_score(*program->out_of_memory_score_adjust); !adjusted)
      return adjusted.error();
  const bool limited_first = program->has_roots_rights.value_or(false);
  if (limited_first)
    if (const auto limited = limit(*program); !limited) return limited.error();
  if (const auto changed = change_user(*program); !changed) return changed.error();
  if (!limited_first)
    if (const auto limited = limit(*program); !limited) return limited.error();
  // With the rights of the user: what root can enter may be closed to it.
  const auto directory = program->working_directory.value_or("/");
  if (::chdir(directory.c_str()) < 0) return failed(Step::working_directory);
  return execute(*program);
}

}  // namespace reeve::spawn
