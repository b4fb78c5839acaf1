#include "ctl/top/cells.hpp"

#include <wchar.h>

#include <algorithm>

#include "base/text.hpp"

namespace reeve::ctl::top {

namespace {

struct Character {
  std::string_view bytes;
  std::size_t width = 1;
  bool is_showable = true;
};

Character take_character(std::string_view& text) {
  wchar_t code = 0;
  mbstate_t state{};
  const auto length = ::mbrtowc(&code, text.data(), text.size(), &state);
  Character character;
  // Neither a character nor the beginning of one.
  const bool is_wrong = length == 0 || length > text.size();
  character.bytes = text.substr(0, is_wrong ? 1 : length);
  const int width = is_wrong ? -1 : ::wcwidth(code);
  character.is_showable = width >= 0 && is_printable(character.bytes);
  if (width >= 0) character.width = static_cast<std::size_t>(width);
  text.remove_prefix(character.bytes.size());
  return character;
}

}  // namespace

std::string showable(std::string_view text, Glyphs glyphs) {
  std::string shown;
  while (!text.empty()) {
    const auto character = take_character(text);
    const bool is_ascii = character.bytes.size() == 1;
    if (character.is_showable && (is_ascii || glyphs == Glyphs::blocks))
      shown += character.bytes;
    else
      shown += '?';
  }
  return shown;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty())
    width += take_character(text).width;
  return width;
}

std::string fitted(std::string_view text, std::size_t width, Side side, Glyphs glyphs) {
  const auto own = width_of(text);
  if (own <= width) {
    const std::string blanks(width - own, ' ');
    return side == Side::left ? std::string(text) + blanks : blanks + std::string(text);
  }
  if (width == 0) return {};
  std::string cut;
  std::size_t taken = 0;
  while (!text.empty()) {
    const auto character = take_character(text);
    if (taken + character.width > width - 1) break;
    cut += character.bytes;
    taken += character.width;
  }
  // A character of two columns may have left one over.
  return cut + (glyphs == Glyphs::blocks ? "…" : "~") + std::string(width - 1 - taken, ' ');
}

}  // namespace reeve::ctl::top
