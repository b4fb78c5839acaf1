#include "sys/closing.hpp"

#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "sys/calls.hpp"

namespace reeve::sys {

namespace {

// What one user has left to close; never freed, for its thread may wait longer than the program.
class Backlog {
 public:
  void add(int fd) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(fd);
    // Without memory for a thread it waits for the next one.
    if (!has_thread_) has_thread_ = start_thread();
  }

  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  bool start_thread() {
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the loop's
    pthread_t thread;
    const int failed = ::pthread_create(&thread, nullptr, &Backlog::work_off, this);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failed == 0) ::pthread_detach(thread);
    return failed == 0;
  }

  static void* work_off(void* backlog) {
    auto& self = *static_cast<Backlog*>(backlog);
    std::unique_lock lock(self.mutex_);
    while (!self.waiting_.empty()) {
      const int fd = self.waiting_.front();
      lock.unlock();
      ::close(fd);
      lock.lock();
      self.waiting_.pop_front();
    }
    self.has_thread_ = false;
    return nullptr;
  }

  std::mutex mutex_;
  std::deque<int> waiting_;  // the first is being closed
  bool has_thread_ = false;
};

bool is_pidfd(int fd) {
  if (pidfd_inode(fd) != 0) return true;
  // Before Linux 6.9 a pidfd is an anonymous inode like others, and told apart by its name.
  std::array<char, 64> target;
  const auto length =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target.data(), target.size());
  return length > 0 &&
         std::string_view(target.data(), static_cast<std::size_t>(length)) == "anon_inode:[pidfd]";
}

struct Passed final : Closer {
  explicit Passed(Backlog& backlog) : backlog_(backlog) {}
  void close(int fd) const override {
    if (is_pidfd(fd))
      ::close(fd);
    else
      backlog_.add(fd);
  }
  Backlog& backlog_;
};

struct Connections final : Closer {
  explicit Connections(Backlog& backlog) : backlog_(backlog) {}
  void close(int fd) const override {
    // From here on nothing comes in: what is empty now stays so.
    ::shutdown(fd, SHUT_RDWR);
    int unread = 0;
    if (::ioctl(fd, SIOCINQ, &unread) == 0 && unread == 0)
      ::close(fd);
    else
      backlog_.add(fd);
  }
  Backlog& backlog_;
};

struct OfUser {
  Backlog backlog;
  Passed passed{backlog};
  Connections connections{backlog};
};

OfUser& of_user(uid_t user) {
  static auto& all = *new std::map<uid_t, OfUser>;  // outlives every thread
  return all[user];
}

}  // namespace

const Closer& closer_of_passed(uid_t user) {
  return of_user(user).passed;
}

const Closer& closer_of_connections(uid_t user) {
  return of_user(user).connections;
}

std::size_t unclosed_of(uid_t user) {
  return of_user(user).backlog.size();
}

}  // namespace reeve::sys
