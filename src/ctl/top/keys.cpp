#include "ctl/top/keys.hpp"

#include <map>
#include <string_view>

#include "base/text.hpp"

namespace reeve::ctl::top {

namespace {

// What follows ESC [, or ESC O of terminals in application mode.
const std::map<std::string_view, Key::Kind> sequences{
    {"A", Key::up},    {"B", Key::down}, {"5~", Key::page_up}, {"6~", Key::page_down},
    {"H", Key::home},  {"F", Key::end},  {"1~", Key::home},    {"4~", Key::end},
    {"7~", Key::home}, {"8~", Key::end},
};

constexpr std::size_t longest_sequence = 16;

// How many bytes the key at the start has; 0 if its end is not there yet.
std::size_t length_of_first(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes.front());
  if (first == 0x1B) {
    if (bytes.size() == 1) return 0;
    if (bytes[1] != '[' && bytes[1] != 'O') return 1;
    // As ECMA-48 has it, the first byte from 0x40 on is the last.
    for (std::size_t i = 2; i < bytes.size(); ++i)
      if (bytes[i] >= 0x40 || i >= longest_sequence) return i + 1;
    return 0;
  }
  const std::size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return bytes.size() < length ? 0 : length;
}

Key key_of(std::string_view bytes) {
  if (bytes == "\x1b") return {Key::escape};
  if (bytes == "\r" || bytes == "\n") return {Key::enter};
  if (bytes == "\x7f" || bytes == "\b") return {Key::backspace};
  if (bytes.front() == '\x1b') {
    const auto found = sequences.find(bytes.substr(std::min<std::size_t>(2, bytes.size())));
    return {found != sequences.end() ? found->second : Key::unknown};
  }
  if (!is_utf8(bytes) || !is_printable(bytes)) return {Key::unknown};
  return {Key::character, std::string(bytes)};
}

}  // namespace

std::vector<Key> take_keys(std::string& bytes, bool may_come) {
  std::vector<Key> keys;
  while (!bytes.empty()) {
    auto length = length_of_first(bytes);
    if (length == 0 && may_come) break;
    if (length == 0) length = bytes == "\x1b" ? 1 : bytes.size();
    keys.push_back(key_of(std::string_view(bytes).substr(0, length)));
    bytes.erase(0, length);
  }
  return keys;
}

}  // namespace reeve::ctl::top
