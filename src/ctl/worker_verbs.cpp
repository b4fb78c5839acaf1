#include <unistd.h>

#include <array>
#include <utility>

#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"
#include "process/process.hpp"

namespace reeve::ctl {

namespace {

// The process of --pid. On this host it is held by a pidfd from here on, and that is what reeved
// gets.
struct Given {
  std::optional<process::Process> process;
  std::optional<ProcessId> id;  // on another
  std::vector<int> descriptors;
};

Told<Given> given_process(const Options& options) {
  if (!options.pid) {
    fmt::print(stderr, "reevectl: --pid PID is missing: the worker's process\n");
    return exit_usage;
  }
  if (options.host) return Given{{}, ProcessId{.pid = *options.pid}, {}};
  if (!std::in_range<pid_t>(*options.pid)) {
    fmt::print(stderr, "reevectl: process {} does not run\n", *options.pid);
    return exit_failure;
  }
  auto process = process::Process::open(static_cast<pid_t>(*options.pid));
  if (!process) {
    fmt::print(stderr, "reevectl: {}\n", process.error().message());
    return exit_failure;
  }
  const int pidfd = process->pidfd();
  return Given{std::move(*process), {}, {pidfd}};
}

ExitCode show_worker(const Options& options, const Worker& worker, const std::string& line) {
  if (options.json == Json::off)
    fmt::print("{}\n", line);
  else
    print_json(options, "{\"worker\":" + json::encoded(worker) + "}");
  return exit_ok;
}

ExitCode show_active(const Options& options, const Worker& worker) {
  return show_worker(
      options, worker,
      fmt::format("worker {} is active with process {}", worker.worker, worker.process->pid));
}

}  // namespace

ExitCode verb_reserve(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<Reserve>({.worker = options.arguments.front(),
                                              .run = options.run,
                                              .timeout = options.timeout,
                                              .fingerprint = options.fingerprint,
                                              .limits = options.limits,
                                              .metadata = options.metadata});
  if (!output) return output.error();
  return show_worker(options, output->worker, output->worker.control_group);
}

ExitCode verb_activate(const Options& options) {
  const auto given = given_process(options);
  if (!given) return given.error();
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto descriptor = given->descriptors.empty() ? std::optional<std::int64_t>() : 0;
  const auto output = session->call<Activate>({.worker = options.arguments.front(),
                                               .run = options.run,
                                               .process = given->id,
                                               .process_file_descriptor = descriptor,
                                               .handle = options.handle,
                                               .fingerprint = options.fingerprint},
                                              given->descriptors);
  if (!output) return output.error();
  return show_active(options, output->worker);
}

ExitCode verb_register(const Options& options) {
  const auto given = given_process(options);
  if (!given) return given.error();
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto worker = register_process(*session, options, given->id, given->descriptors);
  if (!worker) return worker.error();
  return show_active(options, *worker);
}

ExitCode verb_spawn(const Options& options) {
  if (options.pipe && options.host) {
    fmt::print(stderr, "reevectl: --pipe works on this host only: streams stay here\n");
    return exit_usage;
  }
  auto session = Session::open(options);
  if (!session) return session.error();
  Spawn::Input input{.worker = options.arguments.front(),
                     .command = {options.arguments.begin() + 1, options.arguments.end()},
                     .run = options.run,
                     .environment = options.environment,
                     .working_directory = options.directory,
                     .user = options.user,
                     .group = options.group,
                     .supplementary_groups = options.supplementary_groups,
                     .file_mode_mask = options.file_mode_mask,
                     .nice = options.nice,
                     .out_of_memory_score_adjust = options.out_of_memory_score_adjust,
                     .resource_limits = options.resource_limits,
                     .handle = options.handle,
                     .fingerprint = options.fingerprint,
                     .limits = options.limits,
                     .metadata = options.metadata};
  constexpr std::array streams{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  std::span<const int> passed;
  if (options.pipe) {
    passed = streams;
    input.input_file_descriptor = STDIN_FILENO;
    input.output_file_descriptor = STDOUT_FILENO;
    input.error_file_descriptor = STDERR_FILENO;
  }
  const auto output = session->call<Spawn>(input, passed);
  if (!output) return output.error();
  return show_active(options, output->worker);
}

namespace {

template <class Method>
ExitCode done_to_worker(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<Method>({options.arguments.front(), options.run});
  return output.ok() ? exit_ok : output.error();
}

}  // namespace

ExitCode verb_unregister(const Options& options) {
  return done_to_worker<api::Unregister>(options);
}

ExitCode verb_signal(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::Signal>(
      {options.arguments[0], options.arguments[1], options.run, options.whole_tree});
  return output.ok() ? exit_ok : output.error();
}

ExitCode verb_stop(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output =
      session->call<api::Stop>({options.arguments.front(), options.run, options.grace});
  if (!output) return output.error();
  const auto& worker = output->worker;
  return show_worker(options, worker,
                     fmt::format("worker {} has stopped: {}", worker.worker,
                                 worker.exit ? told(*worker.exit) : "nothing ran"));
}

ExitCode verb_freeze(const Options& options) {
  return done_to_worker<api::Freeze>(options);
}

ExitCode verb_thaw(const Options& options) {
  return done_to_worker<api::Thaw>(options);
}

ExitCode verb_wait(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::Wait>({options.arguments.front(), options.run});
  if (!output) return output.error();
  const auto& worker = output->worker;
  return show_worker(
      options, worker,
      fmt::format("worker {}: {}", worker.worker, worker.exit ? told(*worker.exit) : "gone"));
}

}  // namespace reeve::ctl
