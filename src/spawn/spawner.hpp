// Starts programs in cgroups, through a process that does nothing else: see spawner_process.hpp.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "base/fd.hpp"
#include "cgroup/directory.hpp"
#include "loop/loop.hpp"
#include "process/process.hpp"
#include "spawn/order.hpp"

namespace reeve::spawn {

struct SpawnerProcess {
  FileDescriptor orders;
  process::Process process;  // none where it is nobody's child here
};
// To be forked while reeved holds nothing yet, not even a loop.
Result<SpawnerProcess> fork_spawner();
// One that reeve-holder(8) has forked off itself for this connection: what it starts is free of
// what reeved's own service is confined to.
Result<SpawnerProcess> connect_to_holder(const std::string& path);

struct Request {
  Program program;
  std::array<FileDescriptor, 3> streams;  // input, output, error; an empty one is /dev/null
  // Root has named the program and where it works: that may hold up what starts it, if it hangs.
  bool is_trusted = false;
};

class Spawner {
 public:
  using Outcome = Result<process::Process, SpawnFailure>;
  // Once the program runs, or cannot. Called once, from the loop.
  using Handler = std::function<void(Outcome)>;
  using Key = std::uint64_t;

  // Where the process has died since, another is obtained when it is needed.
  using Obtain = std::function<Result<SpawnerProcess>()>;
  Spawner(loop::Loop& loop, SpawnerProcess spawner, Obtain obtain = fork_spawner);
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // Born inside `control_group`.
  Key start(Request request, cgroup::Directory control_group, Handler handler);
  // The handler is not called any more; what was ordered happens nevertheless.
  void forget(Key key);
  // Of a process that was started here and is dead. Its wait(2) status; nothing where it is known
  // no more, as the spawner that was its parent is dead, too.
  using Reaped = std::function<void(std::optional<int> wait_status)>;
  Key reap(const process::Process& dead, Reaped handler);
  // Reaps what was started here when it dies, and calls `then`, from the loop.
  void collect(process::Process child, std::function<void()> then = nullptr);

 private:
  struct Order;
  struct Reaping {
    FileDescriptor pidfd;
    Reaped handler;
    bool is_sent = false;
  };

  // See hand_process.hpp.
  struct Hand {
    FileDescriptor socket;
    std::optional<Key> order = {};  // that it is at
    loop::Operation answer = {};
  };
  bool give_to_hand(Key key, Order& order, const Program& program);
  void hire();
  void hand_answered(Hand& hand);

  void send_waiting();
  int send_start(Key key, Order& order);
  int send_reap(Key key, Reaping& reaping);
  int send_hiring(Key key);
  int send(const OrderHead& head, std::span<const int> descriptors);
  int renew();
  void lose_spawner();
  void await_death(process::Process process, std::function<void(process::Process)> then);
  void listen();
  void read_answers();
  void answered(const OrderAnswer& answer, std::vector<FileDescriptor> descriptors);
  void reported(Key key);
  void spawner_died();
  void finish(Key key, Outcome outcome);
  void finish_reaping(Key key, std::optional<int> wait_status);

  loop::Loop& loop_;
  Obtain obtain_;
  SpawnerProcess spawner_;
  FileDescriptor null_;
  loop::Operation answers_;
  std::map<Key, std::unique_ptr<Order>> orders_;
  std::map<Key, Reaping> reapings_;
  std::list<Hand> hands_;
  std::optional<Key> hiring_;
  bool are_hands_refused_ = false;
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
