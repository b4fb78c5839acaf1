// libreeve, on a real reeved: what a program keeps within its scopes, and what it sees of a reeved
// that comes and goes.
#include "reeve/client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>

#include "support/world.hpp"

namespace reeve::test {
namespace {

using std::chrono::milliseconds;

class ClientTest : public ::testing::Test {
 protected:
  World world_;
  Client client_ = connect();

  [[nodiscard]] Client connect() const { return taken(Client::connect(world_.socket())); }

  template <class T>
  static T taken(Outcome<T> outcome) {
    if (!outcome) {
      ADD_FAILURE() << outcome.error().message();
      std::abort();
    }
    return std::move(*outcome);
  }

  // A run whose owner is not this process.
  ScopedRun open(const Child& owner) { return taken(client_.open_run({.owner = owner.id()})); }
  Worker activate(const std::string& run, const std::string& worker, const Child& process) {
    auto slot = taken(client_.reserve({.worker = worker, .run = run}));
    return taken(slot.activate(process.pidfd()));
  }
  WorkerState state_of(const std::string& run, const std::string& worker) {
    return taken(client_.call<GetWorker>({worker, run})).worker.state;
  }
  [[nodiscard]] bool has_run(const std::string& run) {
    return client_.call<GetRun>({.run = run}).ok();
  }

  // The next event within the tests' patience.
  static Event next(Events& events) {
    const auto event = events.next(patience);
    EXPECT_TRUE(event.ok()) << event.error().message();
    EXPECT_TRUE(event.ok() && *event) << "no event came";
    return event.ok() ? event->value_or(Event{}) : Event{};
  }
  static Event next(Events& events, EventKind kind) {
    while (!HasFailure())
      if (auto event = next(events); event.kind == kind) return event;
    return {};
  }
  static Worker next(WorkerWatch& watch) {
    const auto news = watch.next(patience);
    EXPECT_TRUE(news.ok()) << news.error().message();
    EXPECT_TRUE(news.ok() && *news) << "no news came";
    return news.ok() ? news->value_or(Worker{}) : Worker{};
  }
};

// ---- calls

TEST_F(ClientTest, CallsWithWhatIsGivenAndLeavesTheRestOut) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = open(owner);
  const auto worker = taken(client_.call<Register>({.worker = "one",
                                                    .run = run.id(),
                                                    .process = process.id(),
                                                    .fingerprint = "print",
                                                    .metadata = Metadata{{"key", "value"}}}))
                          .worker;
  EXPECT_EQ(worker.state, WorkerState::active);
  EXPECT_EQ(worker.process->pid, process.pid());
  EXPECT_EQ(worker.handle, std::nullopt);
  EXPECT_EQ(worker.metadata, (Metadata{{"key", "value"}}));
  const auto list = taken(client_.call<ListWorkers>({.fingerprint = "print"}));
  ASSERT_EQ(list.workers.size(), 1U);
  EXPECT_EQ(json::encoded(list.workers.front()), json::encoded(worker));
  EXPECT_EQ(taken(client_.call<CountEntries>()).count, 2);
}

TEST_F(ClientTest, AListComesPieceByPieceAndMayBeLeftHalfRead) {
  std::vector<Child> owners;
  std::vector<ScopedRun> runs;
  for (int i = 0; i < 3; ++i) {
    owners.push_back(Child::sleeper());
    runs.push_back(open(owners.back()));
  }
  int replies = 0;
  std::size_t seen = 0;
  const auto count = [&](const ListRuns::Output& output) {
    ++replies;
    seen += output.runs.size();
    return true;
  };
  taken(client_.stream<ListRuns>({}, count));
  EXPECT_EQ(replies, 3);
  EXPECT_EQ(seen, 3U);
  replies = 0;
  taken(client_.stream<ListRuns>({}, [&](const auto&) { return ++replies < 2; }));
  EXPECT_EQ(replies, 2);
  EXPECT_EQ(taken(client_.call<ListRuns>()).runs.size(), 3U);  // nothing of it is in the way
}

TEST_F(ClientTest, AFailureExplainsItself) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = open(owner);
  activate(run.id(), "busy", process);

