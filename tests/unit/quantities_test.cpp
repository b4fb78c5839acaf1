#include "base/quantities.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace reeve {

namespace {

TEST(ParseDuration, TakesAWholeNumberAndAUnitUpToAYear) {
  const std::pair<std::string_view, std::optional<std::int64_t>> cases[] = {
      {"90", 90'000'000},
      {"0", 0},
      {"90s", 90'000'000},
      {"500ms", 500'000},
      {"10us", 10},
      {"5min", 300'000'000},
      {"5m", 300'000'000},
      {"2h", 7'200'000'000},
      {"7d", 604'800'000'000},
      {"365d", 31'536'000'000'000},
      {"366d", {}},
      {"31536001", {}},
      {"9223372036854775807h", {}},
      {"-1s", {}},
      {"1.5s", {}},
      {"1 s", {}},
      {" 1s", {}},
      {"s", {}},
      {"", {}},
      {"1y", {}},
      {"1h30min", {}},
      {"ten seconds", {}},
  };
  for (const auto& [text, microseconds] : cases) {
    const auto duration = parse_duration(text);
    EXPECT_EQ(duration.has_value(), microseconds.has_value()) << text;
    if (duration && microseconds) {
      EXPECT_EQ(duration->count(), *microseconds) << text;
    }
  }
}

TEST(ParseSize, TakesBytesAndTheirBinaryMultiples) {
  const std::pair<std::string_view, std::optional<std::int64_t>> cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"1K", 1024},
      {"512M", 512LL << 20},
      {"2G", 2LL << 30},
      {"3T", 3LL << 40},
      {"8388607T", 8388607LL << 40},
      {"8388608T", {}},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"9223372036854775808", {}},
      {"-1", {}},
      {"1.5G", {}},
      {"1k", {}},
      {"1KB", {}},
      {"M", {}},
      {"", {}},
  };
  for (const auto& [text, bytes] : cases)
    EXPECT_EQ(parse_size(text), bytes) << text;
}

TEST(FormatDuration, NamesTheTwoLargestUnits) {
  const std::pair<std::int64_t, std::string_view> cases[] = {
      {0, "0us"},
      {999, "999us"},
      {12'345, "12ms"},
      {59'999'999, "59s"},
      {184'000'000, "3min 4s"},
      {7'260'000'000, "2h 1min"},
      {90'000'000'000, "1d 1h"},
  };
  for (const auto& [microseconds, text] : cases)
    EXPECT_EQ(format_duration(Microseconds(microseconds)), text);
}

}  // namespace

}  // namespace reeve
