#include "json/value.hpp"

#include <simdjson.h>

#include <cstring>

#include "base/test_hooks.hpp"

namespace reeve::json {

namespace {

using Element = simdjson::dom::element;
static_assert(sizeof(Element) == 16 && std::is_trivially_copyable_v<Element>);

constexpr std::size_t deepest_nesting = 64;  // lists and objects, the text itself not counted

Element element_of(const std::array<std::byte, 16>& handle) {
  Element element;
  std::memcpy(&element, handle.data(), handle.size());
  return element;
}

template <class T>
std::optional<T> get(const std::array<std::byte, 16>& handle) {
  T value{};
  if (element_of(handle).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

}  // namespace

struct Parser::Library {
  simdjson::dom::parser parser;
  std::size_t capacity = 0;
};

Parser::Parser() : library_(std::make_unique<Library>()) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

Result<Value, std::string> Parser::parse(std::string_view text) {
  // Newer versions of the library skip it, older ones do not: here it is no JSON (RFC 8259, 8.1).
  if (text.starts_with("\xEF\xBB\xBF")) return std::string("it begins with a byte order mark");
  // The library grows by itself, but then with its own depth of 1024.
  if (text.size() > library_->capacity || library_->capacity == 0) {
    const std::size_t capacity = std::max<std::size_t>(text.size() * 2, 4096);
    if (library_->parser.allocate(capacity, deepest_nesting + 1) != simdjson::SUCCESS)
      return std::string("not enough memory to read the message");
    library_->capacity = capacity;
  }
  Element element;
  const auto error = library_->parser.parse(text.data(), text.size()).get(element);
  if (error != simdjson::SUCCESS) return std::string(simdjson::error_message(error));
  Value value;
  std::memcpy(value.handle_.data(), &element, sizeof element);
  return value;
}

bool Value::is_null() const {
  return element_of(handle_).is_null();
}
bool Value::is_object() const {
  return element_of(handle_).is_object();
}
std::optional<bool> Value::boolean() const {
  return get<bool>(handle_);
}
std::optional<std::int64_t> Value::integer() const {
  return get<std::int64_t>(handle_);
}
std::optional<std::string_view> Value::string() const {
  return get<std::string_view>(handle_);
}

std::optional<std::vector<Value>> Value::elements() const {
  simdjson::dom::array array;
  if (element_of(handle_).get(array) != simdjson::SUCCESS) return std::nullopt;
  std::vector<Value> values;
  for (const Element element : array) {
    Value& value = values.emplace_back();
    std::memcpy(value.handle_.data(), &element, sizeof element);
  }
  return values;
}

std::optional<std::vector<std::pair<std::string_view, Value>>> Value::members() const {
  simdjson::dom::object object;
  if (element_of(handle_).get(object) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::pair<std::string_view, Value>> members;
  for (const auto& [key, element] : object) {
    Value value;
    std::memcpy(value.handle_.data(), &element, sizeof element);
    members.emplace_back(key, value);
  }
  return members;
}

std::string Value::text() const {
  return simdjson::minify(element_of(handle_));
}

namespace {

// How many bytes of valid UTF-8 stand at the front of `text`; 0 if none do.
std::size_t valid_sequence(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2   ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  return simdjson::validate_utf8(text.data(), length) ? length : 0;
}

}  // namespace

void write_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    const auto length = valid_sequence(text);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 && !mistaken("forget-to-escape")) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else if (length == 0) {
      out += "\xEF\xBF\xBD";  // U+FFFD: a file name, say, may hold any byte
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out += '"';
}

std::string indented(std::string_view compact) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  const auto new_line = [&] { out.append("\n").append(depth * 2, ' '); };
  for (std::size_t i = 0; i < compact.size(); ++i) {
    const char c = compact[i];
    if (in_string) {
      out += c;
      if (c == '\\') out += compact[++i];
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
      out += c;
    } else if ((c == '{' || c == '[') && i + 1 < compact.size() && compact[i + 1] == c + 2) {
      out += c;  // an empty object or list stays on its line: '}' is '{' + 2, as ']' is '[' + 2
      out += compact[++i];
    } else if (c == '{' || c == '[') {
      out += c;
      ++depth;
      new_line();
    } else if (c == '}' || c == ']') {
      --depth;
      new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else if (c == ':') {
      out += ": ";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace reeve::json
