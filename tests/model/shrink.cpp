#include "model/shrink.hpp"

#include <algorithm>

namespace reeve::model {

// Takes pieces away, halves first and single steps last, until none can go.
Shrunk shrink(Script script, const std::function<std::string(const Script&)>& play) {
  std::string last;
  for (std::size_t piece = std::max<std::size_t>(script.size() / 2, 1); piece > 0;) {
    bool shortened = false;
    for (std::size_t at = 0; at < script.size();) {
      Script shorter = script;
      const auto begin = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.erase(begin,
                    begin + static_cast<std::ptrdiff_t>(std::min(piece, script.size() - at)));
      if (auto difference = play(shorter); !difference.empty()) {
        last = std::move(difference);
        script = std::move(shorter);
        shortened = true;
      } else {
        at += piece;
      }
    }
    if (!shortened || piece > 1) piece /= 2;
  }
  return {std::move(script), std::move(last)};
}

}  // namespace reeve::model
