// The client of reeved: calls io.reeve.Registry, and keeps what a program opens there within its
// scopes. Needs C++20, Linux 6.1 and nothing else; `pkg-config --cflags --libs reeve`.
//
//   auto client = reeve::Client::connect();
//   if (!client) return complain(client.error().message());
//   auto run = client->open_run({.name = "my application"});  // ends what is in it, with its scope
//   auto slot = client->reserve({.worker = "worker-1"});      // is given back unless activated
//   const int pidfd = spawn_into(slot->worker().control_group);
//   auto worker = slot->activate(pidfd);
//   auto all = client->call<reeve::ListWorkers>({.state = reeve::WorkerState::active});
//
// - Errors are values: an Outcome<T> holds a T, or a Failure that says why not. The library throws
//   nothing of its own (memory that is not to be had still ends in std::bad_alloc).
// - Times are std::chrono::microseconds; those in Timestamp are of clock_gettime(2).
// - Descriptors that are passed to the library stay the caller's, and may be closed once the call
//   has returned; what a Connector returns is the library's.
// - One thread at a time may use a Client, its copies and what was made from it. Threads that want
//   to call at once connect a Client each. In a process that fork(2) made, what was copied ends and
//   gives back nothing of the parent's, and a Client connects anew; Events are not for it.
// - A restart of reeved is noticed and bridged; what cannot be bridged is told: see call() and
// Events.
// - Structures may get new members with a new version of the library: whoever links with it is
//   compiled again when its soname changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "reeve/failure.hpp"
#include "reeve/methods.hpp"
#include "reeve/types.hpp"

namespace reeve {

namespace client {
class Link;
class Stream;
}  // namespace client

// For other ways to reeved than its socket: ssh, a container's file system. Called whenever a
// connection is wanted; returns a connected stream socket, which is the library's from then on, or
// -errno.
using Connector = std::function<int()>;

#pragma GCC visibility push(default)  // the library shows nothing else

class Events;
class Reservation;
class ScopedRun;
class WorkerWatch;

class Client {
 public:
  // How long a call and Events::next() look for a reeved that has gone away: enough for a restart.
  // With 0 neither ever tries again by itself.
  static constexpr Microseconds usual_patience{5'000'000};

  // To $REEVE_SOCKET, else where reeved usually is: /run/reeve/io.reeve.Registry, or
  // $XDG_RUNTIME_DIR/reeve/io.reeve.Registry for a user who has that directory. Fails at once where
  // nobody listens.
  static Outcome<Client> connect();
  static Outcome<Client> connect(const std::string& socket, Microseconds patience = usual_patience);
  // `place` is what the connector leads to, as messages are to call it.
  static Outcome<Client> connect(Connector connector, const std::string& place,
                                 Microseconds patience = Microseconds{0});

  // Calls a method, one of those in methods.hpp, and waits for its reply. `descriptors` go with the
  // message; the input names them by their index.
  //
  // If reeved is restarted meanwhile: a call that it cannot have executed, or that changes nothing,
  // is made again; any other fails with ConnectionLost, for it may have been executed.
  template <class Method>
  Outcome<typename Method::Output> call(const typename Method::Input& input = {},
                                        std::span<const int> descriptors = {}) {
    typename Method::Output output;
    const Manner manner{descriptors, ChangesNothing<Method>, nullptr};
    const auto called = call(Method::name, &input, &output, manner);
    if (!called) return called.error();
    return output;
  }

  // The same for methods that reply more than once, and lists piece by piece: every reply, until
  // there are no more or `each` returns false.
  template <class Method>
  Outcome<Done> stream(const typename Method::Input& input,
                       const std::function<bool(typename Method::Output)>& each) {
    typename Method::Output output;
    const auto hand_over = [&] { return each(std::exchange(output, {})); };
    return call(Method::name, &input, &output, Manner{{}, false, hand_over});
  }

  // Any method by its full name, with inputs and outputs as JSON objects.
  Outcome<Done> call_json(const std::string& method, const std::string& parameters,
                          const std::function<bool(const std::string&)>& each);

  Outcome<ScopedRun> open_run(const OpenRun::Input& input = {});
  Outcome<Reservation> reserve(const Reserve::Input& input);
  // Both follow on a connection of their own.
  Outcome<Events> follow(const Subscribe::Input& input = {});
  Outcome<WorkerWatch> watch(const NamedWorker& worker);

 private:
  explicit Client(std::shared_ptr<client::Link> link) : link_(std::move(link)) {}
  static Outcome<Client> connect(std::shared_ptr<client::Link> link);

