// io.systemd.service: what an administrator asks of a service, and who may.
#include <signal.h>

#include "support/users.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

const User alice{40001}, stranger{40003};

class Administration : public ::testing::Test {
 protected:
  World world_;

  // "success", or the error's name without its interface's and what it says.
  [[nodiscard]] std::string ask(const std::string& method,
                                const std::string& parameters = "{}") const {
    auto client = world_.connect();
    const auto reply = client.call("io.systemd.service." + method, parameters);
    if (!reply) return reply.error().message();
    if (reply->error.empty()) return "success " + reply->parameters;
    return reply->error.substr(reply->error.rfind('.') + 1) + " " + reply->parameters;
  }
  [[nodiscard]] std::string open_run_as(const User& user) const {
    return as(user, [this] {
      auto client = world_.connect();
      return outcome(call_on<api::OpenRun>(client, {}));
    });
  }
  void allow(const std::string& user) const {
    world_.configure("[access]\nopen-runs-users = [\"" + user + "\"]\n");
  }
};

TEST_F(Administration, AnybodyMayPing) {
  EXPECT_EQ(as(stranger, [this] { return ask("Ping"); }), "success {}");
}

TEST_F(Administration, IsForRootAlone) {
  for (const char* method : {"Reload", "GetEnvironment"})
    EXPECT_TRUE(as(stranger, [&] { return ask(method); }).starts_with("PermissionDenied"))
        << method;
  EXPECT_TRUE(as(stranger, [&] {
                return ask("SetLogLevel", R"({"level":7})");
              }).starts_with("PermissionDenied"));
  EXPECT_NE(ask("GetEnvironment").find("NOTIFY_SOCKET="), std::string::npos);
}

TEST_F(Administration, TheLogTellsAsMuchAsWasAskedFor) {
  EXPECT_TRUE(ask("SetLogLevel", R"({"level":8})").starts_with("InvalidParameter"));
  EXPECT_TRUE(ask("SetLogLevel", R"({"level":-1})").starts_with("InvalidParameter"));
  const auto ends_a_run = [this] {
    auto owner = Child::sleeper();
    const auto run = world_.open_run(owner);
    owner.kill();
    ASSERT_TRUE(eventually([this] { return world_.root_is_empty(); }));
  };
  ASSERT_EQ(ask("SetLogLevel", R"({"level":3})"), "success {}");
  ends_a_run();
  EXPECT_EQ(world_.daemon_log().find("is gone"), std::string::npos) << world_.daemon_log();
  ASSERT_EQ(ask("SetLogLevel", R"({"level":7})"), "success {}");
  ends_a_run();
  EXPECT_NE(world_.daemon_log().find("killing what it left"), std::string::npos)
      << world_.daemon_log();
}

TEST_F(Administration, AConfigurationIsReadAgainByACallOrASignal) {
  world_.configure("");
  world_.restart();
  EXPECT_EQ(open_run_as(alice), "PermissionDenied");
  allow("40001");
  EXPECT_EQ(ask("Reload"), "success {}");
  EXPECT_EQ(open_run_as(alice), "success");
  allow("40003");
  ::kill(world_.daemon_pid(), SIGHUP);
  EXPECT_TRUE(eventually([this] { return open_run_as(stranger) == "success"; }));
  EXPECT_EQ(open_run_as(alice), "PermissionDenied");
}

TEST_F(Administration, AWrongConfigurationIsExplainedAndNotFollowed) {
  allow("40001");
  world_.restart();
  world_.configure("[access]\nopen-runs-users = [\"40003\"]\nsurprise = 1\n");
  const auto refused = ask("Reload");
  EXPECT_TRUE(refused.starts_with("ConfigurationInvalid")) << refused;
  EXPECT_NE(refused.find("reeve.toml:3:1"), std::string::npos) << refused;
  EXPECT_EQ(open_run_as(alice), "success");
  EXPECT_EQ(open_run_as(stranger), "PermissionDenied");
}

}  // namespace
}  // namespace reeve::test
