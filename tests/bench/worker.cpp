// What all contestants keep running. It says to the datagram socket at $BENCH_SOCKET when it began,
// on CLOCK_MONOTONIC in nanoseconds, and its pid; to whom it is told to, by the number of a
// descriptor in $BENCH_READINESS, that it is ready; and waits to be killed.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

int main() {
  timespec begun{};
  ::clock_gettime(CLOCK_MONOTONIC, &begun);
  const std::int64_t report[] = {begun.tv_sec * 1'000'000'000 + begun.tv_nsec, ::getpid()};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const char* path = std::getenv("BENCH_SOCKET");
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) return 2;
  std::strcpy(address.sun_path, path);
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (::sendto(socket, report, sizeof report, 0, reinterpret_cast<const sockaddr*>(&address),
               sizeof address) != sizeof report) {
    std::perror(path);
    return 1;
  }
  if (const char* readiness = std::getenv("BENCH_READINESS"))
    (void)!::write(std::atoi(readiness), "\n", 1);
  for (;;)
    ::pause();
}
