// reeved's command line.
#pragma once

#include <optional>
#include <string>

namespace reeve::daemon {

struct Options {
  std::optional<std::string> socket;
  std::optional<std::string> root;
  std::optional<std::string> bus;  // an address, or "none"
  std::optional<std::string> configuration;
  // The socket of the holder that is to start workers; reeved itself, otherwise.
  std::optional<std::string> holder;
  // Serves one `reevectl run` and ends with the last run.
  bool is_private = false;
  // Tells what is wrong with the configuration, and ends.
  bool checks = false;
  // Ends every run on the root, as its own policy says, and itself then.
  bool ends_runs = false;
};

// The options, or, where there is nothing more to do, the exit status: after --help, --version or a
// mistake, which has been explained then.
struct Parsed {
  Options options;
  std::optional<int> exit_status;
};
Parsed parse_options(int argc, char** argv);

}  // namespace reeve::daemon
