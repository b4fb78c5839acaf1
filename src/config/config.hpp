// What reeve.toml and its drop-ins say, as plain values. Only this room knows the TOML library.
//
// Each file is read on top of those before it: a key replaces what an earlier file said of it, and
// tables come together. When all are read, what belongs together is checked: see pool_checks.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/named.hpp"
#include "config/pools.hpp"

namespace reeve::config {

// Who may look at a run: anyone, or only its own user and root.
enum class Query { anyone, own };

struct Config {
  std::optional<std::string> socket;
  std::optional<std::string> root;  // path of a cgroup below the cgroup2 mount
  std::optional<std::string> bus;   // the address of a message bus, or "none"
  std::vector<Named> users;         // [access] open-runs-users: names or numbers
  std::vector<Named> groups;        // [access] open-runs-groups
  Query query = Query::anyone;      // [access] query
  std::vector<Pool> pools;          // in the order of their names
};

struct Faults {
  // Every one, in one line each, as "FILE:LINE:COLUMN: what is wrong".
  std::vector<std::string> messages;
  // What could be read nevertheless: for who wants to tell what else is wrong with it.
  Config rest = {};
};

// The file, and those below PATH.d whose names end in ".toml", in the order of their names.
enum class Presence { required, optional };
Result<Config, Faults> read(const std::string& path, Presence presence = Presence::required);

// Files that were read already.
struct Text {
  std::string name;
  std::string content;
};
Result<Config, Faults> parse(const std::vector<Text>& files);
Result<Config, Faults> parse(const std::string& text, const std::string& name);

// What may stand there: a table as people know it, and its keys. The first is the file itself.
struct KnownTable {
  std::string title;
  std::vector<std::string_view> keys;
};
std::vector<KnownTable> known_tables();

}  // namespace reeve::config
