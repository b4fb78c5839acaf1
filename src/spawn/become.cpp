#include "spawn/become.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.hpp"
#include "json/codec.hpp"
#include "spawn/account.hpp"
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
  const auto account = account_of(*program);
  if (!account) return account.error();
  if (*account)
    if (const auto failure = take(**account)) return *failure;
  if (!limited_first)
    if (const auto limited = limit(*program); !limited) return limited.error();
  // With the rights of the user: what root can enter may be closed to it.
  const auto directory = program->working_directory.value_or("/");
  if (::chdir(directory.c_str()) < 0) return failed(Step::working_directory);
  return execute(*program);
}

}  // namespace reeve::spawn
