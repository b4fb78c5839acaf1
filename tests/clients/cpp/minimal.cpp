// A worker that cannot outlive this program.
//   g++ -std=c++20 minimal.cpp $(pkg-config --cflags --libs reeve)
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <reeve/client.hpp>

#include <iostream>

template <class T>
T taken(reeve::Outcome<T> outcome) {
  if (outcome) return *std::move(outcome);
  std::cerr << outcome.error().message() << '\n';
  std::exit(1);
}

int main() {
  auto reeve = taken(reeve::Client::connect());
  auto run = taken(reeve.open_run({.name = "example"}));    // ends with this scope, or this process
  auto slot = taken(reeve.reserve({.worker = "sleeper"}));  // given back unless it is activated

  const pid_t sleeper = fork();
  if (sleeper == 0) {
    execlp("sleep", "sleep", "60", nullptr);
    _exit(127);
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, sleeper, 0));
  const auto worker = taken(slot.activate(pidfd));
  close(pidfd);
  std::cout << worker.worker << " in " << worker.control_group << '\n';

  auto watch = taken(reeve.watch({.worker = "sleeper"}));
  taken(watch.next());  // as it is: active
  kill(sleeper, SIGTERM);
  const auto exited = taken(watch.next());  // seen as it dies, reaped or not
  std::cout << (exited->state == reeve::WorkerState::exited ? "exited" : "?") << '\n';
  waitpid(sleeper, nullptr, 0);
}
