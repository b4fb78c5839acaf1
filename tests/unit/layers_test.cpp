// Folders depend on each other in one direction. What each may include is written here; a folder
// that is new must be entered.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/text.hpp"

namespace reeve {

namespace {

namespace fs = std::filesystem;

// A room, with a slash at its end, or one header.
const std::map<std::string, std::set<std::string>> allowed{
    {"precompiled", {}},
    {"base", {"reeve/result.hpp"}},
    {"sys", {"base/"}},
    {"schema", {"base/"}},
    {"json", {"base/", "schema/"}},
    {"loop", {"base/", "sys/"}},
    {"process", {"base/", "sys/"}},
    {"cgroup", {"base/", "sys/", "reeve/"}},
    {"config", {"base/", "sys/", "reeve/"}},
    {"api", {"base/", "json/", "schema/", "reeve/"}},
    {"spawn", {"base/", "sys/", "schema/", "json/", "loop/", "process/", "cgroup/"}},
    {"registry",
     {"api/", "base/", "cgroup/", "spawn/", "json/", "schema/", "loop/", "process/", "sys/",
      "reeve/"}},
    {"supervision",
     {"config/", "registry/", "api/", "cgroup/", "spawn/", "json/", "schema/", "loop/", "process/",
      "base/", "sys/", "reeve/"}},
    {"service",
     {"supervision/", "registry/", "api/", "spawn/", "json/", "schema/", "loop/", "process/",
      "base/", "sys/", "reeve/"}},
    {"varlink",
     {"service/", "api/", "json/", "schema/", "loop/", "process/", "base/", "sys/", "registry/"}},
    {"bus",
     {"service/", "registry/", "api/", "json/", "schema/", "loop/", "process/", "sys/", "base/",
      "reeve/"}},
    {"client", {"varlink/client.hpp", "api/", "json/", "schema/", "base/", "sys/", "reeve/"}},
    {"ctl",
     {"varlink/client.hpp", "varlink/listen.hpp", "registry/names.hpp", "api/", "json/", "schema/",
      "base/", "cgroup/", "process/", "sys/", "reeve/"}},
    {"holder",
     {"registry/names.hpp", "spawn/spawner_process.hpp", "cgroup/", "process/", "sys/", "base/"}},
    {"daemon",
     {"varlink/", "bus/", "service/", "supervision/", "registry/", "api/", "config/", "cgroup/",
      "process/", "loop/", "spawn/", "json/", "schema/", "sys/", "base/", "reeve/"}},
};

// Libraries that one file, or one room, keeps from the rest.
const std::map<std::string, std::string> keepers{
    {"simdjson", "json/value.cpp"},
    {"toml++", "config/"},
    {"liburing", "loop/"},
};

// The tests' hand on the clock, and the log's way to the journal, which are below everything.
const std::set<std::pair<std::string, std::string>> exceptions{
    {"base/test_hooks.cpp", "sys/mman.h"}, {"base/log.cpp", "sys/stat.h"}};

struct Include {
  std::string file;
  bool in_quotes = false;
};

std::vector<Include> includes_of(std::string_view text) {
  std::vector<Include> includes;
  for (auto line : split(text, '\n')) {
    line = trim(line);
    if (!line.starts_with('#')) continue;
    line = trim(line.substr(1));
    if (!line.starts_with("include")) continue;
    line = trim(line.substr(7));
    const auto end = line.find_first_of("\">", 1);
    if (line.empty() || end == std::string_view::npos) continue;
    includes.push_back({std::string(line.substr(1, end - 1)), line.front() == '"'});
  }
  return includes;
}

bool is_below(std::string_view file, std::string_view room_or_file) {
  return room_or_file.ends_with('/') ? file.starts_with(room_or_file) : file == room_or_file;
}

// Why `file`, a path below src/, may not include this; empty if it may.
std::string objection(const std::string& file, const Include& include) {
  if (exceptions.contains({file, include.file})) return {};
  const auto room = file.substr(0, file.find('/'));
  const auto rule = allowed.find(room);
  if (rule == allowed.end()) return "the folder " + room + " has no rule in layers_test.cpp";
  for (const auto& [library, keeper] : keepers)
    if (include.file.starts_with(library) && !is_below(file, keeper))
      return "only " + keeper + " may use " + library;
  const auto target = include.file.substr(0, include.file.find('/'));
  const bool is_ours = include.in_quotes || target == "reeve" || allowed.contains(target);
  if (!is_ours || target == room) return {};
  const auto& permitted = rule->second;
  if (std::any_of(permitted.begin(), permitted.end(),
                  [&](const auto& each) { return is_below(include.file, each); }))
    return {};
  return room + "/ may not include " + include.file;
}

std::string content_of(const fs::path& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

std::vector<fs::path> sources_below(const fs::path& directory) {
  std::vector<fs::path> sources;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp")
      sources.push_back(entry.path());
  return sources;
}

const fs::path root = REEVE_SOURCE_ROOT;

TEST(Layers, AreKeptByEverySource) {
  const auto sources = sources_below(root / "src");
  ASSERT_GT(sources.size(), 50U);
  std::size_t seen = 0;
  for (const auto& source : sources) {
    const auto file = fs::relative(source, root / "src").string();
    for (const auto& include : includes_of(content_of(source))) {
      ++seen;
      EXPECT_EQ(objection(file, include), "") << "src/" << file;
    }
  }
  EXPECT_GT(seen, 3 * sources.size());
}

TEST(Layers, OfThePublicHeadersRestOnTheStandardLibraryAlone) {
  const auto headers = sources_below(root / "include");
  ASSERT_FALSE(headers.empty());
  for (const auto& header : headers)
    for (const auto& include : includes_of(content_of(header)))
      EXPECT_TRUE(include.file.starts_with("reeve/") ||
                  (!include.in_quotes && include.file.find_first_of("./") == std::string::npos))
          << header << " includes " << include.file;
}

TEST(Layers, PointInOneDirection) {
  // Visits each room before those that it rests on; a circle would leave some unvisited.
  std::set<std::string> placed;
  for (std::size_t round = 0; round < allowed.size(); ++round)
    for (const auto& [room, permitted] : allowed)
      if (std::all_of(permitted.begin(), permitted.end(), [&](const auto& each) {
            const auto below = each.substr(0, each.find('/'));
            return below == "reeve" || placed.contains(below);
          }))
        placed.insert(room);
  EXPECT_EQ(placed.size(), allowed.size());
}

TEST(LayerRules, FindWhatIsForbidden) {
  struct Case {
    const char* file;
    const char* line;
    bool forbidden;
  };
  const Case cases[] = {
      {"base/text.cpp", "#include \"base/text.hpp\"", false},
      {"base/text.cpp", "#include <string>", false},
      {"base/text.cpp", "#include <sys/stat.h>", true},
      {"base/text.cpp", "#include \"sys/calls.hpp\"", true},
      {"base/text.cpp", "#include \"reeve/types.hpp\"", true},
      {"base/text.cpp", "  #  include <reeve/types.hpp>", true},
      {"base/text.cpp", "#include \"other.hpp\"", true},
      {"base/text.cpp", "// #include \"sys/calls.hpp\"", false},
      {"json/value.cpp", "#include <simdjson.h>", false},
      {"json/other.cpp", "#include <simdjson.h>", true},
      {"config/config.cpp", "#include <toml++/toml.h>", false},
      {"daemon/main.cpp", "#include <toml++/toml.h>", true},
      {"loop/ring.cpp", "#include <liburing.h>", false},
      {"registry/move.cpp", "#include <liburing.h>", true},
      {"client/client.cpp", "#include \"varlink/client.hpp\"", false},
      {"client/client.cpp", "#include \"varlink/server.hpp\"", true},
      {"ctl/main.cpp", "#include <reeve/client.hpp>", false},
      {"ctl/main.cpp", "#include \"varlink/server.hpp\"", true},
      {"registry/names.cpp", "#include \"service/call.hpp\"", true},
      {"varlink/server.cpp", "#include \"ctl/output.hpp\"", true},
      {"unheard-of/x.cpp", "#include <string>", true},
  };
  for (const auto& [file, line, forbidden] : cases) {
    bool found = false;
    for (const auto& include : includes_of(line))
      found |= !objection(file, include).empty();
    EXPECT_EQ(found, forbidden) << file << ": " << line;
  }
}

}  // namespace

}  // namespace reeve
