// Real processes for the tests.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "reeve/types.hpp"

namespace reeve::test {

// Long enough for a loaded machine; nothing is asserted about how long something takes. A slow one
// says so by $REEVE_TEST_PATIENCE, in seconds.
inline const std::chrono::seconds patience{[] {
  const char* given = std::getenv("REEVE_TEST_PATIENCE");
  return given != nullptr ? std::atoi(given) : 30;
}()};

// Until `condition` holds; false if it does not come to hold.
bool eventually(const std::function<bool()>& condition);

// A child of the test. Killed and reaped at the end.
class Child {
 public:
  // Runs `body` in a forked process, which exits with what it returns.
  static Child run(const std::function<int()>& body);
  static Child exec(const std::vector<std::string>& command);
  // Sleeps until it is killed.
  static Child sleeper();
  // With a pid of our choice (clone3 with set_tid, Linux 5.5), which must be free; sleeps.
  static Child with_pid(pid_t pid);
  // Born in a cgroup (clone3 with CLONE_INTO_CGROUP, Linux 5.7); runs `body`.
  static Child born_in(const std::string& control_group_directory,
                       const std::function<int()>& body);

  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] ProcessId id() const { return {pid_, {}, {}}; }
  // Runs, and is no zombie.
  [[nodiscard]] bool is_alive() const;
  void signal(int number) const;
  // The wait(2) status, once it is dead; reaps it.
  int wait();
  // SIGKILL, and reaps it.
  void kill();
  // SIGKILL, and leaves a zombie.
  void kill_unreaped() const;

 private:
  Child(pid_t pid, int pidfd);
  pid_t pid_ = 0;
  FileDescriptor pidfd_;
};

// Tells when every process that inherited it is gone: each holds the writing end of one pipe.
class LifeLine {
 public:
  LifeLine();
  // In this process, once all that is to inherit it was started.
  void let_go() { writer_.reset(); }
  // To be handed on.
  [[nodiscard]] int held_descriptor() const { return writer_.get(); }
  [[nodiscard]] bool all_are_gone() const;
  // In a process that inherited it: "I am here", and the test can wait for that.
  void report() const;
  // Until so many have reported.
  [[nodiscard]] bool await_reports(std::size_t count);
  // Readable when somebody has reported, or all are gone.
  [[nodiscard]] int descriptor() const { return reader_.get(); }

 private:
  FileDescriptor reader_;
  FileDescriptor writer_;
  std::size_t reports_ = 0;
};

std::string control_group_of(pid_t pid);
std::string read_file(const std::string& path);
bool process_exists(pid_t pid);
// proc_pid_stat(5)'s letter: 'Z' for a zombie; nothing if there is no such process.
std::optional<char> process_state(pid_t pid);

}  // namespace reeve::test
