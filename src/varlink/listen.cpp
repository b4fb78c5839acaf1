#include "varlink/listen.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace reeve::varlink {

Result<FileDescriptor> listen_at(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG, path, "listen on socket"};
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error{errno, path, "make a socket for"};
  // The mode must not be wider for a moment than it is to be in the end.
  const mode_t before = ::umask(0777);
  int bound = ::bind(socket.get(), generic, sizeof address) < 0 ? errno : 0;
  if (bound == EADDRINUSE) {
    const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), generic, sizeof address) < 0 && errno == ECONNREFUSED) {
      ::unlink(path.c_str());
      bound = ::bind(socket.get(), generic, sizeof address) < 0 ? errno : 0;
    }
  }
  ::umask(before);
  if (bound != 0) return Error{bound, path, "bind socket"};
  if (::chmod(path.c_str(), mode) < 0) return Error{errno, path, "set the mode of socket"};
  if (::listen(socket.get(), SOMAXCONN) < 0) return Error{errno, path, "listen on socket"};
  return socket;
}

}  // namespace reeve::varlink
