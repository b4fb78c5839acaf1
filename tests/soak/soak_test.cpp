// Many workers held, many clients, and workers that come and go for long: what the daemon holds
// returns to where it was, and every subscriber is told everything, in order.
//
// Its size is given by REEVE_SOAK_CYCLES, REEVE_SOAK_WORKERS and REEVE_SOAK_CLIENTS (./dev soak).
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <array>
#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>

#include "base/text.hpp"
#include "soak/figures.hpp"
#include "soak/nursery.hpp"
#include "soak/watcher.hpp"

namespace reeve::test {
namespace {

constexpr std::size_t churners = 4;
constexpr std::int64_t samples = 32;
// A quarter of them fills the event log.
constexpr std::int64_t enough_to_be_full = 2000;

std::int64_t size_of(const char* variable, std::int64_t usual) {
  const char* text = std::getenv(variable);
  return text == nullptr ? usual : parse_number<std::int64_t>(text).value_or(usual);
}

// A client as an application is one: a run of its own, and its connection.
struct Application {
  varlink::Client connection;
  std::string run;
  pid_t owner = 0;
};

class Soak {
 public:
  Soak()
      : cycles_(size_of("REEVE_SOAK_CYCLES", 2000)),
        workers_(size_of("REEVE_SOAK_WORKERS", 200)),
        clients_(size_of("REEVE_SOAK_CLIENTS", 50)) {
    rlimit descriptors{1U << 16, 1U << 16};
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
    world_.emplace();
  }
  ~Soak() { stop_reading(); }

  void play() {
    // Serving: it awaits connections, signals and a change of its socket, and nothing else. What it
    // opened to begin is still being closed by then.
    EXPECT_TRUE(eventually([this] { return figures_of(*world_).polls == 3; }));
    const auto at_first = at_rest();
    std::cout << "at first:   " << at_first << std::endl;
    watch(std::nullopt);
    slow_ = std::make_unique<Watcher>(*world_, std::nullopt);
    open_runs();
    start_reading();
    in_parallel([this](std::size_t churner) { hold_workers(churner); });
    const auto held = at_rest();
    std::cout << "held:       " << held << std::endl;
    EXPECT_EQ(held.cgroups, clients_ + workers_);
    stays_asleep();
    compare_with_the_kernel();

    const auto begin = std::chrono::steady_clock::now();
    in_parallel([this](std::size_t churner) { churn(churner); });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    fmt::print("churn:      {} cycles in {:.0f} s, {:.0f} a second\n", cycles_, took.count(),
               static_cast<double>(cycles_) / took.count());
    std::cout << "churned:    " << returned_to(held) << std::endl;
    stays_flat();
    stays_asleep();
    compare_with_the_kernel();
    everything_was_told();

    stop_reading();
    end_runs();
    std::cout << "at last:    " << returned_to(at_first) << std::endl;
  }

 private:
  Application& application(std::size_t churner, std::int64_t number) {
    const auto mine = (static_cast<std::size_t>(clients_) - churner + churners - 1) / churners;
    return applications_[churner + static_cast<std::size_t>(number) % mine * churners];
  }

  void in_parallel(const std::function<void(std::size_t)>& body) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < churners; ++i)
      threads.emplace_back(body, i);
    for (auto& thread : threads)
      thread.join();
  }

  template <class Method>
  static typename Method::Output call(Application& application,
                                      const typename Method::Input& input) {
    const auto answer = call_on<Method>(application.connection, input);
    EXPECT_TRUE(answer) << Method::name << ": " << answer;
    return answer ? *answer.output : typename Method::Output{};
  }

  // ---- what is held

  void open_runs() {
    for (std::int64_t i = 0; i < clients_; ++i) {
      const auto owner = of_those_that_stay_[0].bear("").pid;
      auto& made = applications_.emplace_back(Application{world_->connect(), {}, owner});
      api::OpenRun::Input input;
      input.owner = ProcessId{owner, {}, {}};
      made.run = call<api::OpenRun>(made, input).run.run;
      watch(made.run);
    }
  }

