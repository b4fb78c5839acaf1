// What reeve.toml says, as plain values. config.cpp is the one file that knows the TOML library.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace reeve::config {

// Who may look at a run: anyone, or only its own user and root.
enum class Query { anyone, own };

// A user or a group, and where in the file it stands: "FILE:LINE:COLUMN".
struct Named {
  std::string name;
  std::string where;
};

struct Config {
  std::optional<std::string> socket;
  std::optional<std::string> root;  // path of a cgroup below the cgroup2 mount
  std::optional<std::string> bus;   // the address of a message bus, or "none"
  std::vector<Named> users;         // [access] open-runs-users: names or numbers
  std::vector<Named> groups;        // [access] open-runs-groups
  Query query = Query::anyone;      // [access] query
};

// Every fault of the file, each as "FILE:LINE:COLUMN: what is wrong".
struct Faults {
  std::vector<std::string> messages;
};

Result<Config, Faults> read(const std::string& path);
Result<Config, Faults> parse(const std::string& text, const std::string& name);

}  // namespace reeve::config