  // How a call is made: `each` is called for every reply of one that has several.
  struct Manner {
    std::span<const int> descriptors;
    bool repeatable;
    std::function<bool()> each;
  };
  Outcome<Done> call(std::string_view name, const void* input, void* output, const Manner& manner);

  std::shared_ptr<client::Link> link_;
};

// A run that ends with its scope: everything in it is ended as its policy says. (It ends with its
// owner's death in any case.)
class ScopedRun {
 public:
  ScopedRun(ScopedRun&&) noexcept;
  ScopedRun& operator=(ScopedRun&&) noexcept;
  // Waits until the run is gone. What goes wrong can only be learned from close().
  ~ScopedRun();

  // As it was when it was opened.
  [[nodiscard]] const Run& run() const { return run_; }
  [[nodiscard]] const std::string& id() const { return run_.run; }
  // Ends it now; once it has succeeded the destructor has nothing to do.
  Outcome<CleanupReport> close(std::optional<OwnerExitPolicy> policy = {});
  // It is to stay, until its owner exits or somebody closes it. Returns its id.
  std::string keep();

 private:
  friend class Client;
  ScopedRun(Client client, Run run);
  void end();

  Client client_;
  Run run_;
  int process_;  // whose it is; 0 for nobody's any more
};

// A worker's slot that is given back with its scope, unless it was activated: its cgroup goes, and
// whatever was born in it is killed.
class Reservation {
 public:
  Reservation(Reservation&&) noexcept;
  Reservation& operator=(Reservation&&) noexcept;
  ~Reservation();

  // As it was when it was reserved. A process is born in it by clone3(2) with CLONE_INTO_CGROUP on
  // worker().control_group, a path below the cgroup2 mount.
  [[nodiscard]] const Worker& worker() const { return worker_; }
  // Binds the process of a pidfd, and every process below it, to the slot. If that fails, the slot
  // is still reserved and this still gives it back.
  Outcome<Worker> activate(int pidfd, const std::optional<std::string>& handle = {},
                           const std::optional<std::string>& fingerprint = {});

 private:
  friend class Client;
  Reservation(Client client, Worker worker);
  void give_back();

  Client client_;
  Worker worker_;
  int process_;
};

// What happens: first what is, as events of the present, unless it began with `after`; then every
// event as it happens.
//
// A restart of reeved, or any other end of the connection, is bridged: it goes on behind the last
// event that was told. What can no longer be told, as after a restart or when it was not read fast
// enough, is told by an event of the kind `gap`: whoever keeps a picture looks anew then.
class Events {
 public:
  Events(Events&&) noexcept;
  Events& operator=(Events&&) noexcept;
  ~Events();

  // The next event; nothing if none came in time. Without a time it waits; with 0 it only looks.
  // After a failure the next call tries again: Unreachable, for one, may come to an end.
  Outcome<std::optional<Event>> next(std::optional<Microseconds> time = {});
  // For poll(2) and its kin, and nothing else: readable when next(0) has something to do, if that
  // had nothing more to tell before. The same for all its life.
  [[nodiscard]] int descriptor() const;
  // The number of the last event told, if any: `after`, for another subscription that is to resume.
  [[nodiscard]] std::optional<std::int64_t> position() const;

 private:
  friend class Client;
  explicit Events(std::unique_ptr<client::Stream> stream);
  std::unique_ptr<client::Stream> stream_;
};

// One worker, from reserved to gone, across restarts of reeved: no state that lasts is missed.
class WorkerWatch {
 public:
  using News = Outcome<std::optional<Worker>>;

  // The worker as it is, at first; then again each time it has gone on: when it is activated, when
  // it has exited, and when it is reaped, with which its exit is final. Nothing if that did not
  // happen in time. Fails with NoSuchWorker once it is not registered any more, and with NoSuchRun
  // once its run is gone.
  News next(std::optional<Microseconds> time = {});
  // As that of Events.
  [[nodiscard]] int descriptor() const { return events_.descriptor(); }

 private:
  friend class Client;
  WorkerWatch(Client client, Worker worker, Events events);
  News look();
  News news_in(const Event& event);
  News news_in(const Worker& worker);
  News end(Failure failure);

  Client client_;
  Events events_;
  Worker last_;  // as it was last told
  bool begun_ = false;
  bool look_is_due_ = false;
  std::optional<Failure> end_;
};

#pragma GCC visibility pop

}  // namespace reeve
