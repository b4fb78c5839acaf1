// A file descriptor with one owner.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace reeve {

// How a descriptor is closed that close(2) alone might wait for.
class Closer {
 public:
  virtual void close(int fd) const = 0;

 protected:
  ~Closer() = default;
};

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  // `closer` outlives it.
  FileDescriptor(int fd, const Closer& closer) : fd_(fd), closer_(&closer) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), closer_(other.closer_) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
      closer_ = other.closer_;
    }
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

  // close(2) frees the descriptor whatever it returns on Linux, so it is never retried.
  void reset() {
    if (fd_ < 0) return;
    const int fd = std::exchange(fd_, -1);
    if (closer_ != nullptr)
      closer_->close(fd);
    else
      ::close(fd);
  }

 private:
  int fd_ = -1;
  const Closer* closer_ = nullptr;
};

// Stays open while anybody holds it: an operation that is under way, too.
using SharedDescriptor = std::shared_ptr<const FileDescriptor>;

}  // namespace reeve
