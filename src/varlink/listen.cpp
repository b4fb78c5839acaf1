#include "varlink/listen.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "process/process.hpp"
#include "sys/calls.hpp"

namespace reeve::varlink {

namespace {

// Whether nobody serves the socket any more. Of a daemon that was killed the socket may accept
// connections for some time yet: its io_uring, which holds the socket, is taken down after the
// process has died. So the question is whether the process that listens is alive.
bool is_abandoned(const sockaddr* address, socklen_t length) {
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), address, length) < 0) return errno == ECONNREFUSED;
  ucred credentials{};
  if (sys::peer_credentials(probe.get(), credentials) < 0) return false;
  const int pidfd = sys::peer_pidfd(probe.get());
  auto listener = pidfd >= 0 ? process::Process::adopt(FileDescriptor(pidfd))
                             : process::Process::open(credentials.pid);
  if (listener.ok()) return !listener->is_alive();
  return listener.error().number == ESRCH;
}

}  // namespace

Result<FileDescriptor> listen_at(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG, path, "listen on socket"};
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error{errno, path, "make a socket for"};
  // Bound with the mode it is to have in the end: neither is it wider for a moment, nor does a
  // chmod(2) have to trust that the path still leads to it.
  const mode_t before = ::umask(0777 & ~mode);
  int bound = ::bind(socket.get(), generic, sizeof address) < 0 ? errno : 0;
  // connect(2) answers ECONNREFUSED for any file that is no socket, too: that one is not ours.
  struct stat present {};
  if (bound == EADDRINUSE && ::lstat(path.c_str(), &present) == 0 && !S_ISSOCK(present.st_mode))
    bound = EEXIST;
  if (bound == EADDRINUSE && is_abandoned(generic, sizeof address)) {
    ::unlink(path.c_str());
    bound = ::bind(socket.get(), generic, sizeof address) < 0 ? errno : 0;
  }
  ::umask(before);
  if (bound != 0) return Error{bound, path, "bind socket"};
  if (::listen(socket.get(), SOMAXCONN) < 0) return Error{errno, path, "listen on socket"};
  return socket;
}

std::string path_of(int socket) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) < 0) return {};
  if (size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] == '\0') return {};
  return std::filesystem::absolute(address.sun_path);
}

}  // namespace reeve::varlink
