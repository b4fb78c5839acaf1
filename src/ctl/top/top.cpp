// reevectl top: what runs, pools and workers use, again and again.
#include <fmt/core.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "cgroup/hierarchy.hpp"
#include "ctl/output.hpp"
#include "ctl/remote.hpp"
#include "ctl/session.hpp"
#include "ctl/top/inquiry.hpp"
#include "ctl/top/layout.hpp"
#include "ctl/top/meter.hpp"
#include "ctl/top/report.hpp"
#include "ctl/top/screen.hpp"
#include "ctl/verbs.hpp"
#include "sys/calls.hpp"

namespace reeve::ctl {

namespace top {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

std::string clock_time(const Timestamp& at) {
  const time_t seconds = at.realtime.count() / 1'000'000;
  tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

std::string trouble_of(const Failure& failure) {
  return failure.is<Unreachable>() || failure.is<ConnectionLost>() ? "not connected"
                                                                   : failure.message();
}

class Top {
 public:
  Top(const Options& options, cgroup::Mount mount)
      : options_(options), inquiry_(options), meter_(std::move(mount)) {
    view_.delay = options.delay.value_or(view_.delay);
    if (std::string_view(::nl_langinfo(CODESET)) != "UTF-8") glyphs_ = Glyphs::ascii;
    frame_.host = host_name();
  }

  // The first time, before anything is shown.
  Told<Done> begin() {
    auto census = told(inquiry_.ask());
    if (!census) return census.error();
    take(std::move(*census));
    return Done{};
  }
  ExitCode print_frames();
  ExitCode follow(const Screen& screen);

 private:
  void take(Outcome<Census> census);
  void measure();
  // Whether there is something new at once.
  bool look_again();
  void draw(const Screen& screen) const;
  void hear_signal(const Screen& screen);
  void read_keys();
  void hear_keys(bool may_come);

  const Options& options_;
  Inquiry inquiry_;
  Meter meter_;
  View view_;
  Frame frame_;
  std::vector<Line> lines_;
  Glyphs glyphs_ = Glyphs::blocks;
  std::string typed_;
};

void Top::take(Outcome<Census> census) {
  // Those that are known may well live on.
  if (census.ok()) frame_.rows = rows_of(*census, monotonic_now());
  frame_.trouble = census.ok() ? "" : trouble_of(census.error());
  measure();
}

void Top::measure() {
  meter_.measure(frame_.rows);
  frame_.at = {realtime_now(), monotonic_now()};
  frame_.time = clock_time(frame_.at);
  lines_ = lines_of(frame_.rows, view_, glyphs_);
}

// ---- for scripts

ExitCode Top::print_frames() {
  for (std::int64_t left = options_.iterations.value_or(1); left > 0; --left) {
    // Nothing can be said of a time that has not passed.
    (void)sys::await_readable(-1, monotonic_now() + view_.delay);
    take(inquiry_.ask());
    if (options_.json != Json::off) {
      print_json(options_, reported(frame_, lines_));
      continue;
    }
    const auto shown = laid_out(frame_, view_, lines_, {}, glyphs_);
    constexpr std::size_t manner = 1;  // how keys have changed it: there are none
    for (std::size_t i = options_.legend ? 0 : 3; i < shown.size(); ++i)
      if (i != manner || !frame_.trouble.empty()) fmt::print("{}\n", shown[i].text);
    if (left > 1) fmt::print("\n");
    if (std::fflush(stdout) != 0) return exit_failure;
  }
  return exit_ok;
}

// ---- on a terminal

void Top::draw(const Screen& screen) const {
  const auto size = Screen::size();
  screen.draw(view_.is_help_shown ? help(size, glyphs_)
                                  : laid_out(frame_, view_, lines_, size, glyphs_));
}

void Top::hear_signal(const Screen& screen) {
  switch (sys::read_signal(screen.signals())) {
    case SIGINT:
      view_.is_over = true;
      break;
    case SIGTSTP:
      return screen.suspend();
    case SIGCONT:
      return screen.resume();
    default:
      break;  // SIGWINCH: it is drawn anew
  }
}

void Top::read_keys() {
  std::array<char, 256> buffer;
  const auto length = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (length <= 0) view_.is_over = true;  // it was readable: there is no terminal any more
  if (length > 0) typed_.append(buffer.data(), static_cast<std::size_t>(length));
  hear_keys(true);
}

void Top::hear_keys(bool may_come) {
  for (const auto& key : take_keys(typed_, may_come)) {
    apply(view_, key, page_of(Screen::size()), lines_.size());
    lines_ = lines_of(frame_.rows, view_, glyphs_);
  }
}

bool Top::look_again() {
  if (view_.is_paused) return false;
  if (!inquiry_.is_under_way() && monotonic_now() >= inquiry_.due()) {
    inquiry_.begin();
    return false;
  }
  if (inquiry_.is_under_way()) frame_.trouble = "reeved does not answer";
  measure();
  return true;
}

ExitCode Top::follow(const Screen& screen) {
  using namespace std::chrono_literals;
  constexpr auto rest_of_key = 50ms;  // of one that is sent as several bytes
  auto last = monotonic_now();
  draw(screen);
  while (!view_.is_over) {
    std::array<pollfd, 3> ready{{{STDIN_FILENO, POLLIN, 0},
                                 {screen.signals(), POLLIN, 0},
                                 {inquiry_.descriptor(), POLLIN, 0}}};
    auto wait = std::max(last + view_.delay - monotonic_now(), Microseconds{0});
    const bool had_typed = !typed_.empty();
    if (had_typed) wait = std::min<Microseconds>(wait, rest_of_key);
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    const bool nothing = ::poll(ready.data(), ready.size(), static_cast<int>(time)) == 0;
    if (ready[0].revents != 0) read_keys();
    if (nothing) hear_keys(false);
    if (ready[1].revents != 0) hear_signal(screen);
    if (ready[2].revents != 0) {
      auto census = inquiry_.answer();
      if (!view_.is_paused) take(std::move(census));
    }
    bool is_new = !nothing || had_typed;
    if (monotonic_now() >= last + view_.delay) {
      last = monotonic_now();
      is_new |= look_again();
    }
    if (is_new) draw(screen);
  }
  return exit_ok;
}

}  // namespace

}  // namespace top

namespace {

ExitCode top_there(const Options& options, bool is_drawn) {
  std::vector<std::string> command{"top"};
  if (options.run) command.push_back("--run=" + *options.run);
  if (options.delay) command.push_back(fmt::format("--delay={}us", options.delay->count()));
  if (options.iterations) command.push_back(fmt::format("--iterations={}", *options.iterations));
  if (options.json != Json::off)
    command.push_back(options.json == Json::pretty ? "--json=pretty" : "--json=short");
  if (!options.legend) command.emplace_back("--no-legend");
  if (!is_drawn) command.emplace_back("--batch");
  return become_there(options, command,
                      is_drawn ? TerminalThere::wanted : TerminalThere::not_wanted);
}

}  // namespace

ExitCode verb_top(const Options& options) {
  const bool is_drawn = !options.batch && !options.iterations && options.json == Json::off &&
                        top::Screen::is_possible();
  if (options.host) return top_there(options, is_drawn);
  const auto mount = cgroup::find_mount();
  if (!mount) {
    fmt::print(stderr, "reevectl: {}\n", mount.error().message());
    return exit_failure;
  }
  top::Top top(options, *mount);
  if (const auto begun = top.begin(); !begun) return begun.error();
  if (!is_drawn) return top.print_frames();
  const auto screen = top::Screen::take();
  if (!screen) {
    fmt::print(stderr, "reevectl: {}\n", screen.error().message());
    return exit_failure;
  }
  return top.follow(*screen);
}

}  // namespace reeve::ctl
