#include "ctl/private_daemon.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/paths.hpp"
#include "base/text.hpp"
#include "reeve/client.hpp"
#include "sys/calls.hpp"
#include "varlink/listen.hpp"

namespace reeve::ctl {

namespace {

// Beside this program, where a build has it; else where packages put it.
std::string find_reeved() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error)
    for (const auto& candidate :
         {self.parent_path() / "reeved", self.parent_path().parent_path() / "sbin" / "reeved"})
      if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  return "/usr/sbin/reeved";
}

// Sockets of private daemons that were killed. Each bears the pid of the reevectl that made it:
// while that lives it may be about to listen, and between bind(2) and listen(2) a socket looks
// dead.
void remove_dead_sockets(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const auto maker = parse_number<pid_t>(entry.path().filename().native());
    if (maker && *maker > 0 && (::kill(*maker, 0) == 0 || errno != ESRCH)) continue;
    const auto client = Client::connect(entry.path());
    if (!client && client.error().as<Unreachable>()->number == ECONNREFUSED)
      ::unlink(entry.path().c_str());
  }
}

// In the grandchild: never returns.
[[noreturn]] void become_reeved(const std::string& program, const std::string& socket_path,
                                const std::optional<std::string>& root, int listener) {
  constexpr int first_passed = 3;  // SD_LISTEN_FDS_START
  if (listener == first_passed)
    ::fcntl(listener, F_SETFD, 0);
  else
    ::dup2(listener, first_passed);
  // What the caller passes on is meant for the command: a pipe must not stay open for the daemon.
  ::close_range(first_passed + 1, ~0U, 0);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  ::unsetenv("LISTEN_FDNAMES");
  ::unsetenv("NOTIFY_SOCKET");
  (void)!::chdir("/");
  std::vector<const char*> arguments{"reeved", "--private", "--socket", socket_path.c_str()};
  if (root) arguments.insert(arguments.end(), {"--root", root->c_str()});
  arguments.push_back(nullptr);
  ::execv(program.c_str(), const_cast<char* const*>(arguments.data()));
  ::_exit(127);
}

}  // namespace

Result<std::string> start_private_daemon(const std::optional<std::string>& root) {
  const auto program = find_reeved();
  if (::access(program.c_str(), X_OK) < 0) return Error{errno, program, "execute"};
  const auto base = runtime_directory();
  if (base.empty()) return Error{ENOENT, "XDG_RUNTIME_DIR", "find a place for a socket: set"};
  const auto directory = base + "/private";
  for (const auto& part : {base, directory})
    if (const int made = sys::make_directory_at(AT_FDCWD, part, 0755); made < 0 && made != -EEXIST)
      return Error{-made, part, "make directory"};
  remove_dead_sockets(directory);
  const auto path = directory + "/" + std::to_string(::getpid());
  const auto listener = varlink::listen_at(path, 0666);
  if (!listener) return listener.error();

  // Forked twice: it is nobody's child but init's, so the command inherits no stranger.
  const pid_t child = ::fork();
  if (child < 0) return Error{errno, {}, "fork"};
  if (child == 0) {
    ::setsid();
    if (::fork() == 0) become_reeved(program, path, root, listener->get());
    ::_exit(0);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return path;
}

}  // namespace reeve::ctl
