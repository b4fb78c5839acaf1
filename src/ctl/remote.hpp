// A connection to the reeved of another host: `reevectl bridge` there, at the other end of ssh.
#pragma once

#include "ctl/options.hpp"
#include "reeve/client.hpp"

namespace reeve::ctl {

// To options.host, with the program that $REEVE_SSH names instead of ssh(1).
Connector through_ssh(const Options& options);

}  // namespace reeve::ctl
