// Asks reeved what it keeps. In a thread of its own, as a reeved that does not answer must not keep
// anybody from being heard who wants to leave.
#pragma once

#include <future>
#include <mutex>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "ctl/options.hpp"
#include "ctl/top/census.hpp"

namespace reeve::ctl::top {

class Inquiry {
 public:
  explicit Inquiry(const Options& options);
  // Breaks off what is under way.
  ~Inquiry();
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  // Asks, and waits.
  Outcome<Census> ask();
  // Asks; nothing while that is under way.
  void begin();
  [[nodiscard]] bool is_under_way() const { return asked_.valid(); }
  // Readable once there is the answer.
  [[nodiscard]] int descriptor() const { return answered_.get(); }
  Outcome<Census> answer();
  // When to ask again: what watches is to leave reeved, which answers out of its one loop, to its
  // work. Of few workers that is at once.
  [[nodiscard]] Microseconds due() const { return due_; }

 private:
  int connect();

  std::string socket_;
  std::optional<std::string> run_;
  std::optional<Client> client_;
  FileDescriptor answered_;
  std::future<Outcome<Census>> asked_;
  Microseconds begun_{}, due_{};

  std::mutex mutex_;  // for what follows
  FileDescriptor connection_;
  bool is_over_ = false;
};

}  // namespace reeve::ctl::top
