// A client's connection, made anew when it has ended, and how far a call came when it did.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "reeve/client.hpp"
#include "schema/type.hpp"
#include "varlink/client.hpp"

namespace reeve::client {

// When to try again: soon, then less and less often, until patience is over.
class Attempts {
 public:
  explicit Attempts(Microseconds patience) : patience_(patience) {}
  // The time of the next one on CLOCK_MONOTONIC; nothing if there is to be none.
  std::optional<Microseconds> next();

 private:
  Microseconds patience_;
  Microseconds pause_{1'000};
  std::optional<Microseconds> end_;
};

struct Message {
  std::string method;
  std::string parameters;
  std::span<const int> descriptors = {};
  bool more = false;
  // It does no harm if it is executed twice.
  bool repeatable = false;
};

class Link {
 public:
  // `place` is what the connector leads to, for people.
  Link(Connector connector, std::string place, Microseconds patience)
      : connector_(std::move(connector)), place_(std::move(place)), patience_(patience) {}

  // Once, and at once.
  Outcome<Done> connect();
  // One more connection, for a stream.
  Outcome<varlink::Client> open() const;
  // `each` gets every reply that is no error, until it returns false or there are no more.
  Outcome<Done> call(const Message& message,
                     const std::function<bool(const varlink::Reply&)>& each);

  [[nodiscard]] Microseconds patience() const { return patience_; }

 private:
  // Unreachable if it was not executed, ConnectionLost if that is not known.
  Outcome<Done> attempt(const Message& message,
                        const std::function<bool(const varlink::Reply&)>& each);
  Failure unreachable(const Error& error) const;

  Connector connector_;
  std::string place_;
  Microseconds patience_;
  std::optional<varlink::Client> connection_;
  int process_ = 0;  // whose connection it is
};

// Whether another attempt may succeed where this failed, and cannot do twice what this did.
bool may_pass(const Failure& failure);

Outcome<Done> read(const varlink::Reply& reply, const std::string& method, const schema::Type& type,
                   void* output);

}  // namespace reeve::client
