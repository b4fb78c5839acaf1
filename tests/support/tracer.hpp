// Runs a program under ptrace(2), and kills or pauses it at a chosen point of its life.
//
// A point is a moment between two things that the program does to the world: the entry of a system
// call, before it had any effect; its exit, before the program learned of it; and, within
// io_uring_enter(2), the moment after each entry of the ring that it submits: the call is cut short
// behind that entry (on x86-64; elsewhere there are no such points). The kernel's own threads go on
// with what was submitted; how long they are given before the kill is the plan's `linger`.
//
// Only the main thread is traced: the threads of an io_uring are the kernel's.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"

namespace reeve::test {

struct Point {
  enum class Kind { entry, submitted, exit };
  Kind kind = Kind::entry;
  std::uint64_t call = 0;  // the system call's number
  std::array<std::uint64_t, 6> arguments{};
  std::int64_t result = 0;    // at the exit
  std::uint64_t entries = 0;  // so many of the ring's were submitted
};

// "the exit of mkdirat", "io_uring_enter, 2 of 3 entries submitted"
std::string to_string(const Point& point);

class Tracer {
 public:
  enum class Counting { from_start, when_told };
  struct Plan {
    Counting counting = Counting::from_start;
    std::uint64_t kill_at = 0;  // the number of a point, from 1; 0: never
    std::chrono::microseconds linger{};
    std::uint64_t pause_at = 0;
  };
  explicit Tracer(Plan plan);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // In a process of its own: forks, lets the child be `program`, and follows it to its end, which
  // is then this process's end too. The program does not outlive its tracer.
  int trace(const std::function<int()>& program);

  // All else in the process that made the tracer, while that one runs.

  // Points are counted from now on, when the program sleeps in a system call and has nothing to do.
  void start_counting();
  void stop_counting();
  [[nodiscard]] std::uint64_t points() const;
  // Those of them, the first few, at which a file was about to be opened for writing.
  [[nodiscard]] std::vector<std::uint64_t> openings_for_writing() const;
  // Where it was killed; nothing if the plan's point was not reached.
  [[nodiscard]] std::optional<Point> killed_at() const;
  void kill_program(int signal);

  // The program will pause at the n-th point. While it is paused: it will pause again at the next
  // entry of this system call.
  void pause_at(std::uint64_t number);
  void pause_on(std::uint64_t call);
  // Until it pauses; nothing if it ended, or `instead` became readable, before it did.
  std::optional<Point> await_pause(int instead);
  void resume();
  // It pauses no more, and goes on if it does. Before the next pause is asked for, it has to have
  // answered something.
  void run_on();

 private:
  struct Shared;
  void follow(pid_t pid);
  void reach(pid_t pid, const Point& point);
  void submit_some(pid_t pid, const Point& entry);
  void pause(const Point& point);

  Plan plan_;
  Shared* shared_;
  FileDescriptor paused_, resumed_;
  Point entry_;  // of the call that the program is in; in the tracing process
};

}  // namespace reeve::test
