// A program run to its end.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/processes.hpp"

namespace reeve::test {

struct Command {
  std::vector<std::string> arguments;  // the first is the program's path
  std::string input;
  // Added to the environment; a variable without a value is taken away.
  std::map<std::string, std::optional<std::string>> environment;
  // In the forked process, just before it becomes the program: as whom, and in which surroundings.
  std::function<void()> before;
};

struct Finished {
  std::string output;
  std::string errors;
  int wait_status = 0;

  // The exit status, or -N for one that signal N ended.
  [[nodiscard]] int exit_status() const;
};
std::ostream& operator<<(std::ostream& out, const Finished& finished);

// Fails the test if the program does not end.
Finished run(const Command& command);

// Becomes the program. The file is opened before `command.before`, which may give up the right to
// see it.
int become(const Command& command);

}  // namespace reeve::test
