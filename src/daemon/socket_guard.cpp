#include "daemon/socket_guard.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/log.hpp"
#include "daemon/startup.hpp"

namespace reeve::daemon {

namespace {

// Where somebody removes it again and again, or nothing can be made there.
constexpr Microseconds before_another_attempt{1'000'000};

}  // namespace

SocketGuard::SocketGuard(loop::Loop& loop, std::string path,
                         std::function<void(FileDescriptor)> serve)
    : loop_(loop),
      path_(std::move(path)),
      serve_(std::move(serve)),
      changes_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (path_.empty()) return;
  if (!changes_)
    log::warning("{}", Error{errno, path_, "watch socket"}.message());
  else
    check();
}

// EADDRINUSE says that somebody listens there, as it should be.
void SocketGuard::check() {
  auto again = make_listener(path_);
  if (again.ok()) {
    log::tell(log::Level::notice, log::topic::socket_made_again, {},
              "socket {} was gone: listening there again", path_);
    has_made_it_ = true;
    serve_(std::move(*again));
  } else if (again.error().number != EADDRINUSE) {
    log::error("{}; nobody can connect until that works: trying on", again.error().message());
    retry_ = loop_.after(before_another_attempt, [this] { check(); });
    return;
  }
  watch();
}

// A name that goes is a changed attribute, the number of names, of a socket that is still held.
void SocketGuard::watch() {
  const auto what = IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
  if (::inotify_add_watch(changes_.get(), path_.c_str(), what) < 0) {
    retry_ = loop_.after(before_another_attempt, [this] { check(); });
    return;
  }
  watching_ = loop_.poll(changes_.get(), POLLIN, [this](int) {
    std::array<char, 4096> events;
    while (::read(changes_.get(), events.data(), events.size()) > 0) {
    }
    check();
  });
}

}  // namespace reeve::daemon
