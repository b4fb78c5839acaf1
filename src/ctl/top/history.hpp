// The last values of something, and a small graph of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reeve::ctl::top {

class History {
 public:
  using Value = std::optional<std::int64_t>;
  static constexpr std::size_t capacity = 48;

  // The oldest goes when there are too many.
  void add(Value value);
  // The newest `count`, or all if there are not so many; the oldest of them first.
  [[nodiscard]] std::vector<Value> last(std::size_t count) const;

 private:
  std::array<Value, capacity> values_;
  std::size_t size_ = 0;
  std::size_t next_ = 0;  // where the next one goes
};

// What a terminal can show: where its character set is not UTF-8, ASCII alone.
enum class Glyphs { blocks, ascii };

// `width` characters, the newest value on the right; blank where there is none. What fills the
// whole height is `full`, or the highest value shown if that is higher.
std::string graph(const History& history, std::size_t width, std::int64_t full, Glyphs glyphs);

}  // namespace reeve::ctl::top
