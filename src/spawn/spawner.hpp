// Starts programs in cgroups, through a process that does nothing else: see spawner_process.hpp.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "base/fd.hpp"
#include "cgroup/directory.hpp"
#include "loop/loop.hpp"
#include "process/process.hpp"
#include "spawn/order.hpp"

namespace reeve::spawn {

struct SpawnerProcess {
  FileDescriptor orders;
  process::Process process;
};
// To be forked while reeved holds nothing yet, not even a loop.
Result<SpawnerProcess> fork_spawner();

struct Request {
  Program program;
  std::array<FileDescriptor, 3> streams;  // input, output, error; an empty one is /dev/null
};

class Spawner {
 public:
  using Outcome = Result<process::Process, SpawnFailure>;
  // Once the program runs, or cannot. Called once, from the loop.
  using Handler = std::function<void(Outcome)>;
  using Key = std::uint64_t;

  // Where the process has died since, another is forked when it is needed.
  Spawner(loop::Loop& loop, SpawnerProcess spawner);
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // Born inside `control_group`, and reeved's child.
  Key start(Request request, cgroup::Directory control_group, Handler handler);
  // The handler is not called any more; what was ordered happens nevertheless.
  void forget(Key key);
  // Reaps a child of this process when it dies, and calls `then`, from the loop.
  void collect(process::Process child, std::function<void()> then = nullptr);

 private:
  struct Order;

  void send_waiting();
  int send(Key key, Order& order);
  void listen();
  void read_answers();
  void answered(const OrderAnswer& answer, std::vector<FileDescriptor> descriptors);
  void reported(Key key);
  void spawner_died();
  void finish(Key key, Outcome outcome);

  loop::Loop& loop_;
  SpawnerProcess spawner_;
  FileDescriptor null_;
  loop::Operation answers_;
  std::map<Key, std::unique_ptr<Order>> orders_;
  std::deque<Key> waiting_;     // to be sent
  std::size_t unanswered_ = 0;  // of those sent
  Key last_key_ = 0;

  struct Dying {
    process::Process process;
    loop::Operation death;
  };
  std::map<Key, Dying> dying_;
};

}  // namespace reeve::spawn
