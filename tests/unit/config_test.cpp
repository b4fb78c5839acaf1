#include "config/config.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace reeve::config {

namespace {

using Names = std::vector<std::string>;

Names names_of(const std::vector<Named>& all) {
  Names names;
  for (const auto& each : all)
    names.push_back(each.name + " at " + each.where);
  return names;
}

TEST(Config, ReadsEveryKey) {
  const auto config = parse(
      "# reeve.toml\n"
      "socket = \"/run/elsewhere/io.reeve.Registry\"\n"
      "root = '/reeve-runs.service'\n"
      "\n"
      "[access]\n"
      "open-runs-users = [\"ci\", \"1000\"]\n"
      "open-runs-groups = [\n  \"builders\",\n]\n"
      "query = \"own\"\n",
      "reeve.toml");
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_EQ(config->socket, "/run/elsewhere/io.reeve.Registry");
  EXPECT_EQ(config->root, "/reeve-runs.service");
  EXPECT_EQ(names_of(config->users), (Names{"ci at reeve.toml:6:20", "1000 at reeve.toml:6:26"}));
  EXPECT_EQ(names_of(config->groups), Names{"builders at reeve.toml:8:3"});
  EXPECT_EQ(config->query, Query::own);
}

TEST(Config, NeedsNoKeyAtAll) {
  for (const char* text :
       {"", "\n# nothing\n", "[access]\n", "access = {}\n", "[access]\nopen-runs-users = []\n"}) {
    const auto config = parse(text, "reeve.toml");
    ASSERT_TRUE(config.ok()) << text;
    EXPECT_FALSE(config->socket.has_value());
    EXPECT_FALSE(config->root.has_value());
    EXPECT_TRUE(config->users.empty());
    EXPECT_TRUE(config->groups.empty());
    EXPECT_EQ(config->query, Query::anyone);
  }
}

TEST(Config, TellsWhereAFaultIsAndWhatIsWrong) {
  struct Case {
    const char* text;
    const char* place;
    const char* words;
  };
  const Case cases[] = {
      {"socket = 3\n", "1:10", "socket must be a string, an absolute path"},
      {"\n\nsocket = \"\"\n", "3:10", "socket must be a string, an absolute path"},
      {"socket = \"reeve.socket\"\n", "1:10", "socket must be a string, an absolute path"},
      {"socket = [\"/a\"]\n", "1:10", "socket must be a string, an absolute path"},
      {"root=\"reeve\"\n", "1:6", "root must be a string, an absolute path"},
      {"root = \"/\"\n", "1:8", "root must be the path of a cgroup below the cgroup2 mount"},
      {"root = \"/a/../b\"\n", "1:8", "root must be the path of a cgroup"},
      {"root = true\n", "1:8", "root must be a string, an absolute path"},
      {"sockets = \"/a\"\n", "1:1", "sockets is not a key of the configuration"},
      {"  [pools]\n", "1:4", "pools is not a key of the configuration"},
      {"[access]\nopen-runs = []\n", "2:1", "open-runs is not a key of [access]"},
      {"[access]\nsocket = \"/a\"\n", "2:1", "socket is not a key of [access]"},
      {"[access]\nopen-runs-users = \"ci\"\n", "2:19", "open-runs-users must be a list of strings"},
      {"[access]\nopen-runs-groups = [\n 7,\n]\n", "3:2",
       "open-runs-groups must be a list of strings"},
      {"access = 3\n", "1:", "access"},
      {"[access]\nquery = true\n", "2:9", "query must be \"anyone\" or \"own\""},
      {"[access]\nquery = \"members\"\n", "2:9", "query must be \"anyone\" or \"own\""},
      // What the TOML library finds.
      {"root = \n", "1:", ""},
      {"root = \"/a\"\nroot = \"/b\"\n", "2:", ""},
      {"root = \"/a\n", "1:", ""},
      {"root = \"/\xff\"\n", "1:", ""},
      {"[access\n", "1:", ""},
  };
  for (const auto& each : cases) {
    const auto config = parse(each.text, "reeve.toml");
    ASSERT_FALSE(config.ok()) << each.text;
    ASSERT_EQ(config.error().messages.size(), 1U) << each.text;
    const auto& message = config.error().messages.front();
    EXPECT_TRUE(message.starts_with(fmt::format("reeve.toml:{}", each.place))) << message;
    EXPECT_NE(message.find(each.words), std::string::npos) << message;
  }
}

TEST(Config, TellsAllFaultsAtOnce) {
  const auto config = parse(
      "socket = 1\n"
      "root = 'relative'\n"
      "unknown = 2\n"
      "[access]\n"
      "open-runs-users = ['ci', 3, true]\n"
      "open-runs-groups = 4\n"
      "other = 5\n",
      "/etc/reeve.toml");
  ASSERT_FALSE(config.ok());
  auto messages = config.error().messages;
  std::sort(messages.begin(), messages.end());
  const Names places{"1:10", "2:8", "3:1", "5:26", "5:29", "6:20", "7:1"};
  ASSERT_EQ(messages.size(), places.size());
  for (std::size_t i = 0; i < places.size(); ++i)
    EXPECT_TRUE(messages[i].starts_with(fmt::format("/etc/reeve.toml:{}: ", places[i])))
        << messages[i];
}

TEST(Config, IsReadFromAFileAndNamesIt) {
  const auto path = testing::TempDir() + "reeve-unit-config.toml";
  std::ofstream(path) << "root = '/from-a-file'\n";
  const auto good = read(path);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->root, "/from-a-file");

  std::ofstream(path) << "nonsense = 1\n";
  const auto bad = read(path);
  ASSERT_FALSE(bad.ok());
  EXPECT_TRUE(bad.error().messages.front().starts_with(path + ":1:1: "));
  std::remove(path.c_str());

  const auto absent = read(path);
  ASSERT_FALSE(absent.ok());
  ASSERT_EQ(absent.error().messages.size(), 1U);
  EXPECT_NE(absent.error().messages.front().find(path), std::string::npos);
  EXPECT_NE(absent.error().messages.front().find("ENOENT"), std::string::npos);
}

}  // namespace

}  // namespace reeve::config
