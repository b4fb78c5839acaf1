// The contract of io.reeve.Registry lies beside this file as it was agreed; what reeved says of
// itself must hold all of it: every definition, member, type and word of its documentation, in the
// same order. It may say more.
#include "api/interface.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>

#include "api/failure.hpp"
#include "base/text.hpp"
#include "json/value.hpp"

namespace reeve::api {

namespace {

struct Member {
  std::string name;
  std::string type;  // empty for the value of an enum
  std::string comment;
};

struct Definition {
  std::string kind;  // "type", "method" or "error"
  std::string name;
  std::string comment;
  std::vector<Member> members;  // of a type or an error, or a method's input
  std::vector<Member> output;
};

struct Interface {
  std::string name;
  std::string comment;
  std::vector<Definition> definitions;
};

// The part of varlink's interface description language that the contract uses.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) { advance(); }

  Interface read() {
    Interface interface;
    interface.comment = comment_;
    expect("interface");
    interface.name = take();
    while (!token_.empty()) {
      Definition definition;
      definition.comment = comment_;
      definition.kind = take();
      definition.name = take();
      definition.members = members();
      if (definition.kind == "method") {
        expect("->");
        definition.output = members();
      }
      interface.definitions.push_back(std::move(definition));
    }
    return interface;
  }

 private:
  std::vector<Member> members() {
    std::vector<Member> members;
    expect("(");
    while (token_ != ")") {
      if (!members.empty()) expect(",");
      Member member;
      member.comment = comment_;
      member.name = take();
      if (token_ == ":") {
        take();
        while (token_ != "," && token_ != ")")
          member.type += take();
      }
      members.push_back(std::move(member));
    }
    take();
    return members;
  }

  void expect(std::string_view token) {
    if (token_ != token) fail(token);
    advance();
  }

  std::string take() {
    if (token_.empty()) fail("something");
    std::string token(token_);
    advance();
    return token;
  }

  [[noreturn]] void fail(std::string_view wanted) const {
    throw std::runtime_error("line " + std::to_string(line_) + ": not " + std::string(wanted) +
                             " but '" + std::string(token_) + "'");
  }

  static bool is_blank(unsigned char c) { return std::isspace(c) != 0; }

  // The next token, and the comment that stands before it.
  void advance() {
    comment_.clear();
    while (!text_.empty() && (is_blank(text_.front()) || text_.front() == '#')) {
      if (text_.front() == '#') {
        const auto line = text_.substr(1, text_.find('\n') - 1);
        comment_.append(trim(line)).append("\n");
        text_.remove_prefix(line.size() + 1);
      } else {
        if (text_.front() == '\n') ++line_;
        text_.remove_prefix(1);
      }
    }
    const auto is_word = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; };
    const auto end = std::find_if_not(text_.begin(), text_.end(), is_word);
    auto length = static_cast<std::size_t>(end - text_.begin());
    if (length == 0 && !text_.empty()) length = text_.starts_with("->") ? 2 : 1;
    token_ = text_.substr(0, length);
    text_.remove_prefix(length);
  }

  std::string_view text_;
  std::string_view token_;
  std::string comment_;
  int line_ = 1;
};

