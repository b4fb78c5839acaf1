// main() of the integration tests: integration [FILE] [OPTION…] runs those that FILE holds, or all.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "support/guardian.hpp"

namespace {

// A filter for the tests of integration/FILE_test.cpp.
std::string tests_of(std::string_view file) {
  const auto wanted = "/" + std::string(file) + "_test.cpp";
  std::string filter;
  const auto& all = *::testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i)
    for (int j = 0; j < all.GetTestSuite(i)->total_test_count(); ++j) {
      const auto& test = *all.GetTestSuite(i)->GetTestInfo(j);
      if (!std::string_view(test.file()).ends_with(wanted)) continue;
      filter += std::string(filter.empty() ? "" : ":") + test.test_suite_name() + "." + test.name();
    }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const std::string filter = GTEST_FLAG_GET(filter);
  if (argc > 1) {
    // One that begins with a minus names what is left out.
    const auto chosen = filter == "*"             ? tests_of(argv[1])
                        : filter.starts_with('-') ? tests_of(argv[1]) + filter
                                                  : filter;
    GTEST_FLAG_SET(filter, chosen.empty() ? "no such file" : chosen);
  }
  return reeve::test::under_guard([] { return RUN_ALL_TESTS(); });
}
