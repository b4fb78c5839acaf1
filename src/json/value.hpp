// JSON text read and written. The only user of the JSON library is value.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace reeve::json {

// A value of a parsed text; valid until its Parser parses again or ends.
class Value {
 public:
  [[nodiscard]] bool is_null() const;
  [[nodiscard]] bool is_object() const;
  [[nodiscard]] std::optional<bool> boolean() const;
  // Whole numbers between -2^63 and 2^63-1 only.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] std::optional<std::string_view> string() const;
  [[nodiscard]] std::optional<std::vector<Value>> elements() const;
  [[nodiscard]] std::optional<std::vector<std::pair<std::string_view, Value>>> members() const;
  // The value as compact JSON.
  [[nodiscard]] std::string text() const;

 private:
  friend class Parser;
  // Two words of the library's own handle, kept opaque so that only one file compiles its header.
  alignas(8) std::array<std::byte, 16> handle_{};
};

// Reuses its memory from text to text. Not thread-safe.
class Parser {
 public:
  Parser();
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;
  // Fails with a sentence on what is wrong: broken JSON or UTF-8, or nesting deeper than 64.
  Result<Value, std::string> parse(std::string_view text);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

// `text` as a JSON string, quoted and escaped, at the end of `out`. What is not UTF-8 in it becomes
// U+FFFD.
void write_string(std::string& out, std::string_view text);

// Valid JSON laid out over lines.
std::string indented(std::string_view compact);

}  // namespace reeve::json
