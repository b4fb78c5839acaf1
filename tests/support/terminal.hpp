// A program with a terminal of its own.
#pragma once

#include <termios.h>

#include <functional>
#include <string>

#include "support/command.hpp"

namespace reeve::test {

class Terminal {
 public:
  Terminal(const Command& command, unsigned short columns, unsigned short rows = 24);

  // Reads on until it has said so.
  bool says(const std::string& words);
  // Reads on until the screen, drawn from its upper left corner on, is like that as a whole.
  bool shows(const std::function<bool(const std::string& screen)>& is_so);
  bool shows(const std::string& words) {
    return shows([&](const std::string& screen) { return screen.find(words) != screen.npos; });
  }
  void type(char key) const { type(std::string(1, key)); }
  void type(const std::string& keys) const;
  void resize(unsigned short columns, unsigned short rows);
  // Its wait(2) status, and by then all that it has said is known.
  int wait();
  [[nodiscard]] const Child& process() const { return process_; }
  // What the line discipline does, as tcgetattr(3) tells.
  [[nodiscard]] termios manner() const;
  [[nodiscard]] const std::string& said() const { return said_; }
  // What is left to see: behind the last time that the line was erased.
  [[nodiscard]] std::string last_line() const;

 private:
  bool read_more();
  // Empty while it is drawn.
  [[nodiscard]] std::string screen() const;

  FileDescriptor master_;
  Child process_;
  std::string said_;
  std::size_t rows_;
};

}  // namespace reeve::test
