// Shortens a failing script: delta debugging over its steps.
#pragma once

#include <functional>
#include <string>

#include "model/step.hpp"

namespace reeve::model {

struct Shrunk {
  Script script;
  std::string difference;  // of that; empty if it could not be shortened
};

// `play` says what goes wrong in a script; nothing if nothing does.
Shrunk shrink(Script script, const std::function<std::string(const Script&)>& play);

}  // namespace reeve::model
