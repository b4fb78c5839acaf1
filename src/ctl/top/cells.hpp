// Text by the columns that it takes on a terminal, as the locale's wcwidth(3) has them.
#pragma once

#include <string>
#include <string_view>

#include "ctl/top/history.hpp"

namespace reeve::ctl::top {

// Without what would act on a terminal, or cannot be shown on it.
std::string showable(std::string_view text, Glyphs glyphs);

std::size_t width_of(std::string_view text);

enum class Side { left, right };
// Exactly so wide: filled with blanks, or cut, which the last character tells.
std::string fitted(std::string_view text, std::size_t width, Side side, Glyphs glyphs);

}  // namespace reeve::ctl::top
