#include "daemon/options.hpp"

#include <fmt/core.h>
#include <getopt.h>

#include <array>

#include "base/log.hpp"
#include "daemon/exit_codes.hpp"

namespace reeve::daemon {

namespace {

constexpr const char* help =
    "reeved [OPTIONS]\n"
    "\n"
    "Keeps pools of external worker processes and never leaves one behind.\n"
    "\n"
    "  --socket PATH    serve varlink here (/run/reeve/io.reeve.Registry)\n"
    "  --root CGROUP    keep runs below this cgroup, a path below the cgroup2 mount\n"
    "                   (the own cgroup if it is delegated; as root, /reeve); one that begins\n"
    "                   with ../ is looked for beside the cgroup of reeved's unit\n"
    "  --bus ADDRESS    be there on this message bus, or on none (the system's for root, the\n"
    "                   user's own for others)\n"
    "  --config FILE    read this configuration, and its drop-ins FILE.d/*.toml\n"
    "                   (/etc/reeve/reeve.toml if it is there)\n"
    "  --check          tell all that is wrong with the configuration, and end\n"
    "  --holder PATH    have workers started by the reeve-holder that listens here, not by reeved\n"
    "                   itself: what reeved is confined to is not for them\n"
    "  --private        end with the last run: for `reevectl run` without a daemon\n"
    "  --end-runs       end every run on the root that no other reeved serves, and then oneself\n"
    "  --debug          log more\n"
    "  -h, --help       show this text\n"
    "      --version    show the version\n"
    "\n"
    "Exit status: 0 stopped, 2 wrong usage, 3 no cgroup2, 4 no permission, 5 no io_uring,\n"
    "6 socket unavailable, 7 the root is served by another reeved, 78 wrong configuration,\n"
    "1 anything else. See reeved(8).\n";

enum Option {
  socket_option = 256,
  root_option,
  bus_option,
  config_option,
  check_option,
  holder_option,
  private_option,
  end_runs_option,
  debug_option,
  version_option
};

}  // namespace

Parsed parse_options(int argc, char** argv) {
  static const std::array<option, 12> options{
      {{"socket", required_argument, nullptr, socket_option},
       {"root", required_argument, nullptr, root_option},
       {"bus", required_argument, nullptr, bus_option},
       {"config", required_argument, nullptr, config_option},
       {"check", no_argument, nullptr, check_option},
       {"holder", required_argument, nullptr, holder_option},
       {"private", no_argument, nullptr, private_option},
       {"end-runs", no_argument, nullptr, end_runs_option},
       {"debug", no_argument, nullptr, debug_option},
       {"help", no_argument, nullptr, 'h'},
       {"version", no_argument, nullptr, version_option},
       {}}};
  Parsed parsed;
  for (;;) {
    switch (getopt_long(argc, argv, "h", options.data(), nullptr)) {
      case socket_option:
        parsed.options.socket = optarg;
        break;
      case root_option:
        parsed.options.root = optarg;
        break;
      case bus_option:
        parsed.options.bus = optarg;
        break;
      case config_option:
        parsed.options.configuration = optarg;
        break;
      case check_option:
        parsed.options.checks = true;
        break;
      case holder_option:
        parsed.options.holder = optarg;
        break;
      case private_option:
        parsed.options.is_private = true;
        break;
      case end_runs_option:
        parsed.options.ends_runs = true;
        break;
      case debug_option:
        log::set_threshold(log::Level::debug);
        break;
      case 'h':
        fmt::print("{}", help);
        parsed.exit_status = exit_ok;
        return parsed;
      case version_option:
        fmt::print("reeved {}\n", REEVE_VERSION);
        parsed.exit_status = exit_ok;
        return parsed;
      case -1:
        if (optind < argc) {
          fmt::print(stderr, "reeved: unexpected argument {}; see reeved --help\n", argv[optind]);
          parsed.exit_status = exit_usage;
        }
        return parsed;
      default:
        fmt::print(stderr, "See reeved --help.\n");
        parsed.exit_status = exit_usage;
        return parsed;
    }
  }
}

}  // namespace reeve::daemon
