#include "varlink/framer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>

namespace reeve::varlink {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t plenty = 1000;

std::vector<std::string> taken_from(Framer& framer) {
  std::vector<std::string> texts;
  while (auto frame = framer.take())
    texts.push_back(std::move(frame->text));
  return texts;
}

// Descriptors to recognise: the numbers they are known by, and they themselves.
class Descriptors {
 public:
  std::vector<FileDescriptor> make(std::size_t count) {
    std::vector<FileDescriptor> made;
    for (std::size_t i = 0; i < count; ++i)
      numbers.push_back(made.emplace_back(::eventfd(0, EFD_CLOEXEC)).get());
    return made;
  }

  std::vector<int> numbers;
};

std::vector<int> numbers_of(const Frame& frame) {
  std::vector<int> numbers;
  for (const auto& descriptor : frame.descriptors)
    numbers.push_back(descriptor.get());
  return numbers;
}

TEST(Framer, PutsAMessageTogetherThatComesByteByByte) {
  Framer framer(plenty);
  std::vector<std::string> texts;
  for (const char c : "{\"one\":1}\0{}\0"sv) {
    EXPECT_FALSE(framer.has_complete());
    framer.add({&c, 1}, {});
    EXPECT_EQ(framer.has_complete(), c == '\0');
    if (auto frame = framer.take()) texts.push_back(frame->text);
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"{\"one\":1}", "{}"}));
}

TEST(Framer, TakesSeveralMessagesOfOneReadApart) {
  Framer framer(plenty);
  framer.add("one\0two\0\0thr"sv, {});
  EXPECT_EQ(taken_from(framer), (std::vector<std::string>{"one", "two", ""}));
  EXPECT_FALSE(framer.has_complete());
  framer.add("ee\0"sv, {});
  EXPECT_EQ(taken_from(framer), std::vector<std::string>{"three"});
}

TEST(Framer, GivesTheSameMessagesHoweverTheStreamIsCut) {
  constexpr auto stream = "a\0\0bc\0def\0g"sv;
  for (std::size_t first = 0; first <= stream.size(); ++first)
    for (std::size_t second = first; second <= stream.size(); ++second) {
      Framer framer(plenty);
      std::vector<std::string> texts;
      for (const auto part :
           {stream.substr(0, first), stream.substr(first, second - first), stream.substr(second)}) {
        framer.add(part, {});
        for (auto& text : taken_from(framer))
          texts.push_back(std::move(text));
      }
      EXPECT_EQ(texts, (std::vector<std::string>{"a", "", "bc", "def"})) << first << ' ' << second;
    }
}

TEST(Framer, KnowsAMessageThatIsTooLongEndedOrNot) {
  struct Case {
    std::string_view bytes;
    bool overrun;
  };
  const Case cases[] = {
      {""sv, false},       {"abcd"sv, false},      {"abcd\0"sv, false},  {"abcde"sv, true},
      {"abcde\0"sv, true}, {"abcde\0a\0"sv, true}, {"a\0abcd"sv, false}, {"abcd\0abcd\0"sv, false},
  };
  for (const auto& [bytes, overrun] : cases) {
    Framer framer(4);
    framer.add(bytes, {});
    EXPECT_EQ(framer.is_overrun(), overrun) << testing::PrintToString(bytes);
    if (overrun) {
      EXPECT_FALSE(framer.take().has_value()) << testing::PrintToString(bytes);
    }
  }
}

TEST(Framer, GivesWhatCameBeforeAnOverrun) {
  for (const auto rest : {"abcde"sv, "abcde\0"sv}) {
    Framer framer(4);
    framer.add("abcd\0"sv, {});
    framer.add(rest, {});
    EXPECT_FALSE(framer.is_overrun());
    EXPECT_EQ(taken_from(framer), std::vector<std::string>{"abcd"});
    EXPECT_TRUE(framer.is_overrun());
  }
}

TEST(Framer, KnowsAnOverrunThatGrowsReadByRead) {
  Framer framer(4);
  for (int i = 0; i < 4; ++i) {
    framer.add("a", {});
    EXPECT_FALSE(framer.is_overrun());
  }
  framer.add("a", {});
  EXPECT_TRUE(framer.is_overrun());
}

TEST(Framer, GivesDescriptorsToTheMessageWithTheLastByteOfTheRead) {
  Descriptors made;
  Framer framer(plenty);
  framer.add("one\0two\0"sv, made.make(2));
  const auto one = framer.take();
  const auto two = framer.take();
  ASSERT_TRUE(one && two);
  EXPECT_TRUE(one->descriptors.empty());
  EXPECT_EQ(numbers_of(*two), made.numbers);
}

TEST(Framer, KeepsDescriptorsForAMessageThatIsNotYetComplete) {
  Descriptors made;
  Framer framer(plenty);
  framer.add("one\0tw"sv, made.make(1));
  framer.add("o\0"sv, made.make(1));
  framer.add("three\0"sv, {});
  const auto one = framer.take();
  const auto two = framer.take();
  const auto three = framer.take();
  ASSERT_TRUE(one && two && three);
  EXPECT_TRUE(one->descriptors.empty());
  EXPECT_EQ(numbers_of(*two), made.numbers);
  EXPECT_TRUE(three->descriptors.empty());
}

TEST(Framer, GivesDescriptorsToTheRightMessageWhereverTheStreamIsCut) {
  constexpr auto stream = "one\0two\0three\0"sv;
  const auto message_of = [&](std::size_t offset) {
    return std::count(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(offset), '\0');
  };
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    Descriptors made;
    Framer framer(plenty);
    framer.add(stream.substr(0, cut), made.make(1));
    framer.add(stream.substr(cut), made.make(1));
    std::vector<std::vector<int>> expected(3);
    expected.at(message_of(cut - 1)).push_back(made.numbers[0]);
    expected.at(message_of(stream.size() - 1)).push_back(made.numbers[1]);
    for (const auto& numbers : expected) {
      const auto frame = framer.take();
      ASSERT_TRUE(frame.has_value()) << "cut at " << cut;
      EXPECT_EQ(numbers_of(*frame), numbers) << frame->text << ", cut at " << cut;
    }
  }
}

TEST(Framer, KeepsDescriptorsOfSuccessiveMessagesApart) {
  Descriptors made;
  Framer framer(plenty);
  framer.add("one\0"sv, made.make(1));
  framer.add("two"sv, made.make(1));
  framer.add("\0three\0"sv, made.make(1));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto frame = framer.take();
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(numbers_of(*frame), std::vector<int>{made.numbers[i]}) << frame->text;
  }
}

TEST(Framer, ClosesDescriptorsThatNobodyTook) {
  Descriptors made;
  {
    Framer framer(plenty);
    framer.add("never ended", made.make(1));
  }
  EXPECT_EQ(::fcntl(made.numbers[0], F_GETFD), -1);
}

}  // namespace

}  // namespace reeve::varlink
