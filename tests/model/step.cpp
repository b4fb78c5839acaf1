#include "model/step.hpp"

#include <fmt/core.h>

#include <sstream>

#include "base/text.hpp"

namespace reeve::model {

namespace {

// Words without blanks: what would end one is written as %XX.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (const auto byte = static_cast<unsigned char>(c); byte <= ' ' || c == '%' || byte == 0x7f)
      out += fmt::format("%{:02x}", byte);
    else
      out += c;
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  return out;
}

}  // namespace

std::optional<std::string> Step::text(const std::string& name) const {
  const auto found = with.find(name);
  if (found == with.end()) return std::nullopt;
  return found->second;
}

int Step::number(const std::string& name) const {
  return parse_number<int>(text(name).value_or("0")).value_or(0);
}

std::optional<std::string> Step::long_text(const std::string& name) const {
  const auto value = text(name);
  if (!value || !value->starts_with('*')) return value;
  return std::string(parse_number<std::size_t>(value->substr(1)).value_or(0), 'n');
}

Step& Step::set(const std::string& name, const std::string& value) {
  with[name] = value;
  return *this;
}

std::string to_text(const Step& step) {
  auto out = step.kind;
  for (const auto& [name, value] : step.with)
    out += " " + name + "=" + escaped(value);
  return out;
}

std::string to_text(const Script& script) {
  std::string out;
  for (const auto& step : script)
    out += to_text(step) + "\n";
  return out;
}

Script script_from(const std::string& text) {
  Script script;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Step step;
    if (!(words >> step.kind) || step.kind.starts_with('#')) continue;
    for (std::string word; words >> word;) {
      const auto sign = word.find('=');
      step.set(word.substr(0, sign), unescaped(word.substr(sign + 1)));
    }
    script.push_back(std::move(step));
  }
  return script;
}

}  // namespace reeve::model
