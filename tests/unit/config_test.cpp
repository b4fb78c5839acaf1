#include "config/config.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.hpp"

namespace reeve::config {

namespace {

namespace fs = std::filesystem;

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
      "bus = 'none'\n"
      "[access]\n"
      "open-runs-users = [\"ci\", \"1000\"]\n"
      "open-runs-groups = [\n  \"builders\",\n]\n"
      "query = \"own\"\n",
      "reeve.toml");
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_EQ(config->socket, "/run/elsewhere/io.reeve.Registry");
  EXPECT_EQ(config->root, "/reeve-runs.service");
  EXPECT_EQ(config->bus, "none");
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
    EXPECT_FALSE(config->bus.has_value());
    EXPECT_TRUE(config->pools.empty());
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
      {"socket = \"/a\\u0000b\"\n", "1:10", "socket must be a string, an absolute path"},
      {"bus = 3\n", "1:7", "bus must be the address of a message bus, or \"none\""},
      {"bus = \"\"\n", "1:7", "bus must be the address of a message bus"},
      {"sockets = \"/a\"\n", "1:1", "sockets is not a key of the configuration; is socket meant?"},
      {"  [pools]\n", "1:4", "pools is not a key of the configuration; is pool meant?"},
      {"[acess]\n", "1:2", "acess is not a key of the configuration; is access meant?"},
      {"nothing-alike = 1\n", "1:1", "nothing-alike is not a key of the configuration\n"},
      {"query = \"own\"\n", "1:1",
       "query is not a key of the configuration; it belongs in [access]"},
      {"[access]\nopen-runs = []\n", "2:1", "open-runs is not a key of [access]"},
      {"[access]\nopen-run-user = []\n", "2:1",
       "open-run-user is not a key of [access]; is open-runs-users meant?"},
      {"[access]\nsocket = \"/a\"\n", "2:1",
       "socket is not a key of [access]; it belongs above all tables"},
      {"\"two\\nlines\\u001b[31m\" = 1\n", "1:1", "two\\x0alines\\x1b[31m is not a key"},
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
    EXPECT_NE((message + '\n').find(each.words), std::string::npos) << message;
  }
}

TEST(Config, TellsAllFaultsInTheirOrder) {
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
  const auto& messages = config.error().messages;
  const Names places{"1:10", "2:8", "3:1", "5:26", "5:29", "6:20", "7:1"};
  ASSERT_EQ(messages.size(), places.size());
  for (std::size_t i = 0; i < places.size(); ++i)
    EXPECT_TRUE(messages[i].starts_with(fmt::format("/etc/reeve.toml:{}: ", places[i])))
        << messages[i];
}