  void hold_workers(std::size_t churner) {
    const auto each = workers_ / clients_;
    for (auto i = static_cast<std::int64_t>(churner); i < clients_;
         i += static_cast<std::int64_t>(churners))
      for (std::int64_t j = 0; j < each + (i < workers_ % clients_ ? 1 : 0); ++j)
        begin_worker(of_those_that_stay_[churner], applications_[static_cast<std::size_t>(i)],
                     "held-" + std::to_string(j), false);
  }

  pid_t begin_worker(Nursery& nursery, Application& client, const std::string& name, bool moved) {
    api::Reserve::Input reservation;
    reservation.worker = name;
    reservation.run = client.run;
    const auto reserved = call<api::Reserve>(client, reservation).worker;
    const auto born = nursery.bear(moved ? "" : world_->directory_of(reserved.control_group));
    EXPECT_GT(born.pid, 0) << errno_name(-born.pid);
    api::Activate::Input activation;
    activation.worker = name;
    activation.run = client.run;
    activation.process = ProcessId{born.pid, {}, {}};
    EXPECT_EQ(call<api::Activate>(client, activation).worker.state, WorkerState::active);
    return born.pid;
  }

  // ---- what comes and goes

  void churn(std::size_t churner) {
    for (auto number = static_cast<std::int64_t>(churner); number < cycles_;
         number += static_cast<std::int64_t>(churners)) {
      if (::testing::Test::HasFailure()) return;
      cycle(churner, number);
      if ((number + 1) % std::max<std::int64_t>(cycles_ / samples, 1) == 0) {
        const std::lock_guard guard(mutex_);
        resident_.push_back(figures_of(*world_).resident_kilobytes);
      }
    }
  }

  void cycle(std::size_t churner, std::int64_t number) {
    auto& client = application(churner, number / static_cast<std::int64_t>(churners));
    const auto name = "w" + std::to_string(number);
    enum class Way { expired, stopped, detached, moved, born };
    const auto way = static_cast<Way>(std::min<std::int64_t>(number / 7 % 16, 4));
    if (way == Way::expired) {
      api::Reserve::Input input;
      input.worker = name;
      input.run = client.run;
      input.timeout = Microseconds{1};
      call<api::Reserve>(client, input);
      return;
    }
    const pid_t pid = begin_worker(nurseries_[churner], client, name, way == Way::moved);
    if (way == Way::detached) {
      call<api::Unregister>(client, {name, client.run});
      return nurseries_[churner].signal(pid, SIGKILL);
    }
    if (way == Way::stopped) {
      EXPECT_EQ(call<api::Stop>(client, {name, client.run, {}}).worker.state, WorkerState::exited);
    } else {
      const bool by_itself = number % 2 == 0;
      nurseries_[churner].signal(pid, by_itself ? SIGUSR1 : SIGKILL);
      const auto exit = call<api::Wait>(client, {name, client.run}).worker.exit;
      EXPECT_TRUE(exit.has_value());
      if (exit && exit->reaped) {
        EXPECT_EQ(exit->cause, by_itself ? ExitCause::exited : ExitCause::signaled);
        EXPECT_EQ(exit->code,
                  by_itself ? std::optional<std::int64_t>(worker_exit_status) : std::nullopt);
      }
    }
    call<api::Unregister>(client, {name, client.run});
  }

  // ---- subscribers

  void watch(std::optional<std::string> run) {
    watchers_.push_back(std::make_unique<Watcher>(*world_, std::move(run)));
  }

