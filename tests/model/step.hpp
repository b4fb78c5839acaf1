// One step of a sequence as plain data, so that a failing sequence can be printed, shortened and
// run again: a kind and its parameters. Runs, processes and calls are named by numbers of our own,
// which the step that makes them brings along: with that step taken away, those that use it do
// nothing.
//
//   reserve run=1 timeout=long worker=a
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace reeve::model {

struct Step {
  std::string kind;
  std::map<std::string, std::string> with;

  [[nodiscard]] bool has(const std::string& name) const { return with.contains(name); }
  [[nodiscard]] std::optional<std::string> text(const std::string& name) const;
  // 0 for an absent one: nobody's number; of a process, the program that runs the sequence.
  [[nodiscard]] int number(const std::string& name) const;
  // "*300" stands for a text of 300 characters.
  [[nodiscard]] std::optional<std::string> long_text(const std::string& name) const;
  Step& set(const std::string& name, const std::string& value);
  Step& set(const std::string& name, int value) { return set(name, std::to_string(value)); }
};

using Script = std::vector<Step>;

std::string to_text(const Step& step);
std::string to_text(const Script& script);
// Lines that begin with '#' are passed over.
Script script_from(const std::string& text);

// The same numbers from the same seed, with any standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // Below `count`, which is not 0.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class T>
  const T& of(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace reeve::model
