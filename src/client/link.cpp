#include "client/link.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "client/errors.hpp"
#include "sys/calls.hpp"

namespace reeve::client {

namespace {

constexpr Microseconds longest_pause{100'000};

// The kernel says ECONNRESET on a unix socket only where the peer ended without having read all
// that was sent (unix_release_sock in net/unix/af_unix.c). A call's last byte is the NUL that ends
// it: of a call that is all there was on the way, what was not read is never executed.
bool tells_what_was_read(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

Failure failure_in(const varlink::Reply& reply) {
  return {reply.error, reply.parameters};
}

Failure not_understood(const std::string& method, std::string reason) {
  return own_failure(NotUnderstood{method, std::move(reason)});
}

}  // namespace

std::optional<Microseconds> Attempts::next() {
  const auto now = monotonic_now();
  if (!end_) end_ = now + patience_;
  if (now >= *end_) return std::nullopt;
  const auto then = std::min(now + pause_, *end_);
  pause_ = std::min(pause_ * 2, longest_pause);
  return then;
}

bool may_pass(const Failure& failure) {
  const auto unreachable = failure.as<Unreachable>();
  return unreachable && (unreachable->number == ENOENT || unreachable->number == ECONNREFUSED ||
                         unreachable->number == ECONNRESET || unreachable->number == EPIPE);
}

Failure Link::unreachable(const Error& error) const {
  return own_failure(Unreachable{place_, error.message(), error.number});
}

Outcome<varlink::Client> Link::open() const {
  const int socket = connector_();
  if (socket < 0) return unreachable({-socket, place_, "connect to"});
  return varlink::Client(FileDescriptor(socket));
}

Outcome<Done> Link::connect() {
  // What was connected before a fork(2) is the parent's: two processes' calls would be mixed up.
  if (process_ != ::getpid()) connection_.reset();
  if (connection_) return Done{};
  auto opened = open();
  if (!opened) return opened.error();
  connection_ = std::move(*opened);
  process_ = ::getpid();
  return Done{};
}

Outcome<Done> Link::attempt(const Message& message,
                            const std::function<bool(const varlink::Reply&)>& each) {
  // It is used again only if the last reply was taken from it.
  auto connection = std::move(*std::exchange(connection_, std::nullopt));
  const auto asked =
      connection.ask(message.method, message.parameters, message.more, message.descriptors);
  if (!asked) {
    // Nothing that was not sent is replied to; but reeved may have said why it hung up.
    const auto farewell = connection.receive_before(Microseconds{0});
    if (farewell.ok() && *farewell && !(*farewell)->error.empty()) return failure_in(**farewell);
    return unreachable(asked.error());
  }
  for (bool replied = false;; replied = true) {
    const auto received = connection.receive_before(std::nullopt);
    if (!received) {
      const auto& error = received.error();
      if (error.number == EBADMSG || error.number == EMSGSIZE)
        return not_understood(message.method, error.message());
      const bool unread = !replied && !connection.holds_part_of_reply() &&
                          error.number == ECONNRESET &&
                          tells_what_was_read(connection.descriptor());
      return unread ? unreachable(error) : own_failure(ConnectionLost{message.method});
    }
    const auto& reply = **received;
    const bool failed = !reply.error.empty();
    const bool wanted = !failed && each(reply);
    const bool last = failed || !reply.continues;
    if (last) connection_ = std::move(connection);
    if (failed) return failure_in(reply);
    if (last || !wanted) return Done{};
  }
}

Outcome<Done> Link::call(const Message& message,
                         const std::function<bool(const varlink::Reply&)>& each) {
  Attempts attempts(patience_);
  for (;;) {
    auto outcome = connect();
    if (outcome.ok()) outcome = attempt(message, each);
    if (outcome.ok()) return outcome;
    const bool repeatable = message.repeatable && outcome.error().is<ConnectionLost>();
    const auto again =
        repeatable || may_pass(outcome.error()) ? attempts.next() : std::optional<Microseconds>();
    if (!again) return outcome;
    (void)sys::await_readable(-1, again);  // nothing can be read: it sleeps
  }
}

Outcome<Done> read(const varlink::Reply& reply, const std::string& method, const schema::Type& type,
                   void* output) {
  json::Parser parser;
  const auto parsed = parser.parse(reply.parameters);
  if (!parsed) return not_understood(method, parsed.error());
  // A newer reeved may say more than this library knows.
  const auto decoded = json::decode(*parsed, type, output, json::UnknownMembers::ignored);
  if (!decoded)
    return not_understood(method, decoded.error().member + " " + decoded.error().reason);
  return Done{};
}

}  // namespace reeve::client
