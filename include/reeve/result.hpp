// Either what was asked for, or why not: errors are values.
#pragma once

#include <utility>
#include <variant>

namespace reeve {

template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : content_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Only if it is ok.
  T& value() & { return std::get<0>(content_); }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Only if it is not.
  E& error() { return std::get<1>(content_); }
  const E& error() const { return std::get<1>(content_); }
  // Whether it is an error of the system, of that errno.
  [[nodiscard]] bool error_is(int number) const { return !ok() && error().number == number; }

 private:
  std::variant<T, E> content_;
};

// What there is to return when all that matters is that it went well.
struct Done {};

}  // namespace reeve
