// What reeved's exit status says; documented in reeved(8).
#pragma once

namespace reeve::daemon {

enum ExitCode {
  exit_ok = 0,
  exit_failure = 1,
  exit_usage = 2,
  exit_no_cgroup2 = 3,
  exit_no_permission = 4,
  exit_no_io_uring = 5,
  exit_socket = 6,
  exit_root_in_use = 7,
  exit_configuration = 78,  // EX_CONFIG of sysexits.h
};

}  // namespace reeve::daemon
