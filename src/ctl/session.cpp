#include "ctl/session.hpp"

#include <fmt/core.h>

#include <cerrno>

#include "ctl/remote.hpp"
#include "reeve/pools.hpp"
#include "registry/names.hpp"

namespace reeve::ctl {

namespace {

// What else the user of a command line can do.
std::string advice(const Failure& failure) {
  if (const auto error = failure.as<Unreachable>();
      error && error->place.starts_with('/') &&
      (error->number == ENOENT || error->number == ECONNREFUSED))
    return ", or name its socket with --socket";
  if (const auto error = failure.as<NoSuchRun>(); error && !error->run)
    return " with --run or REEVE_RUN_ID";
  if (failure.is<NotDelegated>())
    return "; or leave the unit, with its limits and its name in the journal: --placement registry";
  if (failure.is<ProcessInOtherRun>()) return " with --run";
  return {};
}

}  // namespace

ExitCode tell(const Failure& failure) {
  fmt::print(stderr, "reevectl: {}{}\n", failure.message(), advice(failure));
  const bool no_daemon = failure.is<Unreachable>() || failure.is<ConnectionLost>();
  return no_daemon ? exit_no_daemon : exit_failure;
}

bool Session::is_without_run(const Failure& failure) {
  const auto error = failure.as<NoSuchRun>();
  return error && !error->run;
}

std::optional<std::string> Session::run_of_pool_of(const std::string& worker) {
  const auto slot = registry::slot_of(worker);
  if (!slot) return std::nullopt;
  const auto output = client_.call<GetPool>({slot->first});
  return output ? output->pool.run : std::nullopt;
}

Told<Session> Session::open(const Options& options) {
  auto client = told(options.host ? Client::connect(through_ssh(options), *options.host)
                                  : Client::connect(options.socket));
  if (!client) return client.error();
  return Session(std::move(*client));
}

Told<Worker> register_process(Session& session, const Options& options,
                              std::optional<ProcessId> process, std::span<const int> pidfd) {
  auto registered = session.call<Register>(
      {.worker = options.arguments.front(),
       .run = options.run,
       .process = std::move(process),
       .process_file_descriptor = pidfd.empty() ? std::optional<std::int64_t>() : 0,
       .handle = options.handle,
       .fingerprint = options.fingerprint,
       .limits = options.limits,
       .metadata = options.metadata},
      pidfd);
  if (!registered) return registered.error();
  return std::move(registered->worker);
}

}  // namespace reeve::ctl