  const auto again = client_.reserve({.worker = "busy", .run = run.id()});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().error, "io.reeve.Registry.AlreadyActive");
  EXPECT_TRUE(again.error().is<AlreadyActive>());
  EXPECT_FALSE(again.error().is<AlreadyReserved>());
  EXPECT_EQ(again.error().as<AlreadyReserved>(), std::nullopt);
  EXPECT_EQ(again.error().as<AlreadyActive>()->process.pid, process.pid());
  const auto message = again.error().message();
  for (const auto& word :
       {std::string("busy"), std::to_string(process.pid()), run.id().substr(0, 12)})
    EXPECT_NE(message.find(word), std::string::npos) << message;

  const auto invalid =
      client_.call<Signal>({.worker = "busy", .signal = "NONSENSE", .run = run.id()});
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().as<InvalidParameter>()->parameter, "signal");

  const auto nowhere = Client::connect(world_.files() + "/nowhere");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().as<Unreachable>()->number, ENOENT);
  EXPECT_NE(nowhere.error().message().find("systemctl start reeved"), std::string::npos);

  const Failure unheard_of{"io.example.Unheard", R"({"of":1})"};
  EXPECT_FALSE(unheard_of.is<NoSuchRun>());
  EXPECT_EQ(unheard_of.message(), R"(io.example.Unheard {"of":1})");
}

TEST_F(ClientTest, DescriptorsStayTheCallers) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = open(owner);
  activate(run.id(), "worker", process);
  EXPECT_TRUE(process.is_alive());
  EXPECT_EQ(::fcntl(process.pidfd(), F_GETFD), FD_CLOEXEC);
}

// ---- scopes

TEST_F(ClientTest, ARunEndsWhatIsInItWhenItGoesOutOfScope) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  {
    const auto run = open(owner);
    activate(run.id(), "worker", process);
  }
  EXPECT_FALSE(process.is_alive());
  EXPECT_TRUE(owner.is_alive());
  EXPECT_TRUE(world_.root_is_empty());
}

TEST_F(ClientTest, ARunThatIsKeptStays) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  std::string id;
  {
    auto run = open(owner);
    activate(run.id(), "worker", process);
    id = run.keep();
  }
  EXPECT_TRUE(process.is_alive());
  EXPECT_TRUE(has_run(id));
}

TEST_F(ClientTest, ARunIsEndedOnceHoweverOftenItIsMoved) {
  auto owner = Child::sleeper();
  auto other = Child::sleeper();
  auto first = open(owner);
  auto second = open(other);
  const auto ids = std::pair(first.id(), second.id());
  first = std::move(second);
  EXPECT_FALSE(has_run(ids.first));
  EXPECT_TRUE(has_run(ids.second));
  const auto moved = std::move(first);
  EXPECT_TRUE(has_run(moved.id()));
}

TEST_F(ClientTest, ARunThatWasClosedSaysWhatItWas) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  auto run = open(owner);
  activate(run.id(), "worker", process);
  const auto report = taken(run.close());
  EXPECT_EQ(report.processes_killed, 1);
  EXPECT_TRUE(run.close().error().is<NoSuchRun>());
}

