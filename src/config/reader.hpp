// How tables are read: a table is a list of keys, each with the function that takes its value. What
// is wrong is told to the Reader, with its place, and the reading goes on.
#pragma once

#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "config/config.hpp"

namespace reeve::config {

// The faults of all files so far, and where the values that were read stand.
class Reader {
 public:
  // What was misspelt or misplaced is looked for among what is known; the file itself comes first.
  explicit Reader(std::vector<KnownTable> known) : known_(std::move(known)) {}

  // In the order of their places, among those since the last call.
  void sort_faults();
  void fault(const toml::source_region& place, std::string_view what);
  void fault(const std::string& where, std::string_view what);
  void unknown(const toml::key& key, const std::string& title);
  [[nodiscard]] std::vector<std::string> messages() const;

  // A value, by the name that faults call it by. The last file that has it counts.
  void note(const std::string& value, std::string where) { places_[value] = std::move(where); }
  void note_wrong(const std::string& value) { wrong_.insert(value); }
  [[nodiscard]] std::optional<std::string> place_of(const std::string& value) const;
  [[nodiscard]] bool is_wrong(const std::string& value) const { return wrong_.contains(value); }

 private:
  struct Fault {
    std::uint32_t line = 0, column = 0;
    std::string message;
  };
  [[nodiscard]] std::string hint(std::string_view key, const std::string& title) const;

  std::vector<KnownTable> known_;
  std::vector<Fault> faults_;
  std::size_t sorted_ = 0;
  std::map<std::string, std::string> places_;
  std::set<std::string> wrong_;
};

std::string where(const toml::source_region& place);

class Value;
struct Entry;

template <class T>
struct Key {
  std::string_view name;
  void (*take)(T& into, const Value& value);
};

template <class T>
std::vector<std::string_view> names_of(std::span<const Key<T>> keys) {
  std::vector<std::string_view> names;
  for (const auto& key : keys)
    names.push_back(key.name);
  return names;
}

// What stands behind a key. A question that it is no answer to is told as a fault, and nothing is
// returned.
class Value {
 public:
  // `name` is how faults call it: "pool web: backoff.max".
  Value(Reader& reader, const toml::node& node, std::string name)
      : reader_(reader), node_(node), name_(std::move(name)) {
    reader_.note(name_, place());
  }

  [[nodiscard]] Reader& reader() const { return reader_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string place() const { return where(node_.source()); }
  void must(std::string_view be) const { must(node_, be); }

  // Without NUL, and so many bytes at least; `be` says what it is to be.
  [[nodiscard]] std::optional<std::string> text(std::string_view be, std::size_t least = 1) const;
  [[nodiscard]] std::optional<std::string> path() const;
  [[nodiscard]] std::optional<std::vector<Named>> texts() const;
  [[nodiscard]] std::optional<bool> truth() const;
  [[nodiscard]] std::optional<std::int64_t> number(std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::optional<double> fraction(double least, double most) const;
  [[nodiscard]] std::optional<Microseconds> duration(Microseconds least = Microseconds{1}) const;
  [[nodiscard]] std::optional<std::int64_t> size() const;
  [[nodiscard]] std::optional<std::int64_t> percentage(std::int64_t most) const;
  template <class E>
  [[nodiscard]] std::optional<E> one_of(
      std::initializer_list<std::pair<std::string_view, E>> words) const;
  // `prefix` stands before the names of its values: "pool web: backoff.".
  [[nodiscard]] std::optional<std::vector<Entry>> entries(std::string_view title,
                                                          const std::string& prefix) const;
  template <class T>
  void table(T& into, const std::string& title, const std::string& prefix,
             std::span<const Key<T>> keys) const;

 private:
  void must(const toml::node& node, std::string_view be) const;
  [[nodiscard]] std::optional<std::string> string() const {
    return node_.value_exact<std::string>();
  }

  Reader& reader_;
  const toml::node& node_;
  std::string name_;
};

// Of a table.
struct Entry {
  const toml::key& key;
  Value value;
};

// What is wrong leaves things as they are.
template <class T, class U>
void assign(T& into, std::optional<U> value) {
  if (value) into = std::move(*value);
}

template <class E>
std::optional<E> Value::one_of(std::initializer_list<std::pair<std::string_view, E>> words) const {
  const auto text = string();
  std::string all;
  for (const auto& [word, meaning] : words) {
    if (text == word) return meaning;
    all += all.empty() ? "\"" : word == std::prev(words.end())->first ? " or \"" : ", \"";
    all.append(word) += '"';
  }
  must("be " + all);
  return std::nullopt;
}

template <class T>
void Value::table(T& into, const std::string& title, const std::string& prefix,
                  std::span<const Key<T>> keys) const {
  const auto all = entries(title, prefix);
  if (!all) return;
  for (const auto& entry : *all) {
    const auto known = std::find_if(keys.begin(), keys.end(),
                                    [&](const auto& each) { return each.name == entry.key.str(); });
    if (known == keys.end())
      reader_.unknown(entry.key, title);
    else
      known->take(into, entry.value);
  }
}

}  // namespace reeve::config
