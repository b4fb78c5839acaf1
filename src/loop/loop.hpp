// The event loop: one thread, one io_uring (SINGLE_ISSUER | DEFER_TASKRUN, Linux 6.1).
//
// What waits or may stall is an operation on the ring: readiness of descriptors, and those writes
// to cgroup files, mkdir and rmdir that can wait for the kernel's cgroup_mutex. An operation's
// memory and descriptors belong to the loop until its completion arrives, so dropping an Operation
// is safe at any moment: its handler is never called again, and a poll is cancelled. A write, mkdir
// or rmdir that was submitted still happens.
//
// Handlers run on the loop's thread, never from inside the call that armed them. All of it belongs
// to the thread that made the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

struct io_uring_sqe;

namespace reeve::loop {

class Loop;

// A pending operation; destroying it retires it.
class Operation {
 public:
  Operation() = default;
  Operation(Operation&& other) noexcept;
  Operation& operator=(Operation&& other) noexcept;
  ~Operation() { retire(); }
  void retire();
  [[nodiscard]] bool pending() const;

 private:
  friend class Loop;
  Operation(Loop* loop, std::uint32_t slot, std::uint32_t generation)
      : loop_(loop), slot_(slot), generation_(generation) {}
  Loop* loop_ = nullptr;
  std::uint32_t slot_ = 0;
  std::uint32_t generation_ = 0;
};

// A deadline on CLOCK_MONOTONIC; destroying it disarms it.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer() { disarm(); }
  void disarm();

 private:
  friend class Loop;
  using Key = std::pair<Microseconds, std::uint64_t>;
  Timer(Loop* loop, Key key) : loop_(loop), key_(key) {}
  Loop* loop_ = nullptr;
  Key key_{};
};

class Loop {
 public:
  // With the poll's events, or with what the operation returned; -errno if it failed.
  using Handler = std::function<void(int result)>;

  // Fails with ENOSYS or EPERM where io_uring is not there or not allowed, EINVAL before Linux 6.1.
  static Result<std::unique_ptr<Loop>> create();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Once, when one of `events` (POLLIN, POLLPRI, …) holds or the descriptor is in error; `fd` is
  // the caller's and outlives the operation.
  [[nodiscard]] Operation poll(int fd, short events, Handler handler);
  // One write(2) at offset 0, on a kernel worker thread from the start: a write to cgroup.procs or
  // cgroup.kill would otherwise make the submitter spin first.
  [[nodiscard]] Operation write(FileDescriptor file, std::string content, Handler handler);
  // `directory` is held until it is done, whether or not anybody still waits for it.
  [[nodiscard]] Operation make_directory(SharedDescriptor directory, std::string path,
                                         Handler handler);
  [[nodiscard]] Operation remove_directory(SharedDescriptor directory, std::string path,
                                           Handler handler);

  // What was begun until now begins at once, beside what the caller goes on with.
  void submit();

  [[nodiscard]] Timer at(Microseconds monotonic_deadline, std::function<void()> handler);
  [[nodiscard]] Timer after(Microseconds delay, std::function<void()> handler) {
    return at(monotonic_now() + delay, std::move(handler));
  }
  // Soon, from the loop itself, after the completions that are already there.
  void defer(std::function<void()> handler) { deferred_.push_back(std::move(handler)); }

  // Until stop() is called, or the ring itself fails. May be called again after that.
  Status run();
  void stop() { stopping_ = true; }

 private:
  friend class Operation;
  friend class Timer;
  struct Ring;
  struct Slot {
    Handler handler;
    std::uint32_t generation = 0;
    bool in_flight = false;
    bool cancellable = false;
    int fault = 0;  // what a test wants it to end with
    FileDescriptor file;
    SharedDescriptor directory;
    std::string text;
  };

  Loop();
  Operation start(Handler handler, const std::function<void(io_uring_sqe*, Slot&)>& prepare,
                  bool cancellable);
  io_uring_sqe* next_entry();
  void cancel(std::uint32_t slot);
  void complete(std::uint64_t user_data, int result);
  void run_deferred();
  void run_due_timers();
  int wait();
  void collect();

  std::unique_ptr<Ring> ring_;
  std::deque<Slot> slots_;  // a deque: the kernel holds pointers to a slot's text
  std::vector<std::uint32_t> free_slots_;
  std::map<Timer::Key, std::function<void()>> timers_;
  std::uint64_t timer_sequence_ = 0;
  std::vector<std::function<void()>> deferred_;
  bool stopping_ = false;
};

}  // namespace reeve::loop
