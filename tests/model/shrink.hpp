// Shortens a failing script: delta debugging over its steps.
#pragma once

#include <functional>

#include "model/step.hpp"

namespace reeve::model {

// `fails` plays a script and says whether it still fails.
Script shrink(Script script, const std::function<bool(const Script&)>& fails);

}  // namespace reeve::model
