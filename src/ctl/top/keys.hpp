// Keys, out of what a terminal sends for them.
#pragma once

#include <string>
#include <vector>

namespace reeve::ctl::top {

struct Key {
  enum Kind {
    character,
    up,
    down,
    page_up,
    page_down,
    home,
    end,
    escape,
    enter,
    backspace,
    unknown
  } kind = unknown;
  std::string text = {};  // of a character, as UTF-8

  bool operator==(const Key&) const = default;
};

// The keys at the start of `bytes`, which are taken off; what may be the beginning of one that is
// still on its way stays, unless nothing more `may_come`.
std::vector<Key> take_keys(std::string& bytes, bool may_come);

}  // namespace reeve::ctl::top
