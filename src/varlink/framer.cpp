#include "varlink/framer.hpp"

namespace reeve::varlink {

void Framer::look_for_end(std::size_t from) {
  next_end_ = buffer_.find('\0', from);
}

void Framer::add(std::string_view bytes, std::vector<FileDescriptor> descriptors) {
  const auto before = buffer_.size();
  buffer_ += bytes;
  if (next_end_ == std::string::npos) look_for_end(before);
  const auto last = taken_ + buffer_.size() - 1;
  for (auto& descriptor : descriptors)
    descriptors_.emplace_back(last, std::move(descriptor));
}

std::optional<Frame> Framer::take() {
  if (!has_complete() || is_overrun()) return std::nullopt;
  Frame frame;
  frame.text = buffer_.substr(0, next_end_);
  const auto length = next_end_ + 1;
  buffer_.erase(0, length);
  taken_ += length;
  look_for_end(0);
  while (!descriptors_.empty() && descriptors_.front().first < taken_) {
    frame.descriptors.push_back(std::move(descriptors_.front().second));
    descriptors_.pop_front();
  }
  return frame;
}

bool Framer::is_overrun() const {
  return (has_complete() ? next_end_ : buffer_.size()) > longest_;
}

}  // namespace reeve::varlink
