// reeved: wires the parts together and runs the loop.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <vector>

#include "base/log.hpp"
#include "bus/bus.hpp"
#include "daemon/configuration.hpp"
#include "daemon/exit_codes.hpp"
#include "daemon/notifier.hpp"
#include "daemon/socket_guard.hpp"
#include "daemon/startup.hpp"
#include "registry/registry.hpp"
#include "service/service.hpp"
#include "supervision/supervisor.hpp"
#include "sys/calls.hpp"
#include "varlink/listen.hpp"
#include "varlink/server.hpp"

namespace reeve::daemon {

namespace {

// A private daemon that nobody opened a run with goes after this long.
constexpr Microseconds private_patience{30'000'000};

int refuse(const Refusal& refusal) {
  log::tell(log::Level::error, log::topic::cannot_serve, {}, "{}", refusal.message);
  return refusal.exit_status;
}

void report(const registry::Registry::Recovered& recovered, const std::string& root) {
  if (recovered.adopted > 0)
    log::tell(log::Level::notice, log::topic::runs_adopted, {}, "adopted: runs {}, workers {}",
              recovered.adopted, recovered.workers);
  if (recovered.stale > 0)
    log::tell(log::Level::notice, log::topic::owners_lost, {},
              "runs that have lost their owner: {}; ending what they left", recovered.stale);
  for (const auto& path : recovered.foreign)
    log::tell(log::Level::warning, log::topic::foreign_cgroup, {},
              "cgroup {} below the root {} is not one of reeve's: left alone", path, root);
  for (const auto& path : recovered.elsewhere)
    log::info("cgroup {} is served by another reeved", path);
}

// The terminal that started it is not a private daemon's: a pipe must not stay open for its sake.
void leave_terminal() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(null, fd);
  ::close(null);
}

// What is wrong with it; then everything stays as it was. Who may do what is followed at once; the
// rest is for the next start.
service::Service::Faults read_again(const Options& options,
                                    const std::function<void(Configuration)>& take) {
  auto configuration = read_configuration(options);
  if (!configuration) {
    log::tell(log::Level::error, log::topic::configuration_refused, {}, "not reloaded: {}",
              refuse_configuration(configuration.error()).message);
    return configuration.error();
  }
  take(std::move(*configuration));
  log::notice("the configuration was read again");
  return {};
}

void follow_pools(supervision::Supervisor& supervisor, std::vector<config::Pool> pools) {
  if (const auto followed = supervisor.follow(std::move(pools)); !followed)
    log::error("the pools are as configured, but a reeved that follows this one will not know: {}",
               followed.error().message());
}

// Each as its policy says; workers that outlive their owner end as politely as others.
int end_runs(loop::Loop& loop, registry::Registry& registry) {
  registry.on_run_gone([&] {
    if (registry.runs().empty()) loop.stop();
  });
  for (const auto& [id, run] : registry.runs()) {
    const auto policy = run->record().policy;
    (void)run->close(policy == OwnerExitPolicy::kill ? policy : OwnerExitPolicy::terminate,
                     [](const api::Outcome<CleanupReport>&) {});
  }
  if (registry.runs().empty()) return exit_ok;
  const auto ran = loop.run();
  return ran.ok() ? exit_ok : refuse({exit_failure, ran.error().message()});
}

int serve(const Options& options) {
  const auto without = read_environment();
  if (!without) return refuse(without.error());
  auto configuration = read_configuration(options);
  if (!configuration) {
    const auto refusal = refuse_configuration(configuration.error());
    if (!options.ends_runs || !options.root) return refuse(refusal);
    // What has to be known is: a mistake in a file is no reason to leave workers behind.
    (void)refuse(refusal);
    configuration = Configuration{};
  }
  const auto& config = configuration->config;
  const auto& rules = configuration->rules;
  // While nothing is held yet that it would hold, too.
  const spawn::Spawner::Obtain obtain_spawner = [&]() -> Result<spawn::SpawnerProcess> {
    return options.holder ? spawn::connect_to_holder(*options.holder) : spawn::fork_spawner();
  };
  auto spawner_process =
      options.holder ? Result<spawn::SpawnerProcess>(spawn::SpawnerProcess{}) : obtain_spawner();
  if (!spawner_process) return refuse({exit_failure, spawner_process.error().message()});
  const auto mount = find_cgroup2();
  if (!mount) return refuse(mount.error());
  auto root = open_root(options, config, *mount);
  if (!root) return refuse(root.error());
  const auto root_path = root->directory.path();
  const auto root_directory = mount->point + root_path;
  const auto give_up = [&](const Refusal& refusal) {
    if (root->made) remove_root(*root, root_directory);
    return refuse(refusal);
  };
  // A private daemon may share the root of another, whose business that is.
  if (!options.is_private || root->made)
    if (const auto shown = show_to_others(root->directory, !rules.runs_are_private); !shown)
      return give_up({exit_no_permission, shown.error().message()});
  auto loop = start_loop();
  if (!loop) return give_up(loop.error());
  auto passed = take_passed_descriptors();
  if (!passed) return give_up(passed.error());
  auto listener = options.ends_runs ? Required<Listener>(Listener{})
                                    : open_listener(options, config, std::move(passed->listener));
  if (!listener) return give_up(listener.error());
  raise_descriptor_limit();

  std::vector<int> signals{SIGTERM, SIGHUP};
  // A shell starts what it puts in the background with SIGINT ignored: ^C is not meant for it.
  struct sigaction interrupt {};
  ::sigaction(SIGINT, nullptr, &interrupt);
  if (interrupt.sa_handler != SIG_IGN) signals.push_back(SIGINT);
  const auto signal_fd = sys::signal_descriptor(signals);
  if (!signal_fd) return give_up({exit_failure, signal_fd.error().message()});

  int status = exit_ok;
  std::string notify_socket;
  {
    spawn::Spawner spawner(**loop, std::move(*spawner_process), obtain_spawner);
    registry::Registry registry(**loop, spawner, *mount, std::move(root->directory));
    service::Service service(**loop, registry, rules, varlink::path_of(listener->socket.get()));
    if (options.is_private) registry.leave_configured_run();
    Notifier notifier(**loop, registry);
    notifier.resume_events(std::move(passed->events));
    const auto recovered = registry.recover();
    if (!recovered) return refuse({exit_failure, recovered.error().message()});
    report(*recovered, root_path);
    if (options.ends_runs) return end_runs(**loop, registry);

    std::optional<supervision::Supervisor> supervisor;
    if (!options.is_private) {
      const auto socket = varlink::path_of(listener->socket.get());
      // Beside reeved's own: workers that outlive this reeved find the next one there.
      if (!socket.empty()) notify_socket = socket + ".notify";
      supervisor.emplace(**loop, registry, supervision::Host{socket, notify_socket});
      supervisor->resume_notifications(std::move(passed->notifications));
      service.offer_pools(*supervisor);
    }
    std::optional<bus::Bus> bus;
    const auto reload = [&]() -> service::Service::Faults {
      notifier.tell_reloading();
      auto faults = read_again(options, [&](Configuration read) {
        const auto& changed = read.rules;
        if (!options.is_private)
          if (const auto shown = show_to_others(registry.root(), !changed.runs_are_private); !shown)
            log::warning("{}", shown.error().message());
        service.set_rules(changed);
        if (bus) bus->follow(changed);
        if (supervisor) follow_pools(*supervisor, std::move(read.config.pools));
      });
      notifier.tell_reloaded();
      if (supervisor) notifier.keep_notifications(supervisor->notify_descriptor());
      return faults;
    };
    service.on_reload(reload);

    // With a holder the pools outlive this reeved; without, nobody would look after them. Who asks
    // a second time does not want to wait.
    bool is_stopping = false;
    const auto stop = [&] {
      if (std::exchange(is_stopping, true) || !supervisor || options.holder) return (*loop)->stop();
      supervisor->end([&] { (*loop)->stop(); });
    };

    loop::Operation signal_watch;
    const std::function<void(int)> on_signal = [&](int) {
      for (int number; (number = sys::read_signal(signal_fd->get())) > 0;)
        number == SIGHUP ? (void)reload() : stop();
      signal_watch = (*loop)->poll(signal_fd->get(), POLLIN, on_signal);
    };
    signal_watch = (*loop)->poll(signal_fd->get(), POLLIN, on_signal);

    loop::Timer patience;
    // The end of a run that another daemon left does not say that nobody will open one here.
    auto left_by_others = recovered->adopted + recovered->stale;
    const auto end_if_idle = [&] {
      if (registry.runs().empty()) (*loop)->stop();
    };
    if (options.is_private) {
      leave_terminal();
      registry.on_run_gone([&] {
        if (left_by_others > 0)
          --left_by_others;
        else
          end_if_idle();
      });
      patience = (*loop)->after(private_patience, [&] {
        left_by_others = 0;
        end_if_idle();
      });
    }

    const auto bus_address = options.bus ? *options.bus : config.bus.value_or(bus::usual_address());
    if (!options.is_private && !bus_address.empty() && bus_address != "none")
      bus.emplace(**loop, registry, service, rules, bus_address);

    const auto address = varlink::path_of(listener->socket.get());
    varlink::Server server(**loop, service, rules);
    server.listen(std::move(listener->socket));
    const SocketGuard guard(**loop, options.is_private ? "" : address,
                            [&](FileDescriptor socket) { server.listen(std::move(socket)); });
    log::info("serving the root {} at {}", root_path, address);
    if (without->any()) log::notice("not used, as REEVE_WITHOUT says: {}", sys::names_of(*without));
    if (supervisor) follow_pools(*supervisor, config.pools);
    notifier.tell_ready();
    if (supervisor) notifier.keep_notifications(supervisor->notify_descriptor());
    const auto ran = (*loop)->run();
    notifier.tell_stopping();
    if (guard.has_made_it()) listener->path = address;
    if (!ran) status = refuse({exit_failure, ran.error().message()});
  }
  if (!listener->path.empty()) ::unlink(listener->path.c_str());
  if (!notify_socket.empty() && !options.holder) ::unlink(notify_socket.c_str());
  if (root->made || options.is_private) remove_root(*root, root_directory);
  return status;
}

}  // namespace

}  // namespace reeve::daemon

int main(int argc, char** argv) {
  const auto parsed = reeve::daemon::parse_options(argc, argv);
  if (parsed.exit_status) return *parsed.exit_status;
  if (parsed.options.checks) return reeve::daemon::check_configuration(parsed.options);
  const int status = reeve::daemon::serve(parsed.options);
  // Made for this daemon alone by who started it; also where it could not serve.
  if (parsed.options.is_private && parsed.options.socket) ::unlink(parsed.options.socket->c_str());
  return status;
}