TEST(Config, WhatIsNotWrongIsReadNevertheless) {
  const auto config = parse(
      "socket = 1\n"
      "[access]\n"
      "open-runs-users = ['ci']\n",
      "reeve.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_FALSE(config.error().rest.socket.has_value());
  EXPECT_EQ(names_of(config.error().rest.users), Names{"ci at reeve.toml:3:20"});
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

TEST(Config, ALaterFileReplacesSingleKeys) {
  const auto config = parse({
      {"reeve.toml",
       "socket = '/run/a'\n"
       "root = '/a'\n"
       "[access]\n"
       "open-runs-users = ['ci', 'cd']\n"
       "query = 'own'\n"},
      {"10.toml",
       "root = '/b'\n"
       "access.open-runs-users = ['alice']\n"
       "access.open-runs-groups = ['builders']\n"},
      {"20.toml", "root = '/c'\n"},
  });
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_EQ(config->socket, "/run/a");
  EXPECT_EQ(config->root, "/c");
  EXPECT_EQ(names_of(config->users), Names{"alice at 10.toml:2:27"});
  EXPECT_EQ(names_of(config->groups), Names{"builders at 10.toml:3:28"});
  EXPECT_EQ(config->query, Query::own);
}

TEST(Config, TellsTheFaultsOfEveryFileEvenWhereOneIsNoTomlOrALaterOneReplacesThem) {
  const auto config = parse({
      {"reeve.toml", "root = 1\nsokcet = 2\n"},
      {"10.toml", "root = \n"},
      {"20.toml", "root = '/c'\nroots = '/d'\n"},
  });
  ASSERT_FALSE(config.ok());
  const auto& messages = config.error().messages;
  ASSERT_EQ(messages.size(), 4U);
  const Names places{"reeve.toml:1:8: root", "reeve.toml:2:1: sokcet",
                     "10.toml:1:", "20.toml:2:1: roots"};
  for (std::size_t i = 0; i < places.size(); ++i)
    EXPECT_TRUE(messages[i].starts_with(places[i])) << messages[i];
}

class DropIns : public ::testing::Test {
 protected:
  DropIns() {
    std::string pattern = ::testing::TempDir() + "reeve-unit-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    fs::create_directory(path() + ".d");
  }
  ~DropIns() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ / "reeve.toml"; }
  [[nodiscard]] std::string drop_in(const std::string& name) const { return path() + ".d/" + name; }
  static void write(const std::string& file, const std::string& content) {
    std::ofstream(file) << content;
  }
  static void expect_one_fault(const Result<Config, Faults>& config, const std::string& file,
                               const std::string& words) {
    ASSERT_FALSE(config.ok());
    ASSERT_EQ(config.error().messages.size(), 1U);
    const auto& message = config.error().messages.front();
    EXPECT_NE(message.find(file), std::string::npos) << message;
    EXPECT_NE(message.find(words), std::string::npos) << message;
  }

  fs::path directory_;
};

TEST_F(DropIns, AreReadInTheOrderOfTheirNames) {
  write(path(), "root = '/a'\nsocket = '/a'\nbus = 'none'\n");
  write(drop_in("9.toml"), "root = '/nine'\n");
  write(drop_in("10.toml"), "root = '/ten'\nsocket = '/ten'\n");
  const auto config = read(path());
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_EQ(config->root, "/nine");
  EXPECT_EQ(config->socket, "/ten");
  EXPECT_EQ(config->bus, "none");
}

TEST_F(DropIns, AreOnlyWhatIsNamedSoAndNotHidden) {
  write(path(), "root = '/a'\n");
  for (const char* name : {"x.toml~", "x.toml.bak", "toml", ".x.toml", "README"})
    write(drop_in(name), "nonsense");
  const auto config = read(path());
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_EQ(config->root, "/a");
}

TEST_F(DropIns, AreOfTheirOwnFileAlone) {
  write(path(), "");
  write(drop_in("x.toml"), "root = '/x'\n");
  const auto other = (directory_ / "other.toml").string();
  write(other, "root = '/other'\n");
  EXPECT_EQ(read(other)->root, "/other");
}

TEST_F(DropIns, MayBeThereWithoutTheFileWhereThatMayBeMissing) {
  write(drop_in("x.toml"), "root = '/x'\n");
  const auto config = read(path(), Presence::optional);
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_EQ(config->root, "/x");
  expect_one_fault(read(path()), path(), "ENOENT");

  fs::remove_all(path() + ".d");
  const auto nothing = read(path(), Presence::optional);
  ASSERT_TRUE(nothing.ok()) << nothing.error().messages.front();
  EXPECT_FALSE(nothing->root.has_value());
}

TEST_F(DropIns, NamePlacesByTheirOwnPaths) {
  write(path(), "");
  write(drop_in("x.toml"), "\nroot = 1\n");
  expect_one_fault(read(path()), drop_in("x.toml") + ":2:8: ", "root must be");
}

TEST_F(DropIns, ThatCannotBeReadAreFaults) {
  write(path(), "");
  fs::create_directory(drop_in("x.toml"));
  expect_one_fault(read(path()), drop_in("x.toml"), "EISDIR");

  fs::remove_all(drop_in("x.toml"));
  fs::create_symlink("nowhere", drop_in("x.toml"));
  expect_one_fault(read(path()), drop_in("x.toml"), "ENOENT");

  fs::remove_all(path() + ".d");
  write(path() + ".d", "");
  expect_one_fault(read(path()), path() + ".d", "ENOTDIR");
}

std::string source(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(REEVE_SOURCE_ROOT + ("/" + path)).rdbuf();
  return content.str();
}

// From a line of the text on, up to the next line that begins so.
std::string part_of(const std::string& text, const std::string& line, const std::string& next) {
  const auto begin = text.find("\n" + line + "\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find("\n" + next, begin + line.size() + 1) - begin);
}

TEST(ConfigManual, DescribesEveryKeyInItsTableAndNoOther) {
  const auto page = source("man/reeve.toml.5.scd");
  for (const auto& [title, keys] : known_tables()) {
    const auto heading = title.starts_with('[') ? title : "THE BEGINNING OF THE FILE";
    const auto section = part_of(page, "# " + heading, "# ");
    std::set<std::string_view> described;
    for (const auto line : split(section, '\n'))
      if (line.starts_with('*') && line.find("* = ") != std::string_view::npos)
        for (const auto word : split(line, ' '))
          if (word.starts_with('*')) described.insert(word.substr(1, word.size() - 2));
    std::set<std::string_view> known;
    for (const auto key : keys)
      if (page.find(title.starts_with("[pool") ? fmt::format("# [pool.NAME.{}]\n", key)
                                               : fmt::format("# [{}", key)) == std::string::npos)
        known.insert(key);  // tables have a section of their own
    EXPECT_EQ(described, known) << title;
  }
}

TEST(ConfigManual, HasAnExampleThatIsRight) {
  const auto page = source("man/reeve.toml.5.scd");
  const auto example = part_of(part_of(page, "# EXAMPLE", "# "), "```", "```").substr(4);
  const auto config = parse(example, "example");
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_EQ(config->pools.size(), 2U);
}

TEST(FirstConfiguration, IsRightAsItIsAndWithAllThatIsCommentedOut) {
  const auto first = source("units/reeve.toml");
  const auto as_it_is = parse(first, "reeve.toml");
  ASSERT_TRUE(as_it_is.ok()) << as_it_is.error().messages.front();
  EXPECT_TRUE(as_it_is->pools.empty());
  EXPECT_EQ(as_it_is->groups.size(), 1U);

  std::string with_all;
  for (auto line : split(first, '\n')) {
    if (line.starts_with("# [") || (line.starts_with("# ") && line.find(" = ") != line.npos))
      line.remove_prefix(2);
    with_all.append(line) += '\n';
  }
  const auto config = parse(with_all, "reeve.toml");
  ASSERT_TRUE(config.ok()) << config.error().messages.front();
  EXPECT_TRUE(config->socket.has_value());
  ASSERT_EQ(config->pools.size(), 1U);
  EXPECT_TRUE(config->pools.front().limits.tasks_max.has_value());
}

}  // namespace

}  // namespace reeve::config
