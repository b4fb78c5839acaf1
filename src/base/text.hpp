// Small pure functions on text.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve {

std::vector<std::string_view> split(std::string_view text, char separator);

std::string_view trim(std::string_view text);

// The whole of `text` as a decimal number, or nothing.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// As RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

// Whether every character can be shown on a terminal without acting on it: no control characters
// (C0, DEL, C1), no line or paragraph separators, no bidirectional overrides. `text` is UTF-8.
bool is_printable(std::string_view text);

bool is_lower_hexadecimal(std::string_view text);

// 64-bit FNV-1a: for file names and hash tables, not for secrets.
constexpr std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// The number of a signal named "SIGTERM", "TERM" or "15"; nothing for what is not a signal here.
std::optional<int> signal_number(std::string_view name);

// "SIGTERM", or "SIGRTMIN+3", or the number.
std::string signal_name(int number);

}  // namespace reeve
