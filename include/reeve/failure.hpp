// Why a call did not do what it was asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reeve/errors.hpp"
#include "reeve/result.hpp"

namespace reeve {

#pragma GCC visibility push(default)

struct Failure {
  std::string error;       // its full name: "io.reeve.Registry.NoSuchWorker"
  std::string parameters;  // what it says, as a JSON object

  // One line for people: what went wrong with what, and what to do.
  [[nodiscard]] std::string message() const;

  // if (failure.is<reeve::NoSuchWorker>()) …; any of the structures of errors.hpp.
  template <class E>
  [[nodiscard]] bool is() const {
    return is(E::error);
  }
  // The same with what it says: failure.as<reeve::AlreadyActive>()->process.pid.
  template <class E>
  [[nodiscard]] std::optional<E> as() const {
    E said;
    if (!read(E::error, &said)) return std::nullopt;
    return said;
  }

 private:
  [[nodiscard]] bool is(std::string_view name) const;
  bool read(std::string_view name, void* into) const;
};

#pragma GCC visibility pop

template <class T>
using Outcome = Result<T, Failure>;

}  // namespace reeve
