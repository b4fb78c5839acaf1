// What a nursery is told and answers, over one SOCK_SEQPACKET socket: an Order, then a Born.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>

namespace reeve::test {

// A worker exits with this status when it gets SIGUSR1; other signals do what they always do.
inline constexpr int worker_exit_status = 7;

struct Order {
  pid_t pid = 0;  // 0: bear one
  int signal = 0;
  std::array<char, 480> directory{};
};

struct Born {
  pid_t pid = 0;                       // -errno if there is none
  std::int64_t clone_nanoseconds = 0;  // what clone3 took
};

}  // namespace reeve::test
