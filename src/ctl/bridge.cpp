// bridge: copies a varlink connection between reeved's socket and standard input and output, for
// ssh and other ways that carry nothing but bytes. Descriptors are not carried: read(2) drops them.
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "ctl/verbs.hpp"
#include "varlink/client.hpp"

namespace reeve::ctl {

namespace {

// What poll(2) says can be written to a pipe or socket can be written without waiting up to this
// (PIPE_BUF), whatever it is set to: those that somebody else opened are not made non-blocking.
constexpr std::size_t at_once = 4096;

class Flow {
 public:
  Flow(int from, int to) : from_(from), to_(to) {}

  // To be read from, unless something is still to be written.
  [[nodiscard]] pollfd input() const { return {reads() ? from_ : -1, POLLIN, 0}; }
  // Its end is of interest at any time.
  [[nodiscard]] pollfd output() const {
    return {to_, static_cast<short>(held_.empty() ? 0 : POLLOUT), 0};
  }
  [[nodiscard]] bool has_ended() const { return ended_ && held_.empty(); }

  void read() {
    std::array<char, at_once> buffer;
    const auto length = ::read(from_, buffer.data(), buffer.size());
    if (length > 0) held_.assign(buffer.data(), static_cast<std::size_t>(length));
    if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
  }

  void write() {
    const auto length = ::write(to_, held_.data(), held_.size());
    if (length >= 0) return void(held_.erase(0, static_cast<std::size_t>(length)));
    if (errno == EAGAIN || errno == EINTR) return;
    held_.clear();
    ended_ = true;
  }

 private:
  [[nodiscard]] bool reads() const { return !ended_ && held_.empty(); }

  int from_, to_;
  std::string held_;
  bool ended_ = false;
};

void copy(int input, int output, int reeved) {
  Flow calls(input, reeved);
  Flow replies(reeved, output);
  bool told_the_end = false;
  while (!replies.has_ended()) {
    // There are no more calls; replies to those before are still to come.
    if (calls.has_ended() && !std::exchange(told_the_end, true)) ::shutdown(reeved, SHUT_WR);
    auto to_reeved = calls.output();
    if (to_reeved.events == 0) to_reeved.fd = -1;  // its end is what `replies` ends with
    std::array entries{calls.input(), to_reeved, replies.input(), replies.output()};
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
    if ((entries[3].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return;  // nobody listens
    if (entries[0].revents != 0) calls.read();
    if (entries[1].revents != 0) calls.write();
    if (entries[2].revents != 0) replies.read();
    if (entries[3].revents != 0) replies.write();
  }
}

// As sd_listen_fds(3) says.
std::optional<int> passed_socket() {
  const auto number = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? parse_number<pid_t>(value) : std::nullopt;
  };
  constexpr int first_passed = 3;  // SD_LISTEN_FDS_START
  if (number("LISTEN_PID") != ::getpid() || number("LISTEN_FDS").value_or(0) < 1)
    return std::nullopt;
  return first_passed;
}

}  // namespace

// The name is a convention of systemd's programs: sd_varlink_invocation(3).
bool is_passed_a_connection() {
  const char* names = std::getenv("LISTEN_FDNAMES");
  return passed_socket() && names != nullptr && std::string_view(names) == "varlink";
}

ExitCode verb_bridge(const Options& options) {
  const auto reeved = varlink::Client::connect(options.socket);
  if (!reeved) {
    fmt::print(stderr, "reevectl: {}\n", reeved.error().message());
    return exit_no_daemon;
  }
  ::signal(SIGPIPE, SIG_IGN);
  const auto socket = passed_socket();
  copy(socket.value_or(STDIN_FILENO), socket.value_or(STDOUT_FILENO), reeved->descriptor());
  return exit_ok;
}

}  // namespace reeve::ctl
