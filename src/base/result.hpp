// Errors are values. A function that can fail returns Result<T>; its caller adds context or hands
// the error on; only the edge of the program logs or prints it.
#pragma once

#include <string>

#include "reeve/result.hpp"

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

// Inside of reeve what fails is the system, unless said otherwise.
template <class T, class E = Error>
class Result;
using Status = Result<Done>;

}  // namespace reeve
