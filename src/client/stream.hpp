// A subscription that outlives its connections: what Events is made of.
#pragma once

#include <memory>
#include <optional>

#include "base/fd.hpp"
#include "client/link.hpp"

namespace reeve::client {

class Stream {
 public:
  Stream(std::shared_ptr<Link> link, Subscribe::Input input);

  Outcome<Done> start();
  Outcome<std::optional<Event>> next(std::optional<Microseconds> time);
  // An epoll(7) instance with the connection of the moment, and the timer of the next attempt.
  [[nodiscard]] int descriptor() const { return readiness_.get(); }
  [[nodiscard]] std::optional<std::int64_t> position() const { return position_; }

 private:
  Outcome<Done> subscribe();
  // As soon as it is time to.
  Outcome<Done> subscribe_again();
  // Or the failure, once there was no success for too long.
  Outcome<Done> try_later(const Failure& failure);
  void lose_connection();
  void set_timer(Microseconds at) const;
  Outcome<std::optional<Event>> told(const varlink::Reply& reply);

  std::shared_ptr<Link> link_;
  Subscribe::Input input_;
  std::optional<varlink::Client> connection_;
  FileDescriptor readiness_;
  FileDescriptor timer_;
  Attempts attempts_;
  std::optional<Microseconds> next_attempt_;
  std::optional<std::int64_t> position_;  // the last event told
  // The number that all of a snapshot have: until a higher one came, more of it may be to come, and
  // nothing can be resumed behind it.
  std::optional<std::int64_t> snapshot_;
  bool gap_is_due_ = false;
};

}  // namespace reeve::client
