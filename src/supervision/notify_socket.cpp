#include "supervision/notify_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/log.hpp"
#include "supervision/notification.hpp"
#include "sys/calls.hpp"

namespace reeve::supervision {

namespace {

// Before others have their turn.
constexpr int heard_at_once = 64;
// However much is sent meanwhile.
constexpr int heard_out_at_most = 4096;
constexpr int buffer_bytes = 8 << 20;
constexpr const char* before_its_name = ".new";

Result<process::Process> sender_of(sys::Received& received) {
  if (received.sender_pidfd)
    if (auto sender = process::Process::adopt(std::move(received.sender_pidfd))) return sender;
  if (!received.sender) return Error{ESRCH, {}, "find the sender of a notification"};
  return process::Process::open(received.sender->pid);
}

}  // namespace

bool is_notify_socket(const FileDescriptor& socket, const std::string& path) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  struct stat found {};
  return socket &&
         ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
         address.sun_path == path + before_its_name && ::stat(path.c_str(), &found) == 0 &&
         S_ISSOCK(found.st_mode);
}

// Renamed into place: at no moment is there no socket that an earlier reeved's workers know.
Result<FileDescriptor> make_notify_socket(const std::string& path) {
  const auto made = path + before_its_name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (made.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG, path, "make socket"};
  std::memcpy(address.sun_path, made.data(), made.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error{errno, path, "make socket"};
  ::unlink(made.c_str());
  const mode_t before = ::umask(0111);
  const int bound =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int failed = errno;
  ::umask(before);
  if (bound < 0) return Error{failed, path, "make socket"};
  if (::rename(made.c_str(), path.c_str()) < 0) return Error{errno, path, "make socket"};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  if (const int asked = sys::ask_for_senders(socket.get()); asked < 0)
    return Error{-asked, path, "learn who sends to socket"};
  return socket;
}

NotifySocket::NotifySocket(loop::Loop& loop, FileDescriptor socket, Handler handler)
    : loop_(loop), socket_(std::move(socket)), handler_(std::move(handler)) {
  if (socket_) listen();
}

void NotifySocket::listen() {
  readable_ = loop_.poll(socket_.get(), POLLIN, [this](int) {
    for (int heard = 0; heard < heard_at_once && hear_one(); ++heard) {
    }
    listen();
  });
}

void NotifySocket::hear_out() {
  // A message may tell of what leads here again.
  if (!socket_ || std::exchange(is_hearing_, true)) return;
  for (int heard = 0; heard < heard_out_at_most && hear_one(); ++heard) {
  }
  is_hearing_ = false;
}

// What came along is closed when all has been done that was asked for: sd_notify_barrier(3).
bool NotifySocket::hear_one() {
  std::array<char, longest_notification + 1> buffer;
  sys::Received received;
  if (sys::receive_with_sender(socket_.get(), buffer, received) < 0) return false;
  if (received.bytes > longest_notification) return true;
  const auto sender = sender_of(received);
  if (sender.ok())
    handler_(*sender, std::string_view(buffer.data(), received.bytes));
  else
    log::debug("a notification is not heeded: {}", sender.error().message());
  return true;
}

}  // namespace reeve::supervision
