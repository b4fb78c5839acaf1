// What a sequence ends with when the world is not as the model says.
#pragma once

#include <chrono>
#include <stdexcept>

namespace reeve::model {

// How long the world may take to become as it must be. Shorter while a script is shortened.
inline std::chrono::seconds patience{20};

struct Difference : std::runtime_error {
  using runtime_error::runtime_error;
};

// A fault has cost a connection, and with it the answer that says how to go on.
struct AnswerLost {};

}  // namespace reeve::model
