// Cuts a stream of bytes into varlink messages: JSON texts, each ended by a NUL. Descriptors that
// came along belong to the message that holds the last byte of the read that brought them: the
// kernel ends a read with the data that the descriptors were sent with.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.hpp"

namespace reeve::varlink {

struct Frame {
  std::string text;
  std::vector<FileDescriptor> descriptors;
};

class Framer {
 public:
  explicit Framer(std::size_t longest) : longest_(longest) {}

  void add(std::string_view bytes, std::vector<FileDescriptor> descriptors);
  // The next complete message.
  std::optional<Frame> take();
  // A message, ended or not, is longer than allowed: what follows can no longer be told apart.
  [[nodiscard]] bool is_overrun() const;
  // Of messages that were not taken yet.
  [[nodiscard]] std::size_t descriptors_held() const { return descriptors_.size(); }
  [[nodiscard]] bool has_complete() const { return next_end_ != std::string::npos; }
  // Bytes of messages that were not taken yet.
  [[nodiscard]] std::size_t size() const { return buffer_.size(); }

 private:
  void look_for_end(std::size_t from);

  std::size_t longest_;
  std::string buffer_;
  std::size_t taken_ = 0;  // of the whole stream, before buffer_
  std::size_t next_end_ = std::string::npos;
  std::deque<std::pair<std::size_t, FileDescriptor>> descriptors_;  // with their byte's offset
};

}  // namespace reeve::varlink