// What fork(2) copies is not a second owner, and speaks on a connection of its own.
TEST_F(ClientTest, AForkedProcessEndsNoRunOfItsParent) {
  auto owner = Child::sleeper();
  std::optional run = open(owner);
  const auto id = run->id();
  std::optional slot = taken(client_.reserve({.worker = "worker", .run = id}));
  auto child = Child::run([&] {
    slot.reset();
    run.reset();
    return client_.call<GetWorker>({"worker", id}).ok() ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(taken(client_.call<GetWorker>({"worker", id})).worker.state, WorkerState::reserved);
}

TEST_F(ClientTest, AReservationThatWasNotActivatedLeavesNothing) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  LifeLine line;
  std::optional<Child> born;
  std::string control_group;
  {
    const auto slot = taken(client_.reserve({.worker = "worker", .run = run.id()}));
    control_group = slot.worker().control_group;
    born = Child::born_in(world_.directory_of(control_group), [&] {
      line.report();
      ::pause();
      return 0;
    });
    line.let_go();
    ASSERT_TRUE(line.await_reports(1));
  }
  EXPECT_TRUE(client_.call<GetWorker>({"worker", run.id()}).error().is<NoSuchWorker>());
  EXPECT_TRUE(line.all_are_gone());
  EXPECT_TRUE(
      eventually([&] { return !std::filesystem::exists(world_.directory_of(control_group)); }));
}

TEST_F(ClientTest, AReservationGivesBackNothingThatIsNotItsOwn) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = open(owner);
  {
    const auto slot = taken(client_.reserve({.worker = "activated by another", .run = run.id()}));
    world_.activate(run.id(), slot.worker().worker, process);
  }
  EXPECT_EQ(state_of(run.id(), "activated by another"), WorkerState::active);
  {
    const auto slot = taken(client_.reserve({.worker = "reserved by another", .run = run.id()}));
    ASSERT_TRUE(world_.call<api::Unregister>({"reserved by another", run.id()}));
    world_.reserve(run.id(), "reserved by another");
  }
  EXPECT_EQ(state_of(run.id(), "reserved by another"), WorkerState::reserved);
}

TEST_F(ClientTest, AnActivationThatFailsLeavesTheSlotReserved) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = open(owner);
  {
    auto slot = taken(client_.reserve({.worker = "worker", .run = run.id()}));
    EXPECT_TRUE(slot.activate(owner.pidfd()).error().is<ProcessMismatch>());
    EXPECT_EQ(state_of(run.id(), "worker"), WorkerState::reserved);
    EXPECT_EQ(taken(slot.activate(process.pidfd(), "handle", "print")).handle, "handle");
  }
  EXPECT_EQ(state_of(run.id(), "worker"), WorkerState::active);
}

// ---- events

TEST_F(ClientTest, EventsTellWhatIsAndThenWhatHappens) {
  auto owner = Child::sleeper();
  auto other = Child::sleeper();
  const auto run = open(owner);
  const auto elsewhere = open(other);
  auto events = taken(client_.follow({.run = run.id()}));
  const auto opened = next(events);
  EXPECT_EQ(opened.kind, EventKind::run_opened);
  EXPECT_EQ(opened.run, run.id());
  EXPECT_FALSE(taken(events.next(Microseconds{0})));
  world_.reserve(elsewhere.id(), "of another run");
  const auto reserved = world_.reserve(run.id(), "worker");
  const auto event = next(events);
  EXPECT_EQ(event.kind, EventKind::reserved);
  EXPECT_EQ(event.worker->worker, "worker");
  EXPECT_EQ(events.position(), event.sequence);

  // Another goes on from there.
  world_.reserve(run.id(), "later");
  auto resumed = taken(client_.follow({.run = run.id(), .after = events.position()}));
  EXPECT_EQ(next(resumed).worker->worker, "later");
}

TEST_F(ClientTest, EventsCanBePolledFor) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  auto events = taken(client_.follow({.run = run.id()}));
  const auto becomes_readable = [&] {
    pollfd entry{events.descriptor(), POLLIN, 0};
    return ::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) == 1;
  };
  const int descriptor = events.descriptor();
  // Through the end of a reeved, as well: what is to be done then is due by this descriptor.
  std::vector<EventKind> kinds;
  const auto collect = [&](std::size_t count) {
    while (kinds.size() < count && becomes_readable())
      while (auto event = taken(events.next(Microseconds{0})))
        kinds.push_back(event->kind);
  };
  collect(1);
  world_.reserve(run.id(), "first");
  collect(2);
  world_.restart();
  collect(3);
  world_.reserve(run.id(), "second");
  collect(4);
  EXPECT_EQ(kinds, (std::vector{EventKind::run_opened, EventKind::reserved, EventKind::gap,
                                EventKind::reserved}));
  EXPECT_EQ(events.descriptor(), descriptor);
}

