#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <memory>

#include "json/codec.hpp"

namespace reeve::json {

namespace {

enum class Colour { red, dark_green };

struct Point {
  std::int64_t x = 0;
  std::optional<std::int64_t> y;
};

// One member of each kind.
struct Figure {
  std::string name;
  bool filled = false;
  Colour colour = Colour::red;
  std::uint8_t opacity = 0;
  std::chrono::microseconds age{};
  Point centre;
  std::vector<Point> corners;
  std::optional<schema::StringMap> labels;
  std::optional<std::string> note;
  std::optional<Point> shadow;
};

constexpr auto describe(schema::Of<Colour>) {
  return schema::enumeration("Colour", "", "red", "darkGreen");
}

constexpr auto describe(schema::Of<Point>) {
  using schema::member;
  return schema::members(member<&Point::x>("x"), member<&Point::y>("y"));
}

constexpr auto describe(schema::Of<Figure>) {
  using schema::member;
  return schema::members(member<&Figure::name>("name"), member<&Figure::filled>("filled"),
                         member<&Figure::colour>("colour"), member<&Figure::opacity>("opacity"),
                         member<&Figure::age>("ageUSec"), member<&Figure::centre>("centre"),
                         member<&Figure::corners>("corners"), member<&Figure::labels>("labels"),
                         member<&Figure::note>("note"), member<&Figure::shadow>("shadow"));
}

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();

// A text that cannot even be read is told as a mismatch of the member "(text)".
template <class T>
Result<T, Mismatch> read(std::string_view text, UnknownMembers unknown = UnknownMembers::refused) {
  Parser parser;
  const auto json = parser.parse(text);
  if (!json) return Mismatch{"(text)", json.error()};
  T value{};
  const auto decoded = decode(*json, value, unknown);
  if (!decoded) return decoded.error();
  return value;
}

bool is_readable(std::string_view text) {
  Parser parser;
  return parser.parse(text).ok();
}

std::string nested(std::size_t depth, std::string_view open, std::string_view close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i)
    text += open;
  text += "1";
  for (std::size_t i = 0; i < depth; ++i)
    text += close;
  return text;
}

std::string utf8(char32_t code) {
  const auto byte = [](char32_t bits) { return static_cast<char>(bits); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F))};
  if (code < 0x10000)
    return {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
  return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)),
          byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
}

// ---- strings

TEST(JsonStrings, RoundTripWhateverTheyHold) {
  std::vector<std::string> texts{"",
                                 "plain",
                                 "\"quoted\"",
                                 "back\\slash",
                                 "a/b",
                                 "\\u0041",
                                 "line\nfeed\ttab\r\b\f",
                                 std::string("nul\0inside", 10)};
  for (char32_t code = 0; code < 0x300; ++code)
    texts.push_back("<" + utf8(code) + ">");
  for (const char32_t code :
       {0x7FF, 0x800, 0x2028, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFF, 0x10000, 0x1F477, 0x10FFFF})
    texts.push_back(utf8(code));
  for (const auto& text : texts) {
    const auto copy = read<std::string>(encoded(text));
    ASSERT_TRUE(copy.ok()) << testing::PrintToString(text) << ": " << copy.error().reason;
    EXPECT_EQ(*copy, text);
  }
}

TEST(JsonStrings, HoldNoControlCharacterOnceWritten) {
  std::string all;
  for (char c = 0; c < 0x20; ++c)
    all += c;
  // A NUL would end the varlink message, a line feed the line of a log.
  for (const char c : encoded(all))
    EXPECT_GE(c, 0x20);
}