  // One thread reads for all but the slow one.
  void start_reading() {
    reader_ = std::thread([this] {
      const FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
      for (const auto& watcher : watchers_) {
        epoll_event wanted{EPOLLIN, {.ptr = watcher.get()}};
        ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, watcher->descriptor(), &wanted);
      }
      std::array<epoll_event, 64> ready;
      while (!stop_reading_) {
        const int count = ::epoll_wait(epoll.get(), ready.data(), ready.size(), 100);
        for (int i = 0; i < count; ++i) {
          auto& watcher = *static_cast<Watcher*>(ready[static_cast<std::size_t>(i)].data.ptr);
          const bool had_seen = watcher.has_seen_last();
          watcher.read();
          if (!had_seen && watcher.has_seen_last()) ++seen_last_;
        }
        all_ended_ = watchers_.front()->ended();
      }
    });
  }
  void stop_reading() {
    stop_reading_ = true;
    if (reader_.joinable()) reader_.join();
  }

  void everything_was_told() {
    for (auto& each : applications_) {
      api::Reserve::Input input;
      input.worker = Watcher::last_worker;
      input.run = each.run;
      call<api::Reserve>(each, input);
      call<api::Unregister>(each, {input.worker, each.run});
    }
    const auto begun = cycles_ + measured_ + clients_;  // each client's last one
    EXPECT_TRUE(eventually([&] {
      return seen_last_ == static_cast<std::int64_t>(watchers_.size()) && all_ended_ == begun;
    }));
    stop_reading();
    std::int64_t ended = 0, present = 0;
    for (const auto& watcher : watchers_) {
      for (const auto& fault : watcher->faults())
        ADD_FAILURE() << fault;
      EXPECT_EQ(watcher->gaps(), 0) << "for a subscriber that reads";
      if (watcher == watchers_.front()) continue;
      ended += watcher->ended();
      present += static_cast<std::int64_t>(watcher->present());
    }
    const auto& all = *watchers_.front();
    EXPECT_EQ(all.ended(), begun);
    EXPECT_EQ(ended, begun) << "those of one run each, together";
    EXPECT_EQ(present, workers_);
    while (!slow_->has_seen_last()) {
      pollfd entry{slow_->descriptor(), POLLIN, 0};
      if (::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) != 1 || !slow_->read())
        return ADD_FAILURE() << "the slow subscriber is not told of the end";
    }
    for (const auto& fault : slow_->faults())
      ADD_FAILURE() << "slow subscriber: " << fault;
    fmt::print("told:       {} subscribers, {} events to one of all runs, {} reapings; ",
               watchers_.size() + 1, all.events(), all.reaped());
    fmt::print("{} gaps to one that did not read\n", slow_->gaps());
  }

  // ---- what must hold

  // What was begun goes on for a moment after the last answer. While the daemon is awake, what it
  // looks at is not armed, and stays so for long where it has to wait for a processor.
  Figures at_rest() {
    Figures figures = figures_of(*world_);
    EXPECT_TRUE(eventually([&] {
      const auto switches = context_switches_of(*world_);
      const auto earlier = std::exchange(figures, figures_of(*world_));
      return holds_as_much(figures, earlier) && is_asleep(*world_) &&
             context_switches_of(*world_) == switches;
    }));
    return figures;
  }

  Figures returned_to(const Figures& before) {
    Figures figures;
    EXPECT_TRUE(eventually([&] {
      figures = at_rest();
      return holds_as_much(figures, before);
    })) << "from: "
        << before << "\nto:   " << figures;
    return figures;
  }

  static bool holds_as_much(const Figures& one, const Figures& other) {
    return one.cgroups == other.cgroups && one.dying_cgroups == other.dying_cgroups &&
           one.descriptors == other.descriptors && one.polls == other.polls;
  }

  // The first half fills the event log and the allocator's pools; the second may not grow on.
  void stays_flat() {
    const auto quarter = static_cast<std::ptrdiff_t>(resident_.size() / 4);
    if (quarter == 0) return;
    const auto begin = resident_.begin();
    const auto second = *std::max_element(begin + quarter, begin + 2 * quarter);
    const auto last = *std::max_element(begin + 3 * quarter, resident_.end());
    fmt::print(
        "memory:     {} KiB at most in the second quarter, {} in the last: {:.1f} bytes a cycle\n",
        second, last,
        static_cast<double>(last - second) * 1024 / (static_cast<double>(cycles_) / 2));
    if (cycles_ < enough_to_be_full) return;
    EXPECT_LE(last, second + second / 20);
  }

  void stays_asleep() {
    constexpr std::chrono::seconds idle{2};
    // What was told last is still being read, and the service manager is told a little later.
    std::int64_t before = -1;
    EXPECT_TRUE(eventually([&] {
      const auto earlier = std::exchange(before, context_switches_of(*world_));
      std::this_thread::sleep_for(std::chrono::milliseconds(700));
      return earlier == before;
    }));
    std::this_thread::sleep_for(idle);
    EXPECT_EQ(context_switches_of(*world_), before) << "an idle daemon wakes up";
  }

  void compare_with_the_kernel();

  void end_runs() {
    for (const auto& each : applications_)
      of_those_that_stay_[0].signal(each.owner, SIGKILL);
    applications_.clear();
    watchers_.clear();
    slow_.reset();
    EXPECT_TRUE(eventually([this] { return world_->root_is_empty(); }));
  }

  // First, while this process is small and alone.
  std::array<Nursery, churners> nurseries_;
  // To fork, and to reap, takes longer the more children there are.
  std::array<Nursery, churners> of_those_that_stay_;
  std::int64_t cycles_, workers_, clients_;
  std::int64_t measured_ = 0;
  std::optional<World> world_;
  std::vector<Application> applications_;
  std::vector<std::unique_ptr<Watcher>> watchers_;  // the first is told of all runs
  std::unique_ptr<Watcher> slow_;
  std::thread reader_;
  std::atomic<bool> stop_reading_ = false;
  std::atomic<std::int64_t> seen_last_ = 0;
  std::atomic<std::int64_t> all_ended_ = 0;
  std::mutex mutex_;
  std::vector<std::int64_t> resident_;
};

