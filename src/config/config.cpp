#include "config/config.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/paths.hpp"
#include "config/pool_tables.hpp"
#include "config/reader.hpp"
#include "sys/calls.hpp"

namespace reeve::config {

namespace {

constexpr const char* access_title = "[access]";
constexpr const char* file_title = "the configuration";

constexpr std::array<Key<Config>, 3> access_keys{{
    {"open-runs-users", [](Config& to, const Value& value) { assign(to.users, value.texts()); }},
    {"open-runs-groups", [](Config& to, const Value& value) { assign(to.groups, value.texts()); }},
    {"query",
     [](Config& to, const Value& value) {
       assign(to.query, value.one_of<Query>({{"anyone", Query::anyone}, {"own", Query::own}}));
     }},
}};

void take_root(Config& config, const Value& value) {
  const auto path = value.path();
  if (!path) return;
  config.root = root_path(*path);
  if (!config.root) value.must("be the path of a cgroup below the cgroup2 mount: \"/reeve\"");
}

constexpr std::array<Key<Config>, 5> file_keys{{
    {"socket", [](Config& to, const Value& value) { assign(to.socket, value.path()); }},
    {"root", take_root},
    {"bus",
     [](Config& to, const Value& value) {
       assign(to.bus, value.text("be the address of a message bus, or \"none\""));
     }},
    {"access", [](Config& to,
                  const Value& value) { value.table<Config>(to, access_title, "", access_keys); }},
    {"pool", [](Config& to, const Value& value) { read_pools(to.pools, value); }},
}};

// false: it is no TOML.
bool read_text(Config& config, const Text& text, Reader& reader) {
  try {  // the library as Debian builds it throws; no further than here
    const auto table = toml::parse(text.content, text.name);
    Value(reader, table, "").table<Config>(config, file_title, "", file_keys);
    reader.sort_faults();
    return true;
  } catch (const toml::parse_error& error) {
    reader.fault(error.source(), error.description());
    reader.sort_faults();
    return false;
  }
}

Result<Config, Faults> read_texts(const std::vector<Text>& texts,
                                  std::vector<std::string> messages) {
  Config config;
  Reader reader(known_tables());
  bool all_read = messages.empty();
  for (const auto& text : texts)
    all_read = read_text(config, text, reader) && all_read;
  // What seems to be missing may stand where nothing could be read.
  if (all_read) check_pools(config.pools, reader);
  for (auto& message : reader.messages())
    messages.push_back(std::move(message));
  if (messages.empty()) return config;
  return Faults{std::move(messages), std::move(config)};
}

// The names of the drop-ins, each a path; hidden ones are an editor's.
Result<std::vector<std::string>> drop_ins(const std::string& directory) {
  const auto opened = sys::open_directory_at(AT_FDCWD, directory);
  if (opened.error_is(ENOENT)) return std::vector<std::string>{};
  if (!opened) return opened.error();
  const auto names = sys::list_names(opened->get());
  if (!names) return names.error();
  std::vector<std::string> paths;
  for (const auto& name : *names)
    if (name.ends_with(".toml") && !name.starts_with('.')) paths.push_back(directory + "/" + name);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::vector<KnownTable> known_tables() {
  std::vector<KnownTable> known{{file_title, names_of<Config>(file_keys)},
                                {access_title, names_of<Config>(access_keys)}};
  for (auto& table : known_pool_tables())
    known.push_back(std::move(table));
  return known;
}

Result<Config, Faults> parse(const std::vector<Text>& files) {
  return read_texts(files, {});
}

Result<Config, Faults> parse(const std::string& text, const std::string& name) {
  return parse({{name, text}});
}

Result<Config, Faults> read(const std::string& path, Presence presence) {
  std::vector<std::string> messages;
  std::vector<Text> texts;
  const auto take = [&](const std::string& file, Presence wanted) {
    auto content = sys::read_file_at(AT_FDCWD, file);
    if (content)
      texts.push_back({file, std::move(*content)});
    else if (wanted == Presence::required || !content.error_is(ENOENT))
      messages.push_back(content.error().message());
  };
  take(path, presence);
  const auto more = drop_ins(path + ".d");
  if (!more) messages.push_back(more.error().message());
  if (more)
    for (const auto& file : *more)
      take(file, Presence::required);
  return read_texts(texts, std::move(messages));
}

}  // namespace reeve::config
