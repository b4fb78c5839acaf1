#include "ctl/top/history.hpp"

#include <algorithm>
#include <string_view>

namespace reeve::ctl::top {

namespace {

constexpr std::size_t levels = 8;
constexpr std::array<std::string_view, levels> blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, levels> characters{"_", ".", ":", "-", "=", "+", "*", "#"};

}  // namespace

void History::add(Value value) {
  values_[next_] = value;
  next_ = (next_ + 1) % capacity;
  size_ = std::min(size_ + 1, capacity);
}

std::vector<History::Value> History::last(std::size_t count) const {
  std::vector<Value> values;
  for (count = std::min(count, size_); count > 0; --count)
    values.push_back(values_[(next_ + capacity - count) % capacity]);
  return values;
}

std::string graph(const History& history, std::size_t width, std::int64_t full, Glyphs glyphs) {
  const auto values = history.last(width);
  for (const auto& value : values)
    full = std::max(full, value.value_or(0));
  std::string text(width - values.size(), ' ');
  for (const auto& value : values) {
    const auto share =
        value && full > 0 ? static_cast<double>(*value) / static_cast<double>(full) : 0.0;
    const auto level =
        std::min(static_cast<std::size_t>(std::max(share, 0.0) * levels), levels - 1);
    text += !value ? " " : (glyphs == Glyphs::blocks ? blocks : characters)[level];
  }
  return text;
}

}  // namespace reeve::ctl::top
