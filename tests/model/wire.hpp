// Connections to reeved of which many can be waited for at once.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "json/value.hpp"

namespace reeve::model {

struct Reply {
  std::string error;       // without the interface's name; empty for success
  std::string parameters;  // a JSON object
};

class Connection {
 public:
  explicit Connection(FileDescriptor socket) : socket_(std::move(socket)) {}
  void send(const std::string& method, const std::string& parameters,
            std::span<const int> descriptors = {}, bool more = false);
  // Takes what has arrived. False if reeved has closed it.
  bool receive();
  std::optional<Reply> take();
  // Whether reeved has read all that was sent, unix(7)'s SIOCOUTQ.
  [[nodiscard]] bool is_read() const;
  [[nodiscard]] bool has_reply() const { return !replies_.empty(); }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  FileDescriptor socket_;
  std::string input_;
  std::deque<std::string> replies_;
};

}  // namespace reeve::model
