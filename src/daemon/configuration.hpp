// What reeve.toml says, as this host understands it.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "daemon/options.hpp"
#include "daemon/startup.hpp"
#include "service/access.hpp"

namespace reeve::daemon {

struct Configuration {
  config::Config config;
  service::AccessRules rules;
};

// Or everything that is wrong with it, each with its place: the users and groups that this host
// does not have, too.
Result<Configuration, std::vector<std::string>> read_configuration(const Options& options);
Refusal refuse_configuration(const std::vector<std::string>& faults);

// `reeved --check`: tells what is wrong on standard error, or what there is on standard output. The
// exit status.
int check_configuration(const Options& options);

}  // namespace reeve::daemon
