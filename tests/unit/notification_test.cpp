// What workers say of themselves, as sd_notify(3) has it.
#include "supervision/notification.hpp"

#include <gtest/gtest.h>

namespace reeve::supervision {
namespace {

using std::chrono::microseconds;

TEST(Notification, SaysWhatItsLinesSay) {
  const auto said = parse_notification(
      "READY=1\nSTATUS=serving 3 clients\nMAINPID=4711\nWATCHDOG_USEC=2000000\n"
      "EXTEND_TIMEOUT_USEC=30\nWATCHDOG=1\nSTOPPING=1");
  EXPECT_TRUE(said.is_ready);
  EXPECT_TRUE(said.is_stopping);
  EXPECT_EQ(said.status, "serving 3 clients");
  EXPECT_EQ(said.main_process, 4711);
  EXPECT_EQ(said.watchdog_interval, microseconds(2'000'000));
  EXPECT_EQ(said.more_time, microseconds(30));
  EXPECT_EQ(said.watchdog, Notification::Watchdog::fed);
}

TEST(Notification, SaysNothingOfWhatCannotBeMeant) {
  for (const char* text : {"",
                           "\n\n",
                           "READY",
                           "READY=0",
                           "READY=11",
                           "ready=1",
                           " READY=1",
                           "STOPPING=yes",
                           "MAINPID=0",
                           "MAINPID=-5",
                           "MAINPID=99999999999999",
                           "MAINPID=1x",
                           "WATCHDOG=0",
                           "WATCHDOG_USEC=0",
                           "WATCHDOG_USEC=-1",
                           "WATCHDOG_USEC=x",
                           "EXTEND_TIMEOUT_USEC=",
                           "STATUS=\x1b[31mred",
                           "STATUS=\xff",
                           "FDSTORE=1",
                           "X_MINE=1"}) {
    const auto said = parse_notification(text);
    EXPECT_FALSE(said.is_ready) << text;
    EXPECT_FALSE(said.is_stopping) << text;
    EXPECT_FALSE(said.main_process) << text;
    EXPECT_FALSE(said.watchdog_interval) << text;
    EXPECT_FALSE(said.more_time) << text;
    EXPECT_FALSE(said.status) << text;
    EXPECT_EQ(said.watchdog, Notification::Watchdog::silent) << text;
  }
}

TEST(Notification, MayTakeBackWhatItSaid) {
  EXPECT_EQ(parse_notification("STATUS=").status, "");
  EXPECT_EQ(parse_notification("WATCHDOG=trigger").watchdog, Notification::Watchdog::triggered);
}

TEST(Notification, IsBounded) {
  EXPECT_FALSE(parse_notification("STATUS=" + std::string(longest_status + 1, 'x')).status);
  EXPECT_EQ(parse_notification("WATCHDOG_USEC=9223372036854775807").watchdog_interval,
            std::chrono::hours(24 * 365));
}

}  // namespace
}  // namespace reeve::supervision
