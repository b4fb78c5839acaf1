// Every message with an id is explained, and nothing else is.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "base/text.hpp"

namespace reeve {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(std::string(REEVE_SOURCE_ROOT) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Catalog, ExplainsEveryMessageThatHasAnIdAndNoOther) {
  std::multiset<std::string> told, explained;
  const auto topics = read("src/base/topics.hpp");
  for (const auto line : split(topics, '\n'))
    if (const auto begin = line.find("{\""); line.starts_with("inline constexpr Topic"))
      told.insert(std::string(line.substr(begin + 2, 32)));
  const auto catalog = read("units/reeve.catalog");
  for (const auto line : split(catalog, '\n'))
    if (line.starts_with("-- ")) explained.insert(std::string(line.substr(3)));
  EXPECT_GT(told.size(), 5U);
  EXPECT_EQ(told, explained);
  EXPECT_EQ(std::set<std::string>(told.begin(), told.end()).size(), told.size()) << "each its own";
}

}  // namespace
}  // namespace reeve
