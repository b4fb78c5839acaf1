#include "ctl/remote.hpp"

#include <fmt/core.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace reeve::ctl {

namespace {

// As one word for the shell that ssh starts there.
std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word)
    out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

int spawn_with(int socket, const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const auto& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
  pid_t pid = 0;
  const int failed =
      ::posix_spawnp(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return failed;
}

}  // namespace

Connector through_ssh(const Options& options) {
  const char* ssh = std::getenv("REEVE_SSH");
  // As systemctl -H: neither X11 nor a terminal. What follows the host is for its shell.
  std::vector<std::string> words{ssh != nullptr ? ssh : "ssh", "-xT", "--", *options.host,
                                 "reevectl"};
  if (options.socket_given) words.insert(words.end(), {"--socket", quoted(options.socket)});
  words.emplace_back("bridge");
  return [words] {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) return -errno;
    FileDescriptor ours(ends[0]);
    const FileDescriptor theirs(ends[1]);
    // It ends when this end of its connection is closed: nobody has to wait for it.
    if (const int failed = spawn_with(theirs.get(), words)) {
      fmt::print(stderr, "reevectl: {}\n", Error{failed, words.front(), "execute"}.message());
      return -failed;
    }
    return ours.release();
  };
}

}  // namespace reeve::ctl