TEST(JsonStrings, AreReadWithEveryEscape) {
  EXPECT_EQ(*read<std::string>(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(*read<std::string>(R"("\u0041\u00e9\u65e5\ud83d\udc77")"), "Aé日👷");
  EXPECT_EQ(*read<std::string>(R"("a\u0000b")"), std::string("a\0b", 3));
}

TEST(JsonStrings, AreRefusedIfTheyAreNotUnicode) {
  for (const std::string_view text : {
           "\"\xff\"",
           "\"\x80\"",
           "\"\xc3\"",
           "\"\xc0\xaf\"",
           "\"\xed\xa0\x80\"",
           "\"\xf4\x90\x80\x80\"",
           "{\"\xff\":1}",
           R"("\ud800")",
           R"("\udc00\ud800")",
           R"("\x41")",
           "\"a\nb\"",
       })
    EXPECT_FALSE(is_readable(text)) << testing::PrintToString(text);
}

// ---- numbers

TEST(JsonNumbers, ReachTheLimitsOfSixtyFourBits) {
  for (const std::int64_t number :
       {largest, smallest, largest - 1, std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 53})
    EXPECT_EQ(*read<std::int64_t>(encoded(number)), number);
  EXPECT_EQ(encoded(smallest), "-9223372036854775808");
  using std::chrono::microseconds;
  EXPECT_EQ(*read<microseconds>(encoded(microseconds(largest))), microseconds(largest));
}

TEST(JsonNumbers, AreRefusedUnlessWholeAndInRange) {
  for (const std::string_view text : {"1.0",
                                      "0.5",
                                      "1e3",
                                      "1E3",
                                      "-1.5",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "-9223372036854775809",
                                      "123456789012345678901234567890",
                                      "1e400",
                                      "01",
                                      "+1",
                                      "0x10",
                                      "NaN",
                                      "\"1\"",
                                      "true",
                                      "null",
                                      "[]",
                                      "{}",
                                      ""})
    EXPECT_FALSE(read<std::int64_t>(text).ok()) << text;
}

TEST(JsonNumbers, AreRefusedIfTheMemberIsTooNarrow) {
  EXPECT_EQ(*read<std::uint8_t>("255"), 255);
  EXPECT_FALSE(read<std::uint8_t>("256").ok());
  EXPECT_FALSE(read<std::uint8_t>("-1").ok());
  EXPECT_EQ(*read<std::int8_t>("-128"), -128);
  EXPECT_FALSE(read<std::int8_t>("128").ok());
}

// ---- the parser

TEST(JsonParser, RefusesWhatIsNotOneJsonText) {
  for (const std::string_view text :
       {"", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "{'a':1}", "{} {}", "1 2", "nul",
        "tru", "// a\n1", "\"open", "\xef\xbb\xbf{}"})
    EXPECT_FALSE(is_readable(text)) << text;
}

TEST(JsonParser, RefusesNestingDeeperThanSixtyFour) {
  EXPECT_TRUE(is_readable(nested(64, "[", "]")));
  EXPECT_FALSE(is_readable(nested(65, "[", "]")));
  EXPECT_TRUE(is_readable(nested(64, "{\"a\":", "}")));
  EXPECT_FALSE(is_readable(nested(65, "{\"a\":", "}")));
  EXPECT_FALSE(is_readable(nested(100'000, "[", "]")));
  EXPECT_FALSE(is_readable(nested(100'000, "[", "")));
}

TEST(JsonParser, StillRefusesDeepNestingWhenItHasGrown) {
  Parser parser;
  const std::string blanks(1U << 20, ' ');
  ASSERT_TRUE(parser.parse(blanks + "[1]").ok());
  EXPECT_FALSE(parser.parse(nested(65, "[", "]")).ok());
  EXPECT_FALSE(parser.parse(nested(65, "[", "]") + blanks + blanks + blanks).ok());
  EXPECT_TRUE(parser.parse(nested(64, "[", "]")).ok());
}

TEST(JsonParser, ReadsOnAfterAFault) {
  Parser parser;
  EXPECT_FALSE(parser.parse("{").ok());
  const auto json = parser.parse("[true, null , -7,\t\"x\"]");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->text(), "[true,null,-7,\"x\"]");
}

TEST(JsonParser, NeedsNoMoreOfTheTextOnceItIsRead) {
  Parser parser;
  auto text = std::make_unique<std::string>(R"({"key":"a value of some length"})");
  const auto json = parser.parse(*text);
  ASSERT_TRUE(json.ok());
  text.reset();
  EXPECT_EQ(json->members()->front().first, "key");
  EXPECT_EQ(json->members()->front().second.string(), "a value of some length");
}

TEST(JsonValue, IsOfOneTypeOnly) {
  struct Case {
    std::string_view text;
    bool is_null, is_boolean, is_integer, is_string, is_list, is_object;
  };
  const Case cases[] = {
      {"null", true, false, false, false, false, false},
      {"false", false, true, false, false, false, false},
      {"0", false, false, true, false, false, false},
      {"0.5", false, false, false, false, false, false},
      {"\"\"", false, false, false, true, false, false},
      {"[]", false, false, false, false, true, false},
      {"{}", false, false, false, false, false, true},
  };
  for (const auto& each : cases) {
    Parser parser;
    const auto json = parser.parse(each.text);
    ASSERT_TRUE(json.ok()) << each.text;
    EXPECT_EQ(json->is_null(), each.is_null) << each.text;
    EXPECT_EQ(json->boolean().has_value(), each.is_boolean) << each.text;
    EXPECT_EQ(json->integer().has_value(), each.is_integer) << each.text;
    EXPECT_EQ(json->string().has_value(), each.is_string) << each.text;
    EXPECT_EQ(json->elements().has_value(), each.is_list) << each.text;
    EXPECT_EQ(json->is_object(), each.is_object) << each.text;
    EXPECT_EQ(json->members().has_value(), each.is_object) << each.text;
  }
}

// ---- described types

Figure full_figure() {
  Figure figure;
  figure.name = "tri\"angle";
  figure.filled = true;
  figure.colour = Colour::dark_green;
  figure.opacity = 255;
  figure.age = std::chrono::seconds(1);
  figure.centre = {-1, 2};
  figure.corners = {{0, 0}, {1, {}}};
  figure.labels = schema::StringMap{{"b", ""}, {"a", "1"}};
  figure.note = "";
  figure.shadow = Point{largest, smallest};
  return figure;
}

constexpr std::string_view full_text =
    R"({"name":"tri\"angle","filled":true,"colour":"darkGreen","opacity":255,"ageUSec":1000000,)"
    R"("centre":{"x":-1,"y":2},"corners":[{"x":0,"y":0},{"x":1}],"labels":{"a":"1","b":""},)"
    R"("note":"","shadow":{"x":9223372036854775807,"y":-9223372036854775808}})";

TEST(JsonCodec, WritesMembersInTheOrderOfTheDescription) {
  EXPECT_EQ(encoded(full_figure()), full_text);
}

TEST(JsonCodec, LeavesAbsentOptionalsOut) {
  EXPECT_EQ(encoded(Figure{}),
            R"({"name":"","filled":false,"colour":"red","opacity":0,"ageUSec":0,)"
            R"("centre":{"x":0},"corners":[]})");
}

TEST(JsonCodec, ReadsWhatItWrites) {
  const auto figure = read<Figure>(full_text);
  ASSERT_TRUE(figure.ok()) << figure.error().member << ' ' << figure.error().reason;
  EXPECT_EQ(encoded(*figure), full_text);
  EXPECT_EQ(figure->labels, full_figure().labels);
  EXPECT_EQ(figure->shadow->y, smallest);
}

TEST(JsonCodec, ReadsMembersInAnyOrderAndByEscapedNames) {
  const auto point = read<Point>(R"({"y":2,"\u0078":1})");
  ASSERT_TRUE(point.ok());
  EXPECT_EQ(point->x, 1);
  EXPECT_EQ(point->y, 2);
}

TEST(JsonCodec, TakesANullForAnAbsentOptional) {
  const auto absent = read<Point>(R"({"x":1})");
  const auto null = read<Point>(R"({"x":1,"y":null})");
  ASSERT_TRUE(absent.ok() && null.ok());
  EXPECT_FALSE(absent->y.has_value());
  EXPECT_FALSE(null->y.has_value());

  Parser parser;
  Point point{1, 2};
  ASSERT_TRUE(decode(*parser.parse(R"({"x":3,"y":null})"), point, UnknownMembers::refused).ok());
  EXPECT_FALSE(point.y.has_value());
}

TEST(JsonCodec, NamesTheMemberThatDoesNotMatchAndTheReason) {
  // Each takes the place of a member of a figure that is otherwise right.
  struct Case {
    std::string_view replaced;
    std::string_view by;
    std::string_view member;
    std::string_view reason;
  };
  constexpr std::string_view number = "must be a whole number in range";
  const Case cases[] = {
      {R"("name":"n",)", "", "name", "is missing"},
      {R"("corners":[])", R"("corners":[{"x":1},{"y":2}])", "corners[1].x", "is missing"},
      {R"({"x":1})", "{}", "centre.x", "is missing"},
      {R"("name":"n")", R"("name":"n","size":1)", "size", "is not a member here"},
      {R"("name":"n")", R"("name":"n","":1)", "", "is not a member here"},
      {R"({"x":1})", R"({"x":1,"z":1})", "centre.z", "is not a member here"},
      {"[]", R"([{"x":1,"z":{}}])", "corners[0].z", "is not a member here"},
      {R"("name":"n")", R"("name":"n","name":"n")", "name", "is given twice"},
      {R"("name":"n")", R"("name":"n","\u006eame":"n")", "name", "is given twice"},
      {R"({"x":1})", R"({"x":1,"y":1,"y":null})", "centre.y", "is given twice"},
      {"[]", R"([{"x":1},{"x":1,"x":2}])", "corners[1].x", "is given twice"},
      {R"("n")", "1", "name", "must be a string"},
      {R"("n")", "null", "name", "must be a string"},
      {"true", "1", "filled", "must be true or false"},
      {"true", R"("true")", "filled", "must be true or false"},
      {R"("red")", R"("blue")", "colour", "must be one of: red darkGreen"},
      {R"("red")", R"("Red")", "colour", "must be one of: red darkGreen"},
      {R"("red")", "0", "colour", "must be one of: red darkGreen"},
      {R"("opacity":1)", R"("opacity":256)", "opacity", number},
      {R"("opacity":1)", R"("opacity":1.0)", "opacity", number},
      {R"("ageUSec":1)", R"("ageUSec":0.5)", "ageUSec", "must be a whole number of microseconds"},
      {R"({"x":1})", R"({"x":9223372036854775808})", "centre.x", number},
      {R"({"x":1})", R"({"x":1,"y":true})", "centre.y", number},
      {R"({"x":1})", "[]", "centre", "must be an object"},
      {R"({"x":1})", "null", "centre", "must be an object"},
      {"[]", "{}", "corners", "must be a list"},
      {"[]", "[[]]", "corners[0]", "must be an object"},
      {"[]", R"([],"labels":[])", "labels", "must be an object of strings"},
      {"[]", R"([],"labels":{"a":"1","b":2})", "labels", "must be an object of strings"},
      {"[]", R"([],"shadow":{"x":"1"})", "shadow.x", number},
  };
  constexpr std::string_view right =
      R"({"name":"n","filled":true,"colour":"red","opacity":1,"ageUSec":1,)"
      R"("centre":{"x":1},"corners":[]})";
  ASSERT_TRUE(read<Figure>(right).ok());
  for (const auto& each : cases) {
    std::string text(right);
    text.replace(text.find(each.replaced), each.replaced.size(), each.by);
    const auto figure = read<Figure>(text);
    ASSERT_FALSE(figure.ok()) << text;
    EXPECT_EQ(figure.error().member, each.member) << text;
    EXPECT_EQ(figure.error().reason, each.reason) << text;
  }
}

TEST(JsonCodec, WantsAnObjectAtTheTop) {
  for (const std::string_view text : {"[]", "null", "1", "\"x\""}) {
    const auto point = read<Point>(text);
    ASSERT_FALSE(point.ok()) << text;
    EXPECT_EQ(point.error().member, "") << text;
    EXPECT_EQ(point.error().reason, "must be an object") << text;
  }
}

TEST(JsonCodec, IgnoresUnknownMembersOfARecordAndNothingElse) {
  constexpr auto ignored = UnknownMembers::ignored;
  const auto figure = read<Figure>(
      R"({"name":"n","filled":true,"colour":"red","opacity":1,"ageUSec":1,"later":{"x":[1]},)"
      R"("centre":{"x":1,"z":3},"corners":[{"w":0,"x":5}],"later":2})",
      ignored);
  ASSERT_TRUE(figure.ok()) << figure.error().member << ' ' << figure.error().reason;
  EXPECT_EQ(figure->corners.at(0).x, 5);

  EXPECT_EQ(read<Point>(R"({"z":1})", ignored).error().reason, "is missing");
  EXPECT_EQ(read<Point>(R"({"x":1,"x":1})", ignored).error().reason, "is given twice");
  EXPECT_EQ(read<Point>(R"({"x":"1"})", ignored).error().member, "x");
}

TEST(JsonNames, OfEnumeratorsRoundTrip) {
  for (const auto colour : {Colour::red, Colour::dark_green})
    EXPECT_EQ(schema::value_named<Colour>(schema::name_of(colour)), colour);
  EXPECT_EQ(schema::name_of(Colour::dark_green), "darkGreen");
  EXPECT_EQ(schema::value_named<Colour>("dark_green"), std::nullopt);
  EXPECT_EQ(schema::value_named<Colour>(""), std::nullopt);
}

// ---- laid out

TEST(JsonIndented, IsTheSameDocument) {
  for (const std::string_view compact :
       {std::string_view("null"), std::string_view("-7"), std::string_view(R"("{[,:\"\\\"]}")"),
        std::string_view("[]"), std::string_view("{}"), std::string_view("[[],{},[[]]]"),
        std::string_view(R"(["\",{","\\",[1]])"),
        std::string_view(R"({"a\\":"\\","b":[1,{"c":"}"},""],"d,e":{"f:":{}}})"), full_text}) {
    Parser parser;
    const auto laid_out = indented(compact);
    const auto json = parser.parse(laid_out);
    ASSERT_TRUE(json.ok()) << laid_out;
    EXPECT_EQ(json->text(), compact);
  }
}

TEST(JsonIndented, PutsEachMemberOnALineOfItsOwn) {
  EXPECT_EQ(indented(R"({"a":1,"b":[true,{"c":"x: [y, z]"}],"d":{},"e":[]})"),
            "{\n"
            "  \"a\": 1,\n"
            "  \"b\": [\n"
            "    true,\n"
            "    {\n"
            "      \"c\": \"x: [y, z]\"\n"
            "    }\n"
            "  ],\n"
            "  \"d\": {},\n"
            "  \"e\": []\n"
            "}");
}

}  // namespace

}  // namespace reeve::json
