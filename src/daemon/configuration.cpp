#include "daemon/configuration.hpp"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "base/text.hpp"
#include "daemon/exit_codes.hpp"

namespace reeve::daemon {

namespace {

namespace fs = std::filesystem;

constexpr const char* usual_configuration = "/etc/reeve/reeve.toml";

Result<config::Config, config::Faults> read_files(const Options& options) {
  if (options.configuration) return config::read(*options.configuration);
  return config::read(usual_configuration, config::Presence::optional);
}

service::AccessRules resolve_access(const config::Config& config,
                                    std::vector<std::string>& faults) {
  service::AccessRules rules;
  rules.daemon_user = ::geteuid();
  rules.runs_are_private = config.query == config::Query::own;
  for (const auto& [name, where] : config.users) {
    if (const auto number = parse_number<uid_t>(name))
      rules.may_open_runs.insert(*number);
    else if (const auto* user = ::getpwnam(name.c_str()))
      rules.may_open_runs.insert(user->pw_uid);
    else
      faults.push_back(fmt::format("{}: this host has no user {}", where, name));
  }
  for (const auto& [name, where] : config.groups) {
    if (const auto number = parse_number<gid_t>(name))
      rules.groups_may_open_runs.insert(*number);
    else if (const auto* group = ::getgrnam(name.c_str()))
      rules.groups_may_open_runs.insert(group->gr_gid);
    else
      faults.push_back(fmt::format("{}: this host has no group {}", where, name));
  }
  return rules;
}

// Its groups and its HOME are needed besides: a number alone is not enough.
void check_users(const std::vector<config::Pool>& pools, std::vector<std::string>& faults) {
  for (const auto& pool : pools) {
    if (!pool.user) continue;
    const auto& [name, where] = *pool.user;
    const auto number = parse_number<uid_t>(name);
    if ((number ? ::getpwuid(*number) : ::getpwnam(name.c_str())) == nullptr)
      faults.push_back(
          fmt::format("{}: pool {}: this host has no user {}", where, pool.name, name));
  }
}

// What keeps `path` from being that, or from being there if `wanted` is unknown; nullptr if nothing
// does. Whoever looks may see less than whoever will start the worker: what cannot be seen is not
// told.
const char* obstacle(const fs::path& path, fs::file_type wanted) {
  std::error_code unseen;
  const auto status = fs::status(path, unseen);
  if (status.type() == fs::file_type::not_found) return "does not exist";
  if (unseen || wanted == fs::file_type::unknown) return nullptr;
  if (wanted == fs::file_type::directory)
    return status.type() == wanted ? nullptr : "is no directory";
  constexpr auto anybody = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
  const bool is_executable =
      status.type() == wanted && (status.permissions() & anybody) != fs::perms::none;
  return is_executable ? nullptr : "cannot be executed";
}

// No fault: it may be there when a worker is started.
void warn_of_what_is_missing(const config::Pool& pool) {
  if (pool.size == 0) return;
  const auto look_at = [&](const fs::path& path, fs::file_type wanted) {
    if (!path.is_absolute()) return;
    if (const auto* told = obstacle(path, wanted))
      fmt::print(stderr, "{}: warning: pool {}: {} {}; no worker can be started now\n", pool.where,
                 pool.name, path.native(), told);
  };
  look_at(pool.command.front(), fs::file_type::regular);
  if (pool.working_directory) look_at(*pool.working_directory, fs::file_type::directory);
  look_at(pool.input.path, fs::file_type::unknown);
  for (const auto& path : {pool.output.path, pool.error.path})
    look_at(fs::path(path).parent_path(), fs::file_type::directory);
}

}  // namespace

Result<Configuration, std::vector<std::string>> read_configuration(const Options& options) {
  auto read = read_files(options);
  std::vector<std::string> faults;
  if (!read) faults = std::move(read.error().messages);
  const auto& config = read ? *read : read.error().rest;
  auto rules = resolve_access(config, faults);
  check_users(config.pools, faults);
  if (!faults.empty()) return faults;
  return Configuration{std::move(*read), std::move(rules)};
}

Refusal refuse_configuration(const std::vector<std::string>& faults) {
  std::string message = "the configuration is wrong:";
  for (const auto& fault : faults)
    message += (faults.size() == 1 ? " " : "\n  ") + fault;
  return {exit_configuration, std::move(message)};
}

int check_configuration(const Options& options) {
  const auto read = read_configuration(options);
  if (!read) {
    for (const auto& fault : read.error())
      fmt::print(stderr, "{}\n", fault);
    return exit_configuration;
  }
  std::int64_t workers = 0;
  for (const auto& pool : read->config.pools) {
    warn_of_what_is_missing(pool);
    workers += pool.size;
  }
  const auto pools = read->config.pools.size();
  fmt::print("{}: {} pool{}, {} worker{}\n", options.configuration.value_or(usual_configuration),
             pools, pools == 1 ? "" : "s", workers, workers == 1 ? "" : "s");
  return exit_ok;
}

}  // namespace reeve::daemon
