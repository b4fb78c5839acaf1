// The errors that the client itself has, described as those of an interface that nobody serves.
#pragma once

#include "api/errors.hpp"
#include "api/interfaces.hpp"
#include "json/codec.hpp"
#include "reeve/failure.hpp"

namespace reeve {

constexpr auto describe(Of<Unreachable>) {
  return structure(Unreachable::error, "", member<&Unreachable::place>("place"),
                   member<&Unreachable::reason>("reason"), member<&Unreachable::number>("errno"));
}

constexpr auto describe(Of<ConnectionLost>) {
  return structure(ConnectionLost::error, "", member<&ConnectionLost::method>("method"));
}

constexpr auto describe(Of<NotUnderstood>) {
  return structure(NotUnderstood::error, "", member<&NotUnderstood::method>("method"),
                   member<&NotUnderstood::reason>("reason"));
}

namespace client {

struct Interface {
  static constexpr std::string_view name = "io.reeve.Client";
  using Errors = api::List<Unreachable, ConnectionLost, NotUnderstood>;
};

template <class E>
std::string own_name() {
  static_assert(api::contains<E>(Interface::Errors{}));
  return api::full_name(Interface::name, E::error);
}

template <class E>
Failure own_failure(const E& error) {
  return {own_name<E>(), json::encoded(error)};
}

}  // namespace client

}  // namespace reeve
