#include "base/paths.hpp"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(SocketToCall, IsTheSystemsForAUserWithoutARuntimeDirectory) {
  const char* present = std::getenv("XDG_RUNTIME_DIR");
  const std::string before = present != nullptr ? present : "";
  ::unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(usual_socket_to_call(), "/run/reeve/io.reeve.Registry");
  if (present != nullptr) ::setenv("XDG_RUNTIME_DIR", before.c_str(), 1);
}

TEST(RootBesideUnit, IsFoundFromWhereverInTheUnitTheProcessIs) {
  for (const char* own : {"/reeve.slice/reeved.service", "/reeve.slice/reeve-runs.service/.control",
                          "/reeve.slice/reeved.service/a/b"})
    EXPECT_EQ(root_beside_unit(own, "../reeve-runs.service"), "/reeve.slice/reeve-runs.service");
  EXPECT_EQ(root_beside_unit("/user@0.service/app.slice/x.scope", "../../y.slice/z"),
            "/user@0.service/y.slice/z");
}

TEST(RootBesideUnit, IsNoneWhereThereIsNoUnitOrThePathLeadsNowhere) {
  EXPECT_EQ(root_beside_unit("/", "../x"), std::nullopt);
  EXPECT_EQ(root_beside_unit("/user.slice", "../x"), std::nullopt);
  EXPECT_EQ(root_beside_unit("/a.service", "../../x"), std::nullopt);
  EXPECT_EQ(root_beside_unit("/a.service", ".."), std::nullopt);
  EXPECT_EQ(root_beside_unit("/a.service", "../"), std::nullopt);
}

}  // namespace
}  // namespace reeve
