#include "ctl/top/screen.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "sys/calls.hpp"

namespace reeve::ctl::top {

namespace {

// The alternate screen, without a cursor; lines that are too long end at the edge.
constexpr std::string_view enter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
constexpr std::string_view leave = "\x1b[?7h\x1b[?25h\x1b[?1049l";

// Told by a descriptor.
constexpr std::array handled{SIGINT, SIGTSTP, SIGCONT, SIGWINCH};
// What it dies of, as whoever has sent it expects. Not by a descriptor: it has to work also where
// nobody reads the terminal, and a write to it waits for ever.
constexpr std::array deadly{SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

// A signal handler reaches nothing else.
termios original;
volatile sig_atomic_t is_taken = 0;

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void take_over() {
  auto raw = original;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  is_taken = 1;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_all(enter);
}

// Safe in a signal handler.
void give_back() {
  if (is_taken == 0) return;
  is_taken = 0;
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  if (::poll(&output, 1, 0) == 1) write_all(leave);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &original);
}

void give_back_and_die(int signal) {
  give_back();
  ::raise(signal);  // SA_RESETHAND has made its effect the usual one
}

}  // namespace

bool Screen::is_possible() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0 && kind != nullptr &&
         std::string_view(kind) != "dumb";
}

Result<Screen> Screen::take() {
  if (::tcgetattr(STDIN_FILENO, &original) < 0) return Error{errno, "the terminal", "take over"};
  auto signals = sys::signal_descriptor(handled);
  if (!signals) return signals.error();
  for (const int number : deadly) {
    struct sigaction action {};
    ::sigaction(number, nullptr, &action);
    if (action.sa_handler == SIG_IGN) continue;  // as nohup(1) has it
    action.sa_handler = give_back_and_die;
    action.sa_flags = SA_RESETHAND | SA_NODEFER;
    ::sigaction(number, &action, nullptr);
  }
  take_over();
  return Screen(std::move(*signals));
}

Screen::~Screen() {
  if (signals_) give_back();
}

Size Screen::size() {
  constexpr Size usual{80, 24};
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
    return usual;
  return {size.ws_col, size.ws_row};
}

void Screen::draw(const std::vector<ScreenLine>& lines) const {
  const auto rows = size().rows;
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size() && i < rows; ++i) {
    if (i > 0) out += "\r\n";
    const auto& [kind, text] = lines[i];
    out += kind == ScreenLine::title ? "\x1b[7m" : kind == ScreenLine::alarm ? "\x1b[1;31m" : "";
    // The whole line in that manner. Not after the text: where that fills the line, the cursor is
    // on its last cell still, which would go.
    out += "\x1b[K";
    out += text;
    if (kind != ScreenLine::plain) out += "\x1b[0m";
  }
  // From the next row on, for the same reason.
  out += lines.size() < rows ? "\r\n\x1b[0J" : "\x1b[0m";
  write_all(out);
}

void Screen::suspend() const {
  give_back();
  ::raise(SIGSTOP);  // SIGTSTP itself is blocked
}

void Screen::resume() const {
  take_over();
}

}  // namespace reeve::ctl::top
