// Another host, through ssh: a connection to its reeved, by `reevectl bridge` there, or a command
// that works there.
#pragma once

#include "ctl/options.hpp"
#include "reeve/client.hpp"

namespace reeve::ctl {

// To options.host, with the program that $REEVE_SSH names instead of ssh(1).
Connector through_ssh(const Options& options);

enum class TerminalThere { wanted, not_wanted };
// Becomes that command of the reevectl there; returns only if ssh cannot be executed.
ExitCode become_there(const Options& options, const std::vector<std::string>& command,
                      TerminalThere terminal);

}  // namespace reeve::ctl
