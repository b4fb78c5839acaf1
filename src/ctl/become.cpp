// run and exec: open or join, then become the command. No wrapper process remains: terminal,
// signals and exit status are the command's own.
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "ctl/output.hpp"
#include "ctl/private_daemon.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"
#include "process/process.hpp"

namespace reeve::ctl {

namespace {

// Returns only if the command cannot be executed.
ExitCode become(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  const int number = errno;
  fmt::print(stderr, "reevectl: {}\n", Error{number, command.front(), "execute"}.message());
  return number == ENOENT ? exit_not_found : exit_cannot_execute;
}

// The daemon that runs, or one for this run alone.
Told<Session> daemon_for_run(Options& options) {
  auto client = Client::connect(options.socket);
  if (client.ok()) return Session(std::move(*client));
  const auto error = client.error().as<Unreachable>();
  if (!error || (error->number != ENOENT && error->number != ECONNREFUSED))
    return tell(client.error());
  if (options.socket_given)
    fmt::print(stderr, "reevectl: no reeved at {}: starting one for this run\n", options.socket);
  const auto path = start_private_daemon(options.root);
  if (!path) {
    fmt::print(stderr, "reevectl: no reeved runs, and none can be started for this run: {}\n",
               path.error().message());
    return exit_run_failed;
  }
  options.socket = *path;
  return Session::open(options);
}

}  // namespace

ExitCode verb_run(const Options& given) {
  auto options = given;
  auto session = daemon_for_run(options);
  if (!session) return exit_run_failed;
  const auto opened = session->call<OpenRun>({.name = options.name,
                                              .on_owner_exit = options.policy,
                                              .grace = options.grace,
                                              .placement = options.placement,
                                              .metadata = options.metadata});
  if (!opened) return exit_run_failed;
  if (!session->call<EnterRun>({opened->run.run})) return exit_run_failed;
  ::setenv("REEVE_RUN_ID", opened->run.run.c_str(), 1);
  ::setenv("REEVE_SOCKET", options.socket.c_str(), 1);
  return become(options.arguments);
}

ExitCode verb_exec(const Options& options) {
  auto session = Session::open(options);
  if (!session) return exit_run_failed;
  const auto self = process::Process::open(::getpid());
  if (!self) {
    fmt::print(stderr, "reevectl: {}\n", self.error().message());
    return exit_run_failed;
  }
  const auto worker = register_process(*session, options, {}, std::array{self->pidfd()});
  if (!worker) return exit_run_failed;
  ::setenv("REEVE_RUN_ID", worker->run.c_str(), 1);
  ::setenv("REEVE_WORKER", worker->worker.c_str(), 1);
  ::setenv("REEVE_SOCKET", options.socket.c_str(), 1);
  return become({options.arguments.begin() + 1, options.arguments.end()});
}

}  // namespace reeve::ctl
