#include "config/config.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <toml++/toml.h>

#include "base/paths.hpp"
#include "sys/calls.hpp"

namespace reeve::config {

namespace {

class Reader {
 public:
  Reader(std::string name, Faults& faults) : name_(std::move(name)), faults_(faults) {}

  void fault(const toml::source_region& region, std::string_view what) {
    faults_.messages.push_back(fmt::format("{}: {}", where(region), what));
  }

  [[nodiscard]] std::string where(const toml::source_region& region) const {
    return fmt::format("{}:{}:{}", name_, region.begin.line, region.begin.column);
  }

  void read_path(const toml::node& node, std::string_view key, std::optional<std::string>& value) {
    const auto text = node.value_exact<std::string>();
    if (!text || !text->starts_with('/'))
      return fault(node.source(), fmt::format("{} must be a string, an absolute path", key));
    value = *text;
  }

  void read_bus(const toml::node& node, std::optional<std::string>& value) {
    value = node.value_exact<std::string>();
    if (!value || value->empty())
      fault(node.source(), "bus must be the address of a message bus, or \"none\"");
  }

  void read_root(const toml::node& node, std::optional<std::string>& value) {
    std::optional<std::string> text;
    read_path(node, "root", text);
    if (!text) return;
    value = root_path(*text);
    if (!value)
      fault(node.source(), "root must be the path of a cgroup below the cgroup2 mount: \"/reeve\"");
  }

  void read_names(const toml::node& node, std::string_view key, std::vector<Named>& names) {
    const auto* list = node.as_array();
    if (list == nullptr)
      return fault(node.source(), fmt::format("{} must be a list of strings", key));
    for (const auto& element : *list) {
      if (const auto name = element.value_exact<std::string>())
        names.push_back({*name, where(element.source())});
      else
        fault(element.source(), fmt::format("{} must be a list of strings", key));
    }
  }

  void read_query(const toml::node& node, Query& query) {
    const auto text = node.value_exact<std::string>();
    if (text != "anyone" && text != "own")
      return fault(node.source(), "query must be \"anyone\" or \"own\"");
    query = *text == "own" ? Query::own : Query::anyone;
  }

  void unknown(const toml::key& key, std::string_view table) {
    fault(key.source(), fmt::format("{} is not a key of {}", key.str(), table));
  }

 private:
  std::string name_;
  Faults& faults_;
};

}  // namespace

Result<Config, Faults> parse(const std::string& text, const std::string& name) {
  Faults faults;
  toml::table table;
  try {  // the library as Debian builds it throws; no further than here
    table = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    Reader(name, faults).fault(error.source(), error.description());
    return faults;
  }
  Config config;
  Reader reader(name, faults);
  for (const auto& [key, node] : table) {
    if (key == "socket") {
      reader.read_path(node, "socket", config.socket);
    } else if (key == "root") {
      reader.read_root(node, config.root);
    } else if (key == "bus") {
      reader.read_bus(node, config.bus);
    } else if (key == "access") {
      if (!node.is_table()) {
        reader.fault(node.source(), "access must be a table: [access]");
        continue;
      }
      for (const auto& [inner, value] : *node.as_table()) {
        if (inner == "open-runs-users")
          reader.read_names(value, "open-runs-users", config.users);
        else if (inner == "open-runs-groups")
          reader.read_names(value, "open-runs-groups", config.groups);
        else if (inner == "query")
          reader.read_query(value, config.query);
        else
          reader.unknown(inner, "[access]");
      }
    } else {
      reader.unknown(key, "the configuration");
    }
  }
  if (!faults.messages.empty()) return faults;
  return config;
}

Result<Config, Faults> read(const std::string& path) {
  auto content = sys::read_file_at(AT_FDCWD, path);
  if (!content) return Faults{{content.error().message()}};
  return parse(*content, path);
}

}  // namespace reeve::config
