// A set of values of an enumeration each of which is a bit of its own.
#pragma once

#include <concepts>
#include <cstdint>

namespace reeve {

template <class Bit>
class BitSet {
 public:
  constexpr BitSet() = default;
  constexpr explicit BitSet(std::same_as<Bit> auto... bits)
      : bits_((0U | ... | static_cast<std::uint32_t>(bits))) {}
  [[nodiscard]] constexpr bool has(Bit bit) const {
    return (bits_ & static_cast<std::uint32_t>(bit)) != 0;
  }
  [[nodiscard]] constexpr BitSet without(Bit bit) const {
    BitSet rest = *this;
    rest.bits_ &= ~static_cast<std::uint32_t>(bit);
    return rest;
  }
  constexpr bool operator==(const BitSet&) const = default;

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace reeve
