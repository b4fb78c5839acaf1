#include "config/reader.hpp"

#include <fmt/core.h>

#include <cmath>
#include <iterator>
#include <numeric>

#include "base/quantities.hpp"
#include "base/text.hpp"

namespace reeve::config {

namespace {

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

// One line that can be shown on a terminal, whatever the file has in its keys.
std::string shown(std::string_view text) {
  if (is_printable(text)) return std::string(text);
  std::string escaped;
  for (const char c : text)
    if (c >= ' ' && c <= '~')
      escaped += c;
    else
      escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return escaped;
}

// How many letters have to be put in, taken out or replaced (Levenshtein).
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < from.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const auto replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// Empty if none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t longest = 64;
  if (word.size() > longest) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto each : known)
    if (const auto apart = distance(word, each); apart < least) {
      best = each;
      least = apart;
    }
  return best;
}

}  // namespace

std::string where(const toml::source_region& place) {
  return fmt::format("{}:{}:{}", place.path ? *place.path : "", place.begin.line,
                     place.begin.column);
}

void Reader::fault(const toml::source_region& place, std::string_view what) {
  fault(where(place), what);
  faults_.back().line = place.begin.line;
  faults_.back().column = place.begin.column;
}

void Reader::fault(const std::string& where, std::string_view what) {
  faults_.push_back({0, 0, shown(fmt::format("{}: {}", where, what))});
}

void Reader::sort_faults() {
  std::stable_sort(faults_.begin() + static_cast<std::ptrdiff_t>(sorted_), faults_.end(),
                   [](const auto& one, const auto& other) {
                     return std::pair(one.line, one.column) < std::pair(other.line, other.column);
                   });
  sorted_ = faults_.size();
}

std::vector<std::string> Reader::messages() const {
  std::vector<std::string> messages;
  for (const auto& fault : faults_)
    messages.push_back(fault.message);
  return messages;
}

void Reader::unknown(const toml::key& key, const std::string& title) {
  fault(key.source(),
        fmt::format("{} is not a key of {}{}", key.str(), title, hint(key.str(), title)));
}

// In TOML a key belongs to the last [table] before it, which is forgotten easily.
std::string Reader::hint(std::string_view key, const std::string& title) const {
  std::string_view near;
  for (const auto& table : known_) {
    if (table.title == title)
      near = nearest(key, table.keys);
    else if (std::find(table.keys.begin(), table.keys.end(), key) != table.keys.end())
      return &table == &known_.front() ? "; it belongs above all tables"
                                       : fmt::format("; it belongs in {}", table.title);
  }
  return near.empty() ? "" : fmt::format("; is {} meant?", near);
}

std::optional<std::string> Reader::place_of(const std::string& value) const {
  const auto known = places_.find(value);
  if (known == places_.end()) return std::nullopt;
  return known->second;
}

void Value::must(const toml::node& node, std::string_view be) const {
  reader_.note_wrong(name_);
  reader_.fault(node.source(), fmt::format("{} must {}", name_, be));
}

std::optional<std::string> Value::text(std::string_view be, std::size_t least) const {
  auto text = string();
  if (text && text->size() >= least && !has_nul(*text)) return text;
  must(be);
  return std::nullopt;
}

std::optional<std::string> Value::path() const {
  auto text = string();
  if (text && text->starts_with('/') && !has_nul(*text)) return text;
  must("be a string, an absolute path");
  return std::nullopt;
}

std::optional<std::vector<Named>> Value::texts() const {
  constexpr std::string_view be = "be a list of strings";
  const auto* list = node_.as_array();
  if (list == nullptr) {
    must(be);
    return std::nullopt;
  }
  std::vector<Named> texts;
  for (const auto& element : *list) {
    auto text = element.value_exact<std::string>();
    if (text && !has_nul(*text))
      texts.push_back({std::move(*text), where(element.source())});
    else
      must(element, text ? "hold no NUL character" : be);
  }
  if (texts.size() != list->size()) return std::nullopt;
  return texts;
}

std::optional<bool> Value::truth() const {
  const auto value = node_.value_exact<bool>();
  if (!value) must("be true or false");
  return value;
}

std::optional<std::int64_t> Value::number(std::int64_t least, std::int64_t most) const {
  const auto number = node_.value_exact<std::int64_t>();
  if (number && *number >= least && *number <= most) return number;
  must(fmt::format("be a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<double> Value::fraction(double least, double most) const {
  const auto whole = node_.value_exact<std::int64_t>();
  const auto number =
      whole ? std::optional(static_cast<double>(*whole)) : node_.value_exact<double>();
  if (number && *number >= least && *number <= most) return number;  // NaN is neither
  must(fmt::format("be a number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<Microseconds> Value::duration(Microseconds least) const {
  const auto text = string();
  const auto seconds = node_.value_exact<std::int64_t>();
  const auto duration = text      ? parse_duration(*text)
                        : seconds ? parse_duration(std::to_string(*seconds))
                                  : std::nullopt;
  if (duration && *duration >= least) return duration;
  must(
      fmt::format("be a time{}, a year at most: \"250ms\", \"10s\", \"5min\", \"1h\", \"7d\" or a "
                  "whole number of seconds",
                  least > Microseconds{} ? " longer than 0" : ""));
  return std::nullopt;
}

std::optional<std::int64_t> Value::size() const {
  const auto text = string();
  const auto size = text ? parse_size(*text) : node_.value_exact<std::int64_t>();
  if (size && *size > 0) return size;
  must("be a size above 0: \"512M\", \"2G\" or a whole number of bytes");
  return std::nullopt;
}

std::optional<std::int64_t> Value::percentage(std::int64_t most) const {
  const auto text = string();
  const auto number = text && text->ends_with('%')
                          ? parse_number<std::int64_t>(text->substr(0, text->size() - 1))
                          : node_.value_exact<std::int64_t>();
  if (number && *number >= 1 && *number <= most) return number;
  must(fmt::format("be a percentage of one processor from 1 to {}: \"150%\" or 150", most));
  return std::nullopt;
}

std::optional<std::vector<Entry>> Value::entries(std::string_view title,
                                                 const std::string& prefix) const {
  const auto* table = node_.as_table();
  if (table == nullptr) {
    must(fmt::format("be a table: {}", title));
    return std::nullopt;
  }
  std::vector<Entry> entries;
  entries.reserve(table->size());
  for (const auto& [key, node] : *table)
    entries.push_back({key, Value(reader_, node, fmt::format("{}{}", prefix, key.str()))});
  return entries;
}

}  // namespace reeve::config
