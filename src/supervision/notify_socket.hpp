// Where workers say how they are: the socket of sd_notify(3). Who has sent a message is what the
// kernel says (SCM_PIDFD, Linux 6.5, or SCM_CREDENTIALS), never what the message says.
#pragma once

#include <functional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "loop/loop.hpp"
#include "process/process.hpp"

namespace reeve::supervision {

// At a path, where it takes the place of what an earlier reeved left; anyone may send.
Result<FileDescriptor> make_notify_socket(const std::string& path);
// Whether it is one that was made so, and can still be found there.
bool is_notify_socket(const FileDescriptor& socket, const std::string& path);

class NotifySocket {
 public:
  using Handler = std::function<void(const process::Process& sender, std::string_view message)>;
  NotifySocket(loop::Loop& loop, FileDescriptor socket, Handler handler);

  // What has been sent until now is handled now.
  void hear_out();
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  void listen();
  // Whether there was a message.
  bool hear_one();

  loop::Loop& loop_;
  FileDescriptor socket_;
  Handler handler_;
  loop::Operation readable_;
  bool is_hearing_ = false;
};

}  // namespace reeve::supervision
