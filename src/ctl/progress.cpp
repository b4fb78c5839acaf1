#include "ctl/progress.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace reeve::ctl {

namespace {

constexpr std::string_view erase_line = "\r\x1b[K";

bool is_capable_terminal(int fd) {
  const char* kind = std::getenv("TERM");
  return ::isatty(fd) != 0 && kind != nullptr && std::string_view(kind) != "dumb";
}

std::size_t columns_of(int fd) {
  constexpr std::size_t usual = 80;
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

// ---- ^C

// A signal handler reaches nothing else.
std::string farewell;

void say_farewell(int number) {
  (void)!::write(STDERR_FILENO, farewell.data(), farewell.size());
  // To die of it, as whoever has started this expects. (SA_RESETHAND has made that its effect.)
  ::raise(number);
}

void say_when_interrupted(std::string text) {
  struct sigaction present {};
  ::sigaction(SIGINT, nullptr, &present);
  if (present.sa_handler == SIG_IGN) return;  // as of a job in the background
  farewell = std::move(text);
  struct sigaction action {};
  action.sa_handler = say_farewell;
  action.sa_flags = SA_RESETHAND | SA_NODEFER;
  ::sigaction(SIGINT, &action, nullptr);
}

// ---- the line

// A slot that is being filled for the first time is none that is to change, and not ready either.
std::int64_t outstanding(const Pool& pool) {
  if (is_over(pool)) return 0;
  return std::max({pool.to_change, pool.size - pool.ready - pool.held, std::int64_t{0}});
}

std::string name_of_all(const PoolsByName& pools) {
  const auto changing = [](const auto& each) { return !is_over(each.second); };
  const auto first = std::find_if(pools.begin(), pools.end(), changing);
  if (first == pools.end()) return pools.size() == 1 ? pools.begin()->first : "";
  if (std::find_if(std::next(first), pools.end(), changing) == pools.end()) return first->first;
  return fmt::format("{} pools", std::count_if(pools.begin(), pools.end(), changing));
}

std::string bar(std::int64_t done, std::int64_t total, std::size_t width) {
  const auto full = static_cast<std::size_t>(done) * width / static_cast<std::size_t>(total);
  auto text = std::string(full, '=');
  if (full < width) text += '>';
  return fmt::format("[{:<{}}] ", text, width);
}

std::string line_of(const std::string& name, std::int64_t done, std::int64_t total,
                    const std::string& ready, std::size_t columns) {
  constexpr std::size_t narrowest = 10, widest = 40, frame = 3;
  const auto front = name.empty() ? name : name + " ";
  const auto rest = fmt::format("{}/{}, {} ready", done, total, ready);
  // The last column stays free: a terminal that has it filled may go on to the next line.
  const auto room = columns - 1;
  const auto taken = front.size() + frame + rest.size();
  if (room < taken + narrowest) return (front + rest).substr(0, room);
  return front + bar(done, total, std::min(widest, room - taken)) + rest;
}

}  // namespace

bool is_over(const Pool& pool) {
  return pool.state == PoolState::settled || pool.state == PoolState::halted;
}

Progress::Progress(const Options& options, std::string continuation)
    : continuation_(std::move(continuation)),
      is_shown_(options.json == Json::off && is_capable_terminal(STDERR_FILENO)) {}

Progress::~Progress() {
  draw({});
  if (is_interruptible_) ::signal(SIGINT, SIG_DFL);
}

void Progress::show(const PoolsByName& pools) {
  if (!std::exchange(is_interruptible_, true))
    say_when_interrupted(
        fmt::format("{}reevectl: interrupted; {}\n", is_shown_ ? erase_line : "", continuation_));
  std::int64_t left = 0, total = 0, ready = 0, size = 0;
  for (const auto& [name, pool] : pools) {
    auto& most = totals_[name];
    most = std::max(most, outstanding(pool));
    left += outstanding(pool);
    total += most;
    ready += pool.ready;
    size += pool.size;
  }
  if (total > 0)
    draw(line_of(name_of_all(pools), total - left, total, fmt::format("{}/{}", ready, size),
                 columns_of(STDERR_FILENO)));
}

void Progress::draw(const std::string& line) {
  if (!is_shown_ || line == drawn_) return;
  drawn_ = line;
  fmt::print(stderr, "{}{}", erase_line, line);
  std::fflush(stderr);
}

}  // namespace reeve::ctl
