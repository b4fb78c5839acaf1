#include "model/shrink.hpp"

#include <algorithm>

namespace reeve::model {

// Takes pieces away, halves first and single steps last, until none can go.
Script shrink(Script script, const std::function<bool(const Script&)>& fails) {
  for (std::size_t piece = std::max<std::size_t>(script.size() / 2, 1); piece > 0;) {
    bool shortened = false;
    for (std::size_t at = 0; at < script.size();) {
      Script shorter = script;
      const auto begin = shorter.begin() + static_cast<std::ptrdiff_t>(at);
      shorter.erase(begin,
                    begin + static_cast<std::ptrdiff_t>(std::min(piece, script.size() - at)));
      if (fails(shorter)) {
        script = std::move(shorter);
        shortened = true;
      } else {
        at += piece;
      }
    }
    if (!shortened || piece > 1) piece /= 2;
  }
  return script;
}

}  // namespace reeve::model
