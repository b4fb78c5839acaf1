// The path of the listening socket, made again when somebody removes it: a cleaned /run must not
// cut reeved off from its clients.
#pragma once

#include <functional>
#include <string>

#include "base/fd.hpp"
#include "loop/loop.hpp"

namespace reeve::daemon {

class SocketGuard {
 public:
  // `serve` takes over a socket that listens at the path again.
  SocketGuard(loop::Loop& loop, std::string path, std::function<void(FileDescriptor)> serve);
  // Whether the socket at the path is one that was made here, and not the service manager's.
  [[nodiscard]] bool has_made_it() const { return has_made_it_; }

 private:
  void check();
  void watch();

  loop::Loop& loop_;
  std::string path_;
  std::function<void(FileDescriptor)> serve_;
  bool has_made_it_ = false;
  FileDescriptor changes_;  // inotify(7)
  loop::Operation watching_;
  loop::Timer retry_;
};

}  // namespace reeve::daemon
