#include "support/kernel.hpp"

#include <gtest/gtest.h>

#include "support/processes.hpp"
#include "sys/calls.hpp"

namespace reeve::test {

namespace {

void expect_exit(const Worker& worker, const Exit& expected) {
  ASSERT_TRUE(worker.exit) << worker.worker;
  const bool told = kernel_tells_exit_statuses();
  EXPECT_EQ(worker.exit->cause, told ? expected.cause : ExitCause::unknown) << worker.worker;
  EXPECT_EQ(worker.exit->code, told ? expected.code : std::nullopt) << worker.worker;
  EXPECT_EQ(worker.exit->signal, told ? expected.signal : std::nullopt) << worker.worker;
}

}  // namespace

bool kernel_tells_exit_statuses() {
  static const bool told = [] {
    auto child = Child::run([] { return 0; });
    const FileDescriptor pidfd(sys::pidfd_open(child.pid()));
    child.wait();
    sys::PidfdInfo info;
    return sys::pidfd_get_info(pidfd.get(), sys::pidfd_info_exit, info) == 0 &&
           (info.mask & sys::pidfd_info_exit) != 0;
  }();
  return told;
}

void expect_code(const Worker& worker, int code) {
  Exit exit;
  exit.cause = ExitCause::exited;
  exit.code = code;
  expect_exit(worker, exit);
}

void expect_signal(const Worker& worker, const std::string& signal, ExitCause cause) {
  Exit exit;
  exit.cause = cause;
  exit.signal = signal;
  expect_exit(worker, exit);
}

}  // namespace reeve::test
