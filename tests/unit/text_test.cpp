#include "base/text.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <limits>

namespace reeve {

namespace {

using Parts = std::vector<std::string_view>;

TEST(Split, GivesOnePartMoreThanThereAreSeparators) {
  const std::pair<std::string_view, Parts> cases[] = {
      {"", {""}},
      {"one", {"one"}},
      {"one,two", {"one", "two"}},
      {",", {"", ""}},
      {",one,,two,", {"", "one", "", "two", ""}},
  };
  for (const auto& [text, parts] : cases)
    EXPECT_EQ(split(text, ','), parts) << text;
}

TEST(Trim, TakesBlanksFromBothEndsAndNowhereElse) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},
      {" \t\r\n", ""},
      {"word", "word"},
      {" word", "word"},
      {"word\n", "word"},
      {"\t two  words\r\n", "two  words"},
      {"\vword", "\vword"},
  };
  for (const auto& [text, trimmed] : cases)
    EXPECT_EQ(trim(text), trimmed);
}

TEST(ParseNumber, TakesTheWholeTextOrNothing) {
  const std::pair<std::string_view, std::optional<int>> cases[] = {
      {"0", 0},          {"42", 42},
      {"007", 7},        {"-42", -42},
      {"", {}},          {"-", {}},
      {"+42", {}},       {" 42", {}},
      {"42 ", {}},       {"42\n", {}},
      {"4.2", {}},       {"0x2a", {}},
      {"forty-two", {}}, {std::string_view("4\0002", 3), {}},
  };
  for (const auto& [text, number] : cases)
    EXPECT_EQ(parse_number<int>(text), number) << '"' << text << '"';
}

TEST(ParseNumber, RefusesWhatTheTypeCannotHold) {
  EXPECT_EQ(parse_number<std::int64_t>("9223372036854775807"),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_number<std::int64_t>("-9223372036854775808"),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_number<std::int64_t>("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_number<std::int64_t>("-9223372036854775809"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615"),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_number<std::uint64_t>("-1"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);
}

TEST(IsPrintable, HoldsForWordsOfAllLanguages) {
  for (const std::string_view text :
       {"", "worker 1", "~!@#$%^&*()[]{}\\\"'", "größe", "Ελληνικά", "אבג", "日本語", "👷🏽"})
    EXPECT_TRUE(is_printable(text)) << text;
  // The neighbours of what is refused.
  for (const std::string_view text :
       {" ", "~", "\u00a0", "\u2027", "\u202f", "\u2065", "\u206a", "\ufefe", "\uff01"})
    EXPECT_TRUE(is_printable(text)) << text;
}

TEST(IsPrintable, RefusesEveryCharacterThatActsOnATerminal) {
  std::vector<std::string> acting;
  for (char c = 0; c < 0x20; ++c)
    acting.emplace_back(1, c);
  acting.emplace_back("\x7f");
  for (int low = 0x80; low < 0xa0; ++low)
    acting.push_back({'\xc2', static_cast<char>(low)});
  for (const char* text : {"\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
                           "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff"})
    acting.emplace_back(text);
  for (const auto& character : acting)
    for (const auto& text : {character, "日" + character, character + "é", "a" + character + "b"})
      EXPECT_FALSE(is_printable(text)) << testing::PrintToString(text);
}

TEST(IsLowerHexadecimal, KnowsNoOtherDigits) {
  EXPECT_TRUE(is_lower_hexadecimal("0123456789abcdef"));
  for (const std::string_view text : {"A", "g", "0x1", "-1", " 1", "1 ", "é"})
    EXPECT_FALSE(is_lower_hexadecimal(text)) << text;
}

TEST(SignalName, RoundTripsForEverySignal) {
  for (int number = 1; number <= SIGRTMAX; ++number) {
    const auto name = signal_name(number);
    EXPECT_EQ(signal_number(name), number) << name;
    EXPECT_EQ(signal_number(std::to_string(number)), number);
    if (name.starts_with("SIG")) {
      EXPECT_EQ(signal_number(name.substr(3)), number) << name;
    }
  }
}

TEST(SignalName, IsTheOneThatEverybodyUses) {
  const std::pair<int, std::string_view> cases[] = {
      {SIGTERM, "SIGTERM"},      {SIGKILL, "SIGKILL"},     {SIGCHLD, "SIGCHLD"},
      {SIGSYS, "SIGSYS"},        {SIGRTMIN, "SIGRTMIN+0"}, {SIGRTMIN + 3, "SIGRTMIN+3"},
      {SIGRTMAX, "SIGRTMIN+30"}, {1000, "1000"},
  };
  for (const auto& [number, name] : cases)
    EXPECT_EQ(signal_name(number), name);
}

TEST(SignalNumber, RefusesWhatIsNoSignal) {
  for (const std::string_view name :
       {"", "SIG", "SIGSIGTERM", "sigterm", "SIGTERM ", "SIG15", "0", "-15", "65", "1000000000000",
        "RTMIN+", "RTMIN+-1", "RTMIN+31", "RTMIN+x", "SIGRTMIN+1000"})
    EXPECT_EQ(signal_number(name), std::nullopt) << name;
}

TEST(SignalNumber, RefusesAnOffsetThatNoIntCanBeAddedTo) {
  EXPECT_EQ(signal_number("SIGRTMIN+2147483647"), std::nullopt);
  EXPECT_EQ(signal_number("RTMIN+2147483614"), std::nullopt);
}

}  // namespace

TEST(Text, IsUtf8OrNot) {
  for (const char* text : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                           "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text : {"\xff", "\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf",
                           "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xe2\x82"})
    EXPECT_FALSE(is_utf8(text));
}

}  // namespace reeve