TEST_F(ClientTest, FollowingWhatDoesNotExistFails) {
  auto events = taken(client_.follow({.run = std::string(32, '0')}));
  EXPECT_TRUE(events.next(patience).error().is<NoSuchRun>());
  EXPECT_TRUE(client_.watch({"worker", std::string(32, '0')}).error().is<NoSuchRun>());
}

// A client whose connections the test can cut, and keep from being made anew.
class Cuttable {
 public:
  explicit Cuttable(const World& world)
      : connector_([this, &world] {
          if (!is_open_) return -ECONNREFUSED;
          sockets_.emplace_back(::dup(world.connect().descriptor()));
          return ::dup(sockets_.back().get());
        }) {}
  [[nodiscard]] Outcome<Client> connect() const {
    return Client::connect(connector_, "a way that is cut", Client::usual_patience);
  }
  void cut() const {
    for (const auto& socket : sockets_)
      ::shutdown(socket.get(), SHUT_RDWR);
  }
  void close() {
    is_open_ = false;
    cut();
  }
  void open() { is_open_ = true; }

 private:
  bool is_open_ = true;
  std::vector<FileDescriptor> sockets_;
  Connector connector_;
};

TEST_F(ClientTest, EventsGoOnWithoutAGapWhereReevedHasThemAll) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  Cuttable way(world_);
  auto client = taken(way.connect());
  auto events = taken(client.follow({.run = run.id()}));
  EXPECT_EQ(next(events).kind, EventKind::run_opened);
  world_.reserve(run.id(), "before");
  EXPECT_EQ(next(events).worker->worker, "before");
  way.cut();
  world_.reserve(run.id(), "meanwhile");
  EXPECT_EQ(next(events).worker->worker, "meanwhile");
  world_.reserve(run.id(), "after");
  EXPECT_EQ(next(events).worker->worker, "after");
}

// Nothing can be resumed behind a snapshot that may have been cut short.
TEST_F(ClientTest, EventsCutInTheirSnapshotBeginAnewAndSaySo) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  world_.reserve(run.id(), "worker");
  Cuttable way(world_);
  auto client = taken(way.connect());
  auto events = taken(client.follow({.run = run.id()}));
  EXPECT_EQ(next(events).kind, EventKind::run_opened);
  way.cut();
  EXPECT_EQ(next(events, EventKind::gap).kind, EventKind::gap);
  EXPECT_EQ(next(events).kind, EventKind::run_opened);
  EXPECT_EQ(next(events).kind, EventKind::reserved);
}

TEST_F(ClientTest, EventsTellOfAGapAfterARestartAndGoOn) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  auto events = taken(client_.follow());
  EXPECT_EQ(next(events).kind, EventKind::run_opened);
  world_.reserve(run.id(), "before");
  EXPECT_EQ(next(events).kind, EventKind::reserved);
  world_.restart();
  EXPECT_EQ(next(events).kind, EventKind::gap);
  world_.reserve(run.id(), "after");
  EXPECT_EQ(next(events).worker->worker, "after");
}

TEST_F(ClientTest, EventsOfAReevedThatStaysAwaySaySoAndAreTakenUpAgain) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  auto client = taken(Client::connect(world_.socket(), milliseconds(20)));
  auto events = taken(client.follow());
  EXPECT_EQ(next(events).kind, EventKind::run_opened);
  world_.reserve(run.id(), "worker");
  EXPECT_EQ(next(events).kind, EventKind::reserved);
  world_.kill_daemon();
  const auto away = events.next(patience);
  ASSERT_FALSE(away);
  EXPECT_TRUE(away.error().is<Unreachable>()) << away.error().message();
  world_.start();
  // Its last attempt may have been made before it was back.
  Outcome<std::optional<Event>> back = away;
  ASSERT_TRUE(eventually([&] { return (back = events.next(patience)).ok(); }));
  EXPECT_EQ((*back)->kind, EventKind::gap);
}

// ---- one worker

