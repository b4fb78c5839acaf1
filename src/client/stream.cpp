#include "client/stream.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <cerrno>

#include "api/query_methods.hpp"
#include "client/errors.hpp"
#include "sys/calls.hpp"

namespace reeve::client {

namespace {

void watch(int readiness, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(readiness, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

Stream::Stream(std::shared_ptr<Link> link, Subscribe::Input input)
    : link_(std::move(link)),
      input_(std::move(input)),
      readiness_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      attempts_(link_->patience()) {
  watch(readiness_.get(), timer_.get());
}

Outcome<Done> Stream::start() {
  if (!readiness_ || !timer_)
    return own_failure(Unreachable{{}, Error{EMFILE, {}, "open a descriptor"}.message(), EMFILE});
  auto subscribed = subscribe();
  return subscribed.ok() || !may_pass(subscribed.error()) ? subscribed
                                                          : try_later(subscribed.error());
}

Outcome<Done> Stream::subscribe() {
  auto opened = link_->open();
  if (!opened) return opened.error();
  const auto asked = opened->ask(api::full_name<Subscribe>(), json::encoded(input_), true);
  if (!asked) return own_failure(Unreachable{{}, asked.error().message(), asked.error().number});
  connection_ = std::move(*opened);
  watch(readiness_.get(), connection_->descriptor());
  return Done{};
}

Outcome<Done> Stream::subscribe_again() {
  if (next_attempt_ && monotonic_now() < *next_attempt_) return Done{};
  next_attempt_.reset();
  set_timer(Microseconds{0});
  auto subscribed = subscribe();
  return subscribed.ok() ? subscribed : try_later(subscribed.error());
}

Outcome<Done> Stream::try_later(const Failure& failure) {
  const bool may = may_pass(failure) || failure.is<ConnectionLost>();
  next_attempt_ = may ? attempts_.next() : std::nullopt;
  if (next_attempt_) {
    set_timer(*next_attempt_);
    return Done{};
  }
  attempts_ = Attempts(link_->patience());
  return failure;
}

// 0 disarms it.
void Stream::set_timer(Microseconds at) const {
  itimerspec when{};
  when.it_value.tv_sec = at.count() / 1'000'000;
  when.it_value.tv_nsec = at.count() % 1'000'000 * 1'000;
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Stream::lose_connection() {
  connection_.reset();
  if (input_.after) return;  // resumes there
  // It began with a snapshot, which cannot be resumed: there will be another one.
  gap_is_due_ = true;
  snapshot_.reset();
}

Outcome<std::optional<Event>> Stream::told(const varlink::Reply& reply) {
  if (!reply.error.empty()) {
    connection_.reset();
    return Failure{reply.error, reply.parameters};
  }
  attempts_ = Attempts(link_->patience());
  Subscribe::Output output;
  const auto understood =
      read(reply, api::full_name<Subscribe>(), schema::type<Subscribe::Output>, &output);
  if (!reply.continues) lose_connection();
  if (!understood) return understood.error();
  position_ = output.event.sequence;
  if (!snapshot_) snapshot_ = position_;
  if (input_.after || *position_ > *snapshot_) input_.after = position_;
  return std::optional(std::move(output.event));
}

Outcome<std::optional<Event>> Stream::next(std::optional<Microseconds> time) {
  const auto deadline = time ? std::optional(monotonic_now() + *time) : std::nullopt;
  for (;;) {
    if (std::exchange(gap_is_due_, false)) {
      Event gap;
      gap.sequence = position_.value_or(0);
      gap.at = {realtime_now(), monotonic_now()};
      return std::optional(std::move(gap));
    }
    if (!connection_)
      if (const auto tried = subscribe_again(); !tried) return tried.error();
    if (connection_) {
      const auto reply = connection_->receive_before(Microseconds{0});
      if (reply.ok() && *reply) return told(**reply);
      if (!reply) {
        lose_connection();
        const Failure lost = own_failure(ConnectionLost{api::full_name<Subscribe>()});
        if (const auto later = try_later(lost); !later) return later.error();
        continue;
      }
    }
    if (!sys::await_readable(readiness_.get(), deadline)) return std::optional<Event>();
  }
}

}  // namespace reeve::client
