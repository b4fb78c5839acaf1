// main() of the integration tests.
#include <gtest/gtest.h>

#include "support/guardian.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return reeve::test::under_guard([] { return RUN_ALL_TESTS(); });
}
