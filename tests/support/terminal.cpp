#include "support/terminal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <array>

namespace reeve::test {

Terminal::Terminal(const Command& command, unsigned short columns, unsigned short rows)
    : rows_(rows) {
  int master = -1, slave = -1;
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  ::fcntl(master, F_SETFD, FD_CLOEXEC);
  master_ = FileDescriptor(master);
  const FileDescriptor terminal(slave);
  process_ = Child::run([&] {
    ::login_tty(terminal.get());
    return become(command);
  });
}

bool Terminal::says(const std::string& words) {
  while (said_.find(words) == std::string::npos)
    if (!read_more()) return false;
  return true;
}

bool Terminal::shows(const std::function<bool(const std::string&)>& is_so) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto present = screen();
    if (!present.empty() && is_so(present)) return true;
    if (std::chrono::steady_clock::now() > end || !read_more()) return false;
  }
}

void Terminal::type(const std::string& keys) const {
  EXPECT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

void Terminal::resize(unsigned short columns, unsigned short rows) {
  rows_ = rows;
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  EXPECT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
}

int Terminal::wait() {
  while (read_more()) {
  }
  return process_.wait();
}

termios Terminal::manner() const {
  termios manner{};
  EXPECT_EQ(::tcgetattr(master_.get(), &manner), 0);
  return manner;
}

std::string Terminal::last_line() const {
  const auto erased = said_.rfind("\x1b[K");
  return erased == std::string::npos ? said_ : said_.substr(erased + 3);
}

std::string Terminal::screen() const {
  const auto begin = said_.rfind("\x1b[H");
  if (begin == std::string::npos) return {};
  auto text = said_.substr(begin);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const bool is_whole = text.ends_with("\x1b[0J") || (lines == rows_ && text.ends_with("\x1b[0m"));
  return is_whole ? text : "";
}

bool Terminal::read_more() {
  pollfd entry{master_.get(), POLLIN, 0};
  if (::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) != 1) return false;
  std::array<char, 4096> buffer;
  const auto length = ::read(master_.get(), buffer.data(), buffer.size());
  if (length <= 0) return false;  // EIO: nobody has it open any more
  said_.append(buffer.data(), static_cast<std::size_t>(length));
  return true;
}

}  // namespace reeve::test
