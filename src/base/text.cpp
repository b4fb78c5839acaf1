#include "base/text.hpp"

#include <fmt/core.h>
#include <signal.h>

#include <cstdint>
#include <cstring>

namespace reeve {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

namespace {

// One code point of valid UTF-8, taken from the front of `text`; U+FFFD for a broken sequence.
std::uint32_t take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  std::uint32_t code = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size()) {
      text = {};
      return 0xFFFD;
    }
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  text.remove_prefix(length);
  return code;
}

bool acts_on_a_terminal(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || text.size() < length) return false;
    for (std::size_t i = 1; i < length; ++i)
      if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) return false;
    const auto code = take_code_point(text);
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  }
  return true;
}

bool is_printable(std::string_view text) {
  while (!text.empty())
    if (acts_on_a_terminal(take_code_point(text))) return false;
  return true;
}

bool is_lower_hexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<int> signal_number(std::string_view name) {
  if (const auto number = parse_number<int>(name)) {
    if (*number >= 1 && *number <= SIGRTMAX) return number;
    return std::nullopt;
  }
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (name == "RTMIN") return SIGRTMIN;
  if (name == "RTMAX") return SIGRTMAX;
  if (name.starts_with("RTMAX-")) {
    const auto offset = parse_number<int>(name.substr(6));
    if (offset && *offset >= 0 && *offset <= SIGRTMAX - SIGRTMIN) return SIGRTMAX - *offset;
    return std::nullopt;
  }
  if (name.starts_with("RTMIN+")) {
    const auto offset = parse_number<int>(name.substr(6));
    if (offset && *offset >= 0 && *offset <= SIGRTMAX - SIGRTMIN) return SIGRTMIN + *offset;
    return std::nullopt;
  }
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && name == abbreviation) return number;
  }
  return std::nullopt;
}

std::string signal_name(int number) {
  if (const char* abbreviation = sigabbrev_np(number)) return fmt::format("SIG{}", abbreviation);
  if (number >= SIGRTMIN && number <= SIGRTMAX)
    return fmt::format("SIGRTMIN+{}", number - SIGRTMIN);
  return std::to_string(number);
}

}  // namespace reeve
