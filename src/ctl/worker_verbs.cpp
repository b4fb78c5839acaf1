#include <array>
#include <utility>

#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"
#include "process/process.hpp"

namespace reeve::ctl {

namespace {

// The process of --pid, held by a pidfd from here on: what reeved gets is the descriptor.
Told<process::Process> given_process(const Options& options) {
  if (!options.pid) {
    fmt::print(stderr, "reevectl: --pid PID is missing: the worker's process\n");
    return exit_usage;
  }
  if (!std::in_range<pid_t>(*options.pid)) {
    fmt::print(stderr, "reevectl: process {} does not run\n", *options.pid);
    return exit_failure;
  }
  auto process = process::Process::open(static_cast<pid_t>(*options.pid));
  if (process.ok()) return std::move(*process);
  fmt::print(stderr, "reevectl: {}\n", process.error().message());
  return exit_failure;
}

ExitCode show_worker(const Options& options, const Worker& worker, const std::string& line) {
  if (options.json == Json::off)
    fmt::print("{}\n", line);
  else
    print_json(options, "{\"worker\":" + json::encoded(worker) + "}");
  return exit_ok;
}

}  // namespace

ExitCode verb_reserve(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  api::Reserve::Input input;
  input.worker = options.arguments.front();
  input.run = options.run;
  input.timeout = options.timeout;
  input.fingerprint = options.fingerprint;
  input.metadata = options.metadata;
  const auto output = session->call<api::Reserve>(input);
  if (!output) return output.error();
  return show_worker(options, output->worker, output->worker.control_group);
}

ExitCode verb_activate(const Options& options) {
  const auto process = given_process(options);
  if (!process) return process.error();
  auto session = Session::open(options);
  if (!session) return session.error();
  api::Activate::Input input;
  input.worker = options.arguments.front();
  input.run = options.run;
  input.process_file_descriptor = 0;
  input.handle = options.handle;
  input.fingerprint = options.fingerprint;
  const std::array descriptors{process->pidfd()};
  const auto output = session->call<api::Activate>(input, descriptors);
  if (!output) return output.error();
  return show_worker(
      options, output->worker,
      fmt::format("worker {} is active with process {}", output->worker.worker, process->pid()));
}

ExitCode verb_register(const Options& options) {
  const auto process = given_process(options);
  if (!process) return process.error();
  auto session = Session::open(options);
  if (!session) return session.error();
  api::Register::Input input;
  input.worker = options.arguments.front();
  input.run = options.run;
  input.process_file_descriptor = 0;
  input.handle = options.handle;
  input.fingerprint = options.fingerprint;
  input.metadata = options.metadata;
  const std::array descriptors{process->pidfd()};
  const auto output = session->call<api::Register>(input, descriptors);
  if (!output) return output.error();
  return show_worker(
      options, output->worker,
      fmt::format("worker {} is active with process {}", output->worker.worker, process->pid()));
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
