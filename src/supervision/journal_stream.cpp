#include "supervision/journal_stream.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.hpp"

namespace reeve::supervision {

FileDescriptor journal_stream(const std::string& identifier, const std::string& unit,
                              int priority) {
  // A journald that hangs must not hold up reeved.
  FileDescriptor stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  constexpr sockaddr_un address{AF_UNIX, "/run/systemd/journal/stdout"};
  if (!stream ||
      ::connect(stream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::shutdown(stream.get(), SHUT_RD) < 0)
    return {};
  // As much as systemd's own services may be ahead of journald.
  constexpr int buffer_bytes = 8 << 20;
  if (::setsockopt(stream.get(), SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes) <
      0)
    ::setsockopt(stream.get(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
  // systemd's src/journal/journald-stream.c: lines may begin with a priority of their own, and are
  // not passed on to syslog, the kernel's log or the console.
  const auto header = fmt::format("{}\n{}\n{}\n1\n0\n0\n0\n", identifier, unit, priority);
  const auto sent = ::send(stream.get(), header.data(), header.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(header.size())) return {};
  ::fcntl(stream.get(), F_SETFL, ::fcntl(stream.get(), F_GETFL) & ~O_NONBLOCK);
  return stream;
}

// The outermost: units of a user's service manager are inside of that manager's.
std::string unit_of(std::string_view control_group) {
  for (const auto component : split(control_group, '/'))
    if (component.ends_with(".service") || component.ends_with(".scope"))
      return std::string(component);
  return {};
}

}  // namespace reeve::supervision
