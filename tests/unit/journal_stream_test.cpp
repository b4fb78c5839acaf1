#include "supervision/journal_stream.hpp"

#include <gtest/gtest.h>

namespace reeve::supervision {
namespace {

TEST(UnitOf, IsWhatTheSystemsServiceManagerCallsIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"/reeve.slice/reeve-runs.service", "reeve-runs.service"},
      {"/reeve.slice/reeve-runs.service/below", "reeve-runs.service"},
      {"/user.slice/user-0.slice/user@0.service/app.slice/reeve-runs.service", "user@0.service"},
      {"/user.slice/user-0.slice/session-3.scope/reeve", "session-3.scope"},
      {"/reeve", ""},
      {"/", ""},
      {"", ""},
  };
  for (const auto& [control_group, unit] : cases)
    EXPECT_EQ(unit_of(control_group), unit) << control_group;
}

}  // namespace
}  // namespace reeve::supervision
