// The table of what kernels offer, and how it is named in REEVE_WITHOUT.
#include "sys/features.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace reeve::sys {
namespace {

FeatureSet named(std::string_view text) {
  const auto set = features_named(text);
  EXPECT_TRUE(set) << text;
  return set ? *set : FeatureSet{};
}

FeatureSet only(Feature feature) {
  return FeatureSet{}.set(static_cast<std::size_t>(feature));
}

TEST(Features, AreDescribedInTheirOrderEachByANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < features.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(features[i].feature), i) << features[i].name;
    EXPECT_TRUE(names.insert(features[i].name).second) << features[i].name;
    EXPECT_EQ(named(features[i].name), only(features[i].feature));
  }
  EXPECT_FALSE(names.contains("all"));
}

TEST(Features, AreNamedOneByOneOrAllAtOnce) {
  EXPECT_TRUE(named("").none());
  EXPECT_TRUE(named("all").all());
  EXPECT_EQ(named("pidfs,pidfd-exit"), only(Feature::pidfs) | only(Feature::pidfd_exit));
  EXPECT_EQ(named(" pidfs , pidfs,"), only(Feature::pidfs));
}

TEST(Features, AreNamedBackInTheirOrder) {
  EXPECT_EQ(names_of({}), "");
  EXPECT_EQ(names_of(named("pidfd-exit,pidfs")), "pidfs, pidfd-exit");
}

TEST(Features, AWrongNameIsNoneOfThem) {
  for (const auto& [text, wrong] :
       {std::pair{"pidf", "pidf"}, {"pidfs,PIDFS", "PIDFS"}, {"pidfs,all", "all"}, {"-", "-"}}) {
    const auto set = features_named(text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error(), wrong);
  }
}

TEST(Features, AreAllInTheManualPage) {
  std::ostringstream page;
  page << std::ifstream(REEVE_SOURCE_ROOT "/man/reeved.8.scd").rdbuf();
  for (const auto& feature : features) {
    const auto row = "|  " + std::string(feature.name) + "\n:  " + std::string(feature.since);
    EXPECT_NE(page.str().find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace reeve::sys