// One after the other, nothing else going on but what is held.
void Soak::compare_with_the_kernel() {
  constexpr int times = 100;
  const auto bare = world_->directory_of(world_->root()) + "-bare";
  ::mkdir(bare.c_str(), 0755);
  Latencies reserve, activate, exit_told, made, cloned, exit_seen;
  auto& client = applications_.front();
  auto& nursery = nurseries_[0];
  const auto opened_by_pid = [](pid_t pid) {
    return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  };
  const auto kill_and_await = [](Latencies& latencies, int pidfd, int readable) {
    latencies.measure([&] {
      ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
      pollfd entry{readable, POLLIN, 0};
      ::poll(&entry, 1, -1);
    });
  };
  const std::string record(400, 'x');
  for (int i = 0; i < times; ++i) {
    const auto leaf = bare + "/" + std::to_string(i);
    made.measure([&] {
      ::mkdir(leaf.c_str(), 0755);
      ::setxattr(leaf.c_str(), "user.reeve", record.data(), record.size(), 0);
    });
    const auto alone = nursery.bear(leaf);
    cloned.add(std::chrono::nanoseconds(alone.clone_nanoseconds));
    const auto alone_pidfd = opened_by_pid(alone.pid);
    kill_and_await(exit_seen, alone_pidfd.get(), alone_pidfd.get());

    const auto name = "measured-" + std::to_string(measured_++);
    api::Reserve::Input reservation;
    reservation.worker = name;
    reservation.run = client.run;
    std::string directory;
    reserve.measure(
        [&] { directory = call<api::Reserve>(client, reservation).worker.control_group; });
    const auto born = nursery.bear(world_->directory_of(directory));
    api::Activate::Input activation;
    activation.worker = name;
    activation.run = client.run;
    activation.process = ProcessId{born.pid, {}, {}};
    activate.measure([&] { call<api::Activate>(client, activation); });
    const auto pidfd = opened_by_pid(born.pid);
    auto waiting = world_->connect();
    const auto message = R"({"method":"io.reeve.Registry.Wait","parameters":)" +
                         json::encoded(api::Wait::Input{name, client.run}) + "}";
    (void)!::send(waiting.descriptor(), message.c_str(), message.size() + 1, MSG_NOSIGNAL);
    call<api::GetRun>(client, {client.run});  // by now it has read that, too
    kill_and_await(exit_told, pidfd.get(), waiting.descriptor());
    call<api::Unregister>(client, {name, client.run});
  }
  for (int i = 0; i < times; ++i)
    (void)eventually([&] { return ::rmdir((bare + "/" + std::to_string(i)).c_str()) == 0; });
  ::rmdir(bare.c_str());
  print_beside("Reserve:", reserve, "mkdir + setxattr", made);
  print_beside("Activate:", activate, "clone3", cloned);
  print_beside("exit told:", exit_told, "pidfd poll", exit_seen);
}

TEST(Soak, ReturnsToWhereItBegan) {
  Soak().play();
}

}  // namespace
}  // namespace reeve::test