TEST_F(ClientTest, AWatchTellsAWorkersWholeLife) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = open(owner);
  world_.reserve(run.id(), "worker");
  auto watch = taken(client_.watch({"worker", run.id()}));
  EXPECT_EQ(next(watch).state, WorkerState::reserved);
  EXPECT_FALSE(taken(watch.next(Microseconds{0})));
  world_.activate(run.id(), "worker", process);
  EXPECT_EQ(next(watch).process->pid, process.pid());
  process.kill_unreaped();
  const auto dead = next(watch);
  EXPECT_EQ(dead.state, WorkerState::exited);
  EXPECT_FALSE(dead.exit->reaped);
  process.wait();
  EXPECT_TRUE(next(watch).exit->reaped);
  ASSERT_TRUE(world_.call<api::Unregister>({"worker", run.id()}));
  EXPECT_TRUE(watch.next(patience).error().is<NoSuchWorker>());
  EXPECT_TRUE(watch.next(patience).error().is<NoSuchWorker>());
}

TEST_F(ClientTest, AWatchEndsWithItsRun) {
  auto owner = Child::sleeper();
  auto run = open(owner);
  world_.reserve(run.id(), "worker");
  auto watch = taken(client_.watch({"worker", run.id()}));
  EXPECT_EQ(next(watch).state, WorkerState::reserved);
  taken(run.close());
  auto end = watch.next(patience);
  while (end.ok() && *end)  // its reservation may be told to be gone first
    end = watch.next(patience);
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error().is<NoSuchRun>() || end.error().is<NoSuchWorker>());
}

TEST_F(ClientTest, AWatchSurvivesARestartAndMissesNothing) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  auto other = Child::sleeper();
  const auto run = open(owner);
  activate(run.id(), "worker", process);
  activate(run.id(), "other", other);
  auto watch = taken(client_.watch({"worker", run.id()}));
  auto watch_of_other = taken(client_.watch({"other", run.id()}));
  EXPECT_EQ(next(watch).state, WorkerState::active);
  EXPECT_EQ(next(watch_of_other).state, WorkerState::active);

  world_.kill_daemon();
  process.kill();  // nobody sees it
  world_.start();
  EXPECT_EQ(next(watch).state, WorkerState::exited);

  world_.restart();
  other.kill();
  auto exited = next(watch_of_other);
  EXPECT_EQ(exited.state, WorkerState::exited);
}

// What happened while it was not connected, and the reeved of now has no event of.
TEST_F(ClientTest, AWatchLooksWhereEventsWereMissed) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  auto other = Child::sleeper();
  const auto run = open(owner);
  world_.reserve(run.id(), "exits");
  world_.reserve(run.id(), "is replaced");
  Cuttable way(world_);
  auto client = taken(way.connect());
  auto first = taken(client.watch({"exits", run.id()}));
  auto second = taken(client.watch({"is replaced", run.id()}));
  EXPECT_EQ(next(first).state, WorkerState::reserved);
  EXPECT_EQ(next(second).state, WorkerState::reserved);
  world_.activate(run.id(), "exits", process);
  world_.activate(run.id(), "is replaced", other);
  EXPECT_EQ(next(first).state, WorkerState::active);
  EXPECT_EQ(next(second).state, WorkerState::active);
  way.close();
  process.kill();
  (void)world_.await_reaped(run.id(), "exits");
  ASSERT_TRUE(world_.call<api::Unregister>({"is replaced", run.id()}));
  world_.reserve(run.id(), "is replaced");
  world_.restart();
  way.open();
  EXPECT_EQ(next(first).state, WorkerState::exited);
  EXPECT_TRUE(second.next(patience).error().is<NoSuchWorker>());
}

// ---- a reeved that comes and goes

TEST_F(ClientTest, ACallAfterARestartGoesToTheNewReeved) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  for (int i = 0; i < 3; ++i) {
    world_.restart();
    const auto name = "worker " + std::to_string(i);
    EXPECT_EQ(taken(client_.call<Reserve>({.worker = name, .run = run.id()})).worker.worker, name);
  }
}

