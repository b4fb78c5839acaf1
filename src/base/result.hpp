// Errors are values. A function that can fail returns Result<T>; its caller adds context or hands
// the error on; only the edge of the program logs or prints it.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace reeve {

// What failed: the system's errno (0 where none applies), the object, and what was tried on it.
struct Error {
  int number = 0;
  std::string object;
  std::string attempt;

  // "cannot ATTEMPT OBJECT: ENOENT (No such file or directory)"
  [[nodiscard]] std::string message() const;
};

// "ENOENT", or "errno 12345" for a number the C library has no name for.
std::string errno_name(int number);

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : content_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(content_); }
  const T& value() const& { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Whether it is an Error of that errno.
  [[nodiscard]] bool error_is(int number) const { return !ok() && error().number == number; }
  E& error() { return std::get<1>(content_); }
  const E& error() const { return std::get<1>(content_); }

 private:
  std::variant<T, E> content_;
};

struct Done {};
using Status = Result<Done>;

}  // namespace reeve
