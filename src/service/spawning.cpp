// Spawn: workers that reeved starts itself.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <map>

#include "service/service.hpp"
#include "spawn/resource_limits.hpp"

namespace reeve::service {

namespace {

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

std::vector<std::string> groups_of(const api::Spawn::Input& input) {
  auto groups = input.supplementary_groups.value_or(std::vector<std::string>{});
  if (input.group) groups.push_back(*input.group);
  return groups;
}

std::optional<api::Failure> objection_to_ranges(const api::Spawn::Input& input) {
  struct Range {
    const char* parameter;
    std::optional<std::int64_t> value;
    std::int64_t least, most;
  };
  for (const auto& [parameter, value, least, most] :
       {Range{"umask", input.file_mode_mask, 0, 0777}, Range{"nice", input.nice, -20, 19},
        Range{"oomScoreAdjust", input.out_of_memory_score_adjust, -1000, 1000}})
    if (value && (*value < least || *value > most))
      return api::invalid_parameter(parameter, fmt::format("must be from {} to {}", least, most));
  return std::nullopt;
}

std::optional<api::Failure> objection_to_program(const api::Spawn::Input& input) {
  if (input.command.empty() || input.command.front().empty())
    return api::invalid_parameter("command", "must name a program");
  for (const auto& argument : input.command)
    if (has_nul(argument)) return api::invalid_parameter("command", "holds a NUL character");
  if (input.environment)
    for (const auto& [name, value] : *input.environment)
      if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value))
        return api::invalid_parameter("environment",
                                      "holds a name that is none, or a NUL character");
  if (input.working_directory &&
      (!input.working_directory->starts_with('/') || has_nul(*input.working_directory)))
    return api::invalid_parameter("workingDirectory", "must be an absolute path");
  if (input.user && (input.user->empty() || has_nul(*input.user)))
    return api::invalid_parameter("user", "must be the name or the number of a user");
  for (const auto& group : groups_of(input))
    if (group.empty() || has_nul(group))
      return api::invalid_parameter(input.group == group ? "group" : "supplementaryGroups",
                                    "must be the name or the number of a group");
  for (const auto& [name, value] : input.resource_limits.value_or(Metadata{}))
    if (!spawn::resource_named(name) || !spawn::read_resource_limit(value))
      return api::invalid_parameter(
          "resourceLimits",
          R"(must name limits as setrlimit(2) does: {"NOFILE": "1024:4096", "CORE": "infinity"})");
  return objection_to_ranges(input);
}

std::optional<api::Failure> objection_to_choosing(const api::Spawn::Input& input) {
  const auto denied = [](const char* what) {
    return api::permission_denied(std::string("only root ") + what);
  };
  if (input.user) return denied("chooses the user of a worker");
  if (!groups_of(input).empty()) return denied("chooses the groups of a worker");
  if (input.nice && *input.nice < 0) return denied("gives a worker a nice value below 0");
  if (input.out_of_memory_score_adjust && *input.out_of_memory_score_adjust < 0)
    return denied("protects a worker from the kernel's out-of-memory killer");
  return std::nullopt;
}

// An index may be given twice: for output and errors, as a rule.
api::Outcome<std::array<FileDescriptor, 3>> streams_of(const api::Spawn::Input& input, Call& call) {
  const std::array<std::pair<const char*, std::optional<std::int64_t>>, 3> named{
      {{"inputFileDescriptor", input.input_file_descriptor},
       {"outputFileDescriptor", input.output_file_descriptor},
       {"errorFileDescriptor", input.error_file_descriptor}}};
  std::array<FileDescriptor, 3> streams;
  std::map<std::int64_t, int> taken;
  for (std::size_t i = 0; i < named.size(); ++i) {
    const auto& [parameter, index] = named[i];
    if (!index) continue;
    const auto earlier = taken.find(*index);
    streams[i] = earlier == taken.end()
                     ? call.take_descriptor(*index)
                     : FileDescriptor(::fcntl(earlier->second, F_DUPFD_CLOEXEC, 0));
    if (!streams[i])
      return api::invalid_parameter(parameter, "no descriptor of that index came with the message");
    taken[*index] = streams[i].get();
  }
  return streams;
}

spawn::Credentials credentials_of(const Caller& caller) {
  spawn::Credentials credentials{caller.user, caller.group, {}};
  credentials.groups.assign(caller.groups.begin(), caller.groups.end());
  return credentials;
}

}  // namespace

void Service::spawn(api::Spawn::Input input, Responder<api::Spawn> respond) {
  const auto& caller = respond.caller();
  if (const auto objection = objection_to_worker_name(input.worker))
    return respond.fail(*objection);
  if (const auto objection = objection_to_texts(input.handle, input.fingerprint, input.metadata))
    return respond.fail(*objection);
  if (const auto objection = objection_to_limits(input.limits)) return respond.fail(*objection);
  if (const auto objection = objection_to_program(input)) return respond.fail(*objection);
  const auto run = run_to_fill(input.run, caller);
  if (!run) return respond.fail(run.error());
  if (const auto objection = objection_to_workers_of(caller)) return respond.fail(*objection);
  const bool is_root = is_privileged(rules_, caller);
  if (!is_root)
    if (const auto objection = objection_to_choosing(input)) return respond.fail(*objection);
  auto streams = streams_of(input, respond.call());
  if (!streams) return respond.fail(streams.error());

  registry::SpawnRequest request;
  request.handle = std::move(input.handle);
  request.program.streams = std::move(*streams);
  auto& program = request.program.program;
  program.command = std::move(input.command);
  program.working_directory = std::move(input.working_directory);
  program.user = std::move(input.user);
  program.group = std::move(input.group);
  program.supplementary_groups = std::move(input.supplementary_groups);
  program.file_mode_mask = input.file_mode_mask;
  program.nice = input.nice;
  program.out_of_memory_score_adjust = input.out_of_memory_score_adjust;
  program.resource_limits = std::move(input.resource_limits);
  // A spawner that is older than this member would refuse the order: it is there if it matters.
  if (is_root && (program.nice || program.resource_limits)) program.has_roots_rights = true;
  // The rights of who asked, and no others.
  if (caller.user != ::geteuid() && caller.user != 0) {
    // Over D-Bus a caller's groups are known, but not which of them is the first.
    if (caller.group == ~0U)
      program.user = std::to_string(caller.user);
    else
      program.credentials = credentials_of(caller);
  }
  if (input.environment) program.environment = std::move(*input.environment);
  spawn::introduce(program, {(*run)->id(), input.worker, socket_});
  registry_.spawn(**run,
                  {std::move(input.worker), usual_reservation, std::move(input.fingerprint),
                   input.limits, std::move(input.metadata)},
                  std::move(request), answer_with_worker(respond));
}

}  // namespace reeve::service
