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

// As systemctl -H: without X11, and with no terminal unless it is wanted. What follows the host is
// for its shell.
std::vector<std::string> words_for_ssh(const Options& options, TerminalThere terminal) {
  const char* ssh = std::getenv("REEVE_SSH");
  std::vector<std::string> words{ssh != nullptr ? ssh : "ssh",
                                 terminal == TerminalThere::wanted ? "-xt" : "-xT", "--",
                                 *options.host, "reevectl"};
  if (options.socket_given) words.insert(words.end(), {"--socket", quoted(options.socket)});
  return words;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const auto& word : words)
    pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

int spawn_with(int socket, const std::vector<std::string>& words) {
  const auto arguments = pointers_to(words);
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
  auto words = words_for_ssh(options, TerminalThere::not_wanted);
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

ExitCode become_there(const Options& options, const std::vector<std::string>& command,
                      TerminalThere terminal) {
  auto words = words_for_ssh(options, terminal);
  for (const auto& word : command)
    words.push_back(quoted(word));
  ::execvp(words.front().c_str(), pointers_to(words).data());
  fmt::print(stderr, "reevectl: {}\n", Error{errno, words.front(), "execute"}.message());
  return exit_no_daemon;
}

}  // namespace reeve::ctl
