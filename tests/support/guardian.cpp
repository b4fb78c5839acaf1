#include "support/guardian.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cgroup/hierarchy.hpp"

namespace {

namespace fs = std::filesystem;

void write_to(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text << std::flush;
}

bool populated(const fs::path& directory) {
  std::ifstream events(directory / "cgroup.events");
  std::string key, value;
  while (events >> key >> value)
    if (key == "populated") return value == "1";
  return false;
}

void remove_cgroups(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.is_directory()) remove_cgroups(entry.path());
  ::rmdir(directory.c_str());
}

void end_everything_in(const fs::path& directory) {
  write_to(directory / "cgroup.kill", "1");
  for (int tries = 0; populated(directory) && tries < 500; ++tries)
    ::usleep(10'000);
  remove_cgroups(directory);
}

// nohup(1), or a shell's background job, leave signals ignored, and all that is spawned inherits
// it.
void ignore_no_signal() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

volatile sig_atomic_t tests_pid = 0;
void forward_kill(int) {
  ::kill(tests_pid, SIGKILL);
}

}  // namespace

namespace reeve::test {

int under_guard(const std::function<int()>& tests) {
  const auto mount = reeve::cgroup::find_mount();
  if (!mount || ::geteuid() != 0) {
    std::puts("these tests need root and a cgroup2 mount");
    return 77;  // skipped
  }
  const auto name = "reeve-test-" + std::to_string(::getpid());
  const fs::path home = fs::path(mount->point) / name;
  fs::create_directory(home);
  fs::create_directory(home / "host");
  const auto files = fs::temp_directory_path() / name;
  fs::create_directory(files);
  fs::permissions(files, fs::perms::all);
  ::setenv("REEVE_TEST_HOME", name.c_str(), 1);
  // The bus of the machine that is tested on is not for what is tested.
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "none", 1);
  ::setenv("REEVE_TEST_FILES", files.c_str(), 1);

  const pid_t guardian = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != guardian) return 1;
    ignore_no_signal();
    write_to(home / "host" / "cgroup.procs", "0");
    // Orphans come to the tests and not to init, so that none stays a zombie unseen.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::exit(tests());
  }
  tests_pid = child;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    ::signal(signal, forward_kill);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  end_everything_in(home);
  fs::remove_all(files);
  if (fs::exists(home)) {
    std::printf("cgroup %s could not be removed\n", home.c_str());
    return 1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace reeve::test