// In a process that waits for the reply, if it can be had.
class Caller {
 public:
  explicit Caller(const std::function<bool()>& call)
      : process_(Child::run([&] { return call() ? 0 : 1; })) {}
  // Everything was sent by then, and no reply has come.
  [[nodiscard]] bool awaits_reply() const {
    const auto waits_in = "/proc/" + std::to_string(process_.pid()) + "/syscall";
    const auto receiving = std::to_string(SYS_recvfrom) + " ";
    return eventually([&] { return read_file(waits_in).starts_with(receiving); });
  }
  [[nodiscard]] bool succeeds() { return process_.wait() == 0; }

 private:
  Child process_;
};

TEST_F(ClientTest, ACallThatReevedDidNotReadIsMadeAgain) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  ASSERT_EQ(::kill(world_.daemon_pid(), SIGSTOP), 0);
  Caller caller([&] {
    auto client = Client::connect(world_.socket());
    return client && client->call<Reserve>({.worker = "worker", .run = run.id()}).ok();
  });
  ASSERT_TRUE(caller.awaits_reply());
  world_.restart();
  EXPECT_TRUE(caller.succeeds());
  EXPECT_EQ(state_of(run.id(), "worker"), WorkerState::reserved);
}

TEST_F(ClientTest, ACallThatMayHaveBeenExecutedIsReportedAsThat) {
  auto owner = Child::sleeper();
  const auto run = open(owner);
  LifeLine line;
  auto process = Child::run([&] {
    ::signal(SIGTERM, SIG_IGN);
    line.report();
    for (;;)
      ::pause();
    return 0;
  });
  ASSERT_TRUE(line.await_reports(1));
  activate(run.id(), "worker", process);
  Caller caller([&] {
    const auto stopped = client_.call<Stop>(
        {.worker = "worker", .run = run.id(), .grace = std::chrono::minutes(10)});
    return !stopped && stopped.error().is<ConnectionLost>() &&
           stopped.error().as<ConnectionLost>()->method == "io.reeve.Registry.Stop";
  });
  ASSERT_TRUE(world_.await_state(run.id(), "worker", WorkerState::stopping));
  world_.restart();
  EXPECT_TRUE(caller.succeeds());
}

TEST_F(ClientTest, AWaitIsTakenUpAgainForItChangesNothing) {
  auto owner = Child::sleeper();
  auto process = Child::sleeper();
  const auto run = open(owner);
  activate(run.id(), "worker", process);
  Caller caller([&] {
    const auto waited = client_.call<Wait>({"worker", run.id()});
    return waited && waited->worker.state == WorkerState::exited;
  });
  ASSERT_TRUE(caller.awaits_reply());
  world_.restart();
  ASSERT_TRUE(caller.awaits_reply());
  process.kill();
  EXPECT_TRUE(caller.succeeds());
}

TEST_F(ClientTest, ACallToAReevedThatStaysAwayFailsOncePatienceIsOver) {
  auto client = taken(Client::connect(world_.socket(), milliseconds(20)));
  world_.kill_daemon();
  const auto away = client.call<ListRuns>();
  EXPECT_TRUE(away.error().is<Unreachable>()) << away.error().message();
  world_.start();
  EXPECT_TRUE(client.call<ListRuns>().ok());
}

TEST_F(ClientTest, ARefusalBeforeAnyCallIsHandedOn) {
  // reeved says why it does not take a connection, and closes it.
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  FileDescriptor far(ends[1]);
  auto client = taken(Client::connect([&] { return ends[0]; }, "a full house"));
  constexpr std::string_view refusal =
      R"({"error":"io.reeve.Registry.TooMany","parameters":{"limit":"connections","maximum":7}})";
  ASSERT_GT(::send(far.get(), refusal.data(), refusal.size() + 1, 0), 0);
  far.reset();
  EXPECT_EQ(client.call<ListRuns>().error().as<TooMany>()->maximum, 7);
}

}  // namespace
}  // namespace reeve::test