std::string file(const char* path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

const Interface& contract() {
  static const auto text = file(REEVE_CONTRACT);
  static const auto interface = Reader(text).read();
  return interface;
}

const Interface& description() {
  static const auto interface = Reader(definition_of(*find_interface("io.reeve.Registry"))).read();
  return interface;
}

const Definition* find(const Interface& interface, const Definition& like) {
  for (const auto& definition : interface.definitions)
    if (definition.kind == like.kind && definition.name == like.name) return &definition;
  return nullptr;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

bool says_all_of(const std::string& comment, const std::string& promised) {
  const auto words = words_of(comment);
  const auto part = words_of(promised);
  return part.empty() ||
         std::search(words.begin(), words.end(), part.begin(), part.end()) != words.end();
}

// Every member that was promised is there, in the order that was promised.
void expect_members(const std::vector<Member>& members, const std::vector<Member>& promised,
                    const std::string& where) {
  auto next = members.begin();
  for (const auto& member : promised) {
    const auto found = std::find_if(next, members.end(),
                                    [&](const Member& each) { return each.name == member.name; });
    if (found == members.end()) {
      ADD_FAILURE() << where << '.' << member.name << " is missing, or not in its place";
      continue;
    }
    EXPECT_EQ(found->type, member.type) << where << '.' << member.name;
    EXPECT_TRUE(says_all_of(found->comment, member.comment))
        << where << '.' << member.name << " no longer says:\n"
        << member.comment;
    next = found + 1;
  }
}

// ---- the reader itself, for a reader that sees nothing would find nothing amiss

TEST(InterfaceReader, SeesEveryPartOfADefinition) {
  const auto interface = Reader(
                             "# About\n#\n# all.\ninterface a.b\n\n"
                             "# One.\n# Two.\ntype T (\n  a: int,\n  # Of b.\n  b: ?[]string\n)\n"
                             "type E (x, y)\n"
                             "method M(a: ?[string]T) -> ()\n"
                             "# Bad.\nerror F (t: T, n: int)")
                             .read();
  EXPECT_EQ(interface.name, "a.b");
  EXPECT_EQ(interface.comment, "About\n\nall.\n");
  ASSERT_EQ(interface.definitions.size(), 4U);
  const auto& type = interface.definitions[0];
  EXPECT_EQ(type.kind + " " + type.name, "type T");
  EXPECT_EQ(type.comment, "One.\nTwo.\n");
  ASSERT_EQ(type.members.size(), 2U);
  EXPECT_EQ(type.members[0].comment, "");
  EXPECT_EQ(type.members[1].name, "b");
  EXPECT_EQ(type.members[1].type, "?[]string");
  EXPECT_EQ(type.members[1].comment, "Of b.\n");
  EXPECT_EQ(interface.definitions[1].members.at(1).name, "y");
  EXPECT_EQ(interface.definitions[2].members.at(0).type, "?[string]T");
  EXPECT_TRUE(interface.definitions[2].output.empty());
  EXPECT_EQ(interface.definitions[3].comment, "Bad.\n");
}

TEST(InterfaceReader, SeesTheWholeContract) {
  const auto count = [](std::string_view kind) {
    return std::count_if(contract().definitions.begin(), contract().definitions.end(),
                         [&](const Definition& each) { return each.kind == kind; });
  };
  EXPECT_EQ(contract().name, "io.reeve.Registry");
  EXPECT_EQ(count("type"), 17);
  EXPECT_EQ(count("method"), 26);
  EXPECT_EQ(count("error"), 16);
}

// ---- the promise

TEST(RegistryDescription, DefinesAllThatTheContractPromisesInItsOrder) {
  EXPECT_EQ(description().name, contract().name);
  auto next = description().definitions.begin();
  for (const auto& promised : contract().definitions) {
    const auto found =
        std::find_if(next, description().definitions.end(), [&](const Definition& each) {
          return each.kind == promised.kind && each.name == promised.name;
        });
    if (found == description().definitions.end()) {
      ADD_FAILURE() << promised.kind << ' ' << promised.name << " is missing, or not in its place";
      continue;
    }
    next = found + 1;
  }
}

TEST(RegistryDescription, KeepsTheMembersAndTypesOfTheContract) {
  for (const auto& promised : contract().definitions) {
    const auto* definition = find(description(), promised);
    ASSERT_NE(definition, nullptr) << promised.name;
    expect_members(definition->members, promised.members, promised.name);
    expect_members(definition->output, promised.output, promised.name + " ->");
  }
}

TEST(RegistryDescription, AddsOnlyWhatOldCallersNeedNotGive) {
  for (const auto& promised : contract().definitions) {
    if (promised.kind != "method") continue;
    for (const auto& member : find(description(), promised)->members) {
      const bool was_promised =
          std::any_of(promised.members.begin(), promised.members.end(),
                      [&](const Member& each) { return each.name == member.name; });
      EXPECT_TRUE(was_promised || member.type.starts_with('?'))
          << promised.name << '.' << member.name << " is new and not optional";
    }
  }
}

TEST(RegistryDescription, KeepsTheWordsOfTheContract) {
  EXPECT_TRUE(says_all_of(description().comment, contract().comment)) << description().comment;
  for (const auto& promised : contract().definitions) {
    const auto* definition = find(description(), promised);
    ASSERT_NE(definition, nullptr) << promised.name;
    EXPECT_TRUE(says_all_of(definition->comment, promised.comment))
        << promised.kind << ' ' << promised.name << " no longer says:\n"
        << promised.comment;
  }
}

// ---- what the language asks for

// Without "?", "[]" and "[string]".
std::string bare(std::string_view type) {
  for (const std::string_view prefix : {"?", "[]", "[string]", "[]"})
    if (type.starts_with(prefix)) type.remove_prefix(prefix.size());
  return std::string(type);
}

void expect_sound(const std::string& text) {
  const auto interface = Reader(text).read();
  std::set<std::string> types{"bool", "int", "float", "string", "object"};
  std::set<std::string> names;
  for (const auto& definition : interface.definitions) {
    EXPECT_TRUE(names.insert(definition.name).second) << definition.name << " is defined twice";
    EXPECT_TRUE(std::isupper(definition.name.front())) << definition.name;
    if (definition.kind == "type") types.insert(definition.name);
  }
  for (const auto& definition : interface.definitions)
    for (const auto* members : {&definition.members, &definition.output}) {
      std::set<std::string> member_names;
      for (const auto& member : *members) {
        EXPECT_TRUE(member_names.insert(member.name).second)
            << definition.name << " has " << member.name << " twice";
        EXPECT_TRUE(std::isalpha(member.name.front())) << member.name;
        if (!member.type.empty()) {
          EXPECT_TRUE(types.contains(bare(member.type)))
              << definition.name << '.' << member.name << ": " << member.type;
        }
      }
    }
}

TEST(InterfaceDescriptions, DefineEveryTypeTheyUseAndNothingTwice) {
  for (const auto& interface : interfaces())
    expect_sound(definition_of(interface));
}

TEST(InterfaceDescriptions, OfTheServiceHoldWhatVarlinkAsksFor) {
  const auto interface = Reader(definition_of(*find_interface("org.varlink.service"))).read();
  EXPECT_EQ(interface.name, "org.varlink.service");
  std::set<std::string> names;
  for (const auto& definition : interface.definitions)
    names.insert(definition.kind + " " + definition.name);
  for (const char* name :
       {"method GetInfo", "method GetInterfaceDescription", "error InterfaceNotFound",
        "error MethodNotFound", "error MethodNotImplemented", "error InvalidParameter"})
    EXPECT_TRUE(names.contains(name)) << name;
}

}  // namespace

}  // namespace reeve::api
