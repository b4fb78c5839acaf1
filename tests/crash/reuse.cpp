// A pid is given to somebody else at every point of what reeved does with it, thousands of times.
//
// Each round has a victim, whose pid reeved was told or has recorded, and a point: when reeved has
// come there, it is paused, the victim dies and is reaped, a stranger is cloned with its pid
// (clone3 with set_tid), and reeved goes on. The stranger is harmed if it is killed, stopped, or
// not where it was born once reeved has answered. The points of a window are gone through in any
// order, again and again, until there were as many rounds as were asked for.
#include <fmt/core.h>
#include <getopt.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/text.hpp"
#include "crash/traced_daemon.hpp"
#include "support/guardian.hpp"

namespace reeve::test::crash {
namespace {

constexpr std::uint64_t points_from_opening_to_write = 5;
constexpr std::uint64_t never = ~0ULL;

struct Counts {
  std::uint64_t rounds = 0;  // in which a stranger got the pid
  std::uint64_t moved =
      0;  // and was seen in reeve's cgroup: it bore the pid when the move was made
  std::uint64_t harmed = 0;
};

ProcessId identity_of(const Child& process) {
  struct stat status {};
  ::fstat(process.pidfd(), &status);
  return {process.pid(), static_cast<std::int64_t>(status.st_ino), {}};
}

// A process that can be given up, and its pid taken over.
class Victim {
 public:
  static Victim sleeper() {
    Victim victim;
    victim.main_ = Child::sleeper();
    victim.pid_ = victim.main_.pid();
    return victim;
  }
  // The child of a worker, which is reaped without its parent's doing.
  static Victim descendant() {
    Victim victim;
    LifeLine told;
    victim.main_ = Child::run([&] {
      ::signal(SIGCHLD, SIG_IGN);
      if (::fork() != 0) told.report();
      return ::pause();
    });
    (void)told.await_reports(1);
    victim.pid_ =
        parse_number<pid_t>(
            trim(read_file(fmt::format("/proc/{0}/task/{0}/children", victim.main_.pid()))))
            .value_or(0);
    return victim;
  }
  // Runs `body` in the process itself.
  static Victim running(const std::function<int()>& body) {
    Victim victim;
    victim.main_ = Child::run(body);
    victim.pid_ = victim.main_.pid();
    return victim;
  }

  // Dead and reaped; another has its pid. Nobody if somebody else was faster.
  std::optional<Child> recycle() {
    if (pid_ == main_.pid()) {
      const pid_t pid = pid_;
      main_.kill();
      return stranger(pid);
    }
    ::kill(pid_, SIGKILL);
    if (!eventually([this] { return !process_exists(pid_); })) return std::nullopt;
    return stranger(pid_);
  }
  Child& main() { return main_; }

 private:
  static std::optional<Child> stranger(pid_t pid) {
    try {
      return Child::with_pid(pid);
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }
  Child main_;
  pid_t pid_ = 0;
};

class Game {
 public:
  Game()
      : world_(World::Daemon::not_started), daemon_(world_), home_(control_group_of(::getpid())) {
    start();
    run_ = world_.open_run(owner_);
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }
  // How many points the last round had that passed them all; at which of them reeved was about to
  // open cgroup.procs, or cgroup.kill.
  [[nodiscard]] std::uint64_t points() const { return points_; }
  [[nodiscard]] const std::vector<std::uint64_t>& openings() const { return openings_; }

  // ---- rounds of the windows; false: the window has no such point

  bool activation(std::uint64_t point) { return activate(point, Victim::sleeper(), After::answer); }
  bool descendant(std::uint64_t point) {
    return activate(point, Victim::descendant(), After::answer);
  }
  bool activation_crash(std::uint64_t point) {
    return activate(point, Victim::sleeper(), After::crash);
  }
  bool descendant_crash(std::uint64_t point) {
    return activate(point, Victim::descendant(), After::crash);
  }
  bool entering(std::uint64_t point) { return enter(point, After::answer); }
  bool entering_crash(std::uint64_t point) { return enter(point, After::crash); }

  // Between the death of a worker and its being told of.
  bool exit(std::uint64_t point) {
    auto victim = Victim::sleeper();
    const auto worker = activated(run_, victim.main());
    auto conversation = connected();
    begin(point);
    conversation.ask<api::Wait>({worker, run_});
    victim.main().kill_unreaped();
    const bool reached = strike(victim, conversation.descriptor());
    daemon_->run_on();
    (void)conversation.receive();
    return finish(reached, worker);
  }

  bool stop(std::uint64_t point) {
    auto victim = Victim::sleeper();
    const auto worker = activated(run_, victim.main());
    auto conversation = connected();
    begin(point);
    conversation.ask<api::Stop>({worker, run_, std::chrono::seconds(10)});
    const bool reached = strike(victim, conversation.descriptor());
    daemon_->run_on();
    (void)conversation.receive();
    return finish(reached, worker);
  }

  // The pid of an owner that has died.
  bool owner_death(std::uint64_t point) {
    auto victim = Victim::sleeper();
    auto process = Child::sleeper();
    return end_run(point, victim.main(), process, victim);
  }

  // The pid of a worker whose run is killed.
  bool run_death(std::uint64_t point) {
    auto owner = Child::sleeper();
    auto victim = Victim::sleeper();
    return end_run(point, owner, victim.main(), victim);
  }

  // While one reeved has died and the next does not yet serve.
  bool restart(std::uint64_t point) {
    auto victim = Victim::sleeper();
    const auto worker = activated(run_, victim.main());
    daemon_.kill();
    stranger_.reset();
    daemon_.launch({Tracer::Counting::from_start, 0, {}, point});
    const bool reached = strike(victim, world_.readiness());
    daemon_->run_on();
    await_ready();
    if (reached) world_.await_state(run_, worker, WorkerState::exited);
    return finish(reached, worker);
  }

 private:
  // When the stranger was moved: reeved may go on, or is killed then and there.
  enum class After { answer, crash };

  void start() {
    daemon_.launch({Tracer::Counting::when_told, 0, {}, 0});
    await_ready();
  }

  void await_ready() {
    if (!world_.await_ready()) throw std::runtime_error("reeved does not become ready");
  }

  std::string next_name() { return "worker-" + std::to_string(++names_); }

  std::string activated(const std::string& run, const Child& process) {
    auto name = next_name();
    world_.reserve(run, name);
    world_.activate(run, name, process);
    return name;
  }

  // One that reeved has accepted.
  [[nodiscard]] Conversation connected() const {
    Conversation conversation(world_);
    conversation.ask<api::CountEntries>({});
    (void)conversation.receive();
    return conversation;
  }

  void begin(std::uint64_t point) {
    stranger_.reset();
    daemon_->pause_at(point);
    daemon_->start_counting();
  }

  // Leaves reeved paused; false: `done` became readable before the point was reached.
  bool strike(Victim& victim, int done) {
    const auto point = daemon_->await_pause(done);
    daemon_->stop_counting();
    if (!point) {
      points_ = daemon_->points();
      openings_ = daemon_->openings_for_writing();
      return false;
    }
    where_ = to_string(*point);
    stranger_ = victim.recycle();
    return true;
  }

  // Reeved goes on, and whether the stranger comes into the cgroup is seen when it asks a pidfd:
  // after a move that is the next thing it does. True if it was killed there.
  bool watch_move(const std::string& control_group, int done, After after) {
    bool moved = false;
    do {
      if (!moved && stranger_ && control_group_of(stranger_->pid()) == control_group) {
        moved = true;
        ++counts_.moved;
        if (after == After::crash) {
          daemon_.kill();
          start();
          return true;
        }
      }
      daemon_->pause_on(SYS_pidfd_send_signal);
      daemon_->resume();
    } while (daemon_->await_pause(done));
    daemon_->run_on();
    return false;
  }

  bool activate(std::uint64_t point, Victim victim, After after) {
    const auto worker = next_name();
    const auto control_group = world_.reserve(run_, worker).control_group;
    auto conversation = connected();
    begin(point);
    api::Activate::Input input;
    input.worker = worker;
    input.run = run_;
    input.process = identity_of(victim.main());
    conversation.ask<api::Activate>(input);
    const bool reached = strike(victim, conversation.descriptor());
    if (!reached) daemon_->run_on();
    if (!reached || !watch_move(control_group, conversation.descriptor(), after))
      (void)conversation.receive();
    return finish(reached, worker);
  }

  // The process that enters is the caller, so that nobody hears the answer; another move that was
  // asked for later, and answered, tells that this one is over.
  bool enter(std::uint64_t point, After after) {
    LifeLine answered;
    auto conversation = connected();
    begin(point);
    auto victim = Victim::running([&] {
      auto client = world_.connect();
      (void)call_on<api::EnterRun>(client, {run_});
      answered.report();
      return ::pause();
    });
    answered.let_go();
    const bool reached = strike(victim, answered.descriptor());
    if (!reached) daemon_->run_on();
    auto process = Child::sleeper();
    api::Register::Input input;
    input.worker = next_name();
    input.run = run_;
    input.process = process.id();
    conversation.ask<api::Register>(input);
    const auto entered = world_.root() + "/" + registry::run_directory(run_) + "/entered";
    if (!reached || !watch_move(entered, conversation.descriptor(), after))
      (void)conversation.receive();
    return finish(reached, input.worker);
  }

  bool end_run(std::uint64_t point, Child& owner, Child& process, Victim& victim) {
    const auto run = world_.open_run(owner);
    const auto worker = activated(run, process);
    auto conversation = connected();
    begin(point);
    conversation.ask<api::Wait>({worker, run});
    owner.kill_unreaped();
    const bool reached = strike(victim, conversation.descriptor());
    daemon_->run_on();
    (void)conversation.receive();
    const auto directory = world_.directory_of(world_.root()) + "/" + registry::run_directory(run);
    if (!eventually([&] { return ::access(directory.c_str(), F_OK) < 0; }))
      throw std::runtime_error("a run does not end");
    return finish(reached, "");
  }

  // The stranger has had its chance to be harmed; the worker goes.
  bool finish(bool reached, const std::string& worker) {
    if (reached && stranger_) {
      ++counts_.rounds;
      // Whose caller is the victim is answered to nobody: the stranger may be on its way back.
      if (stranger_->is_alive())
        (void)eventually([this] { return control_group_of(stranger_->pid()) == home_; });
      const auto where = control_group_of(stranger_->pid());
      const auto harm = !stranger_->is_alive()                   ? "was killed"
                        : process_state(stranger_->pid()) == 'T' ? "was stopped"
                        : where != home_                         ? "is in " + where
                                                                 : std::string();
      if (!harm.empty()) {
        ++counts_.harmed;
        fmt::print("HARM: at {} the pid was recycled, and the stranger {}\n{}\n", where_, harm,
                   world_.daemon_log());
      }
    }
    if (!worker.empty()) (void)world_.call<api::Unregister>({worker, run_});
    stranger_.reset();
    return reached;
  }

  World world_;
  TracedDaemon daemon_;
  std::string home_;
  Child owner_ = Child::sleeper();
  std::string run_;
  std::uint64_t names_ = 0;
  std::optional<Child> stranger_;
  std::string where_;
  Counts counts_;
  std::uint64_t points_ = 0;
  std::vector<std::uint64_t> openings_;
};

struct Window {
  const char* name;
  unsigned share;  // of the rounds
  bool (Game::*round)(std::uint64_t point);
};

constexpr Window windows[] = {
    {"activation", 30, &Game::activation},
    {"activation-crash", 14, &Game::activation_crash},
    {"descendant", 14, &Game::descendant},
    {"descendant-crash", 10, &Game::descendant_crash},
    {"entering", 6, &Game::entering},
    {"entering-crash", 4, &Game::entering_crash},
    {"exit", 6, &Game::exit},
    {"stop", 6, &Game::stop},
    {"owner-death", 3, &Game::owner_death},
    {"run-death", 3, &Game::run_death},
    {"restart", 4, &Game::restart},
};

// All points; and every other round at one of those few between the opening of cgroup.procs and the
// write to it, where the pid was looked at for the last time.
Counts play(const Window& window, std::uint64_t rounds, std::mt19937_64& random) {
  Game game;
  std::vector<std::uint64_t> all, moving;
  (void)(game.*window.round)(never);  // the first time reeved looks at more than later
  while (game.counts().rounds < rounds && game.counts().harmed == 0) {
    if (all.empty()) {
      (void)(game.*window.round)(never);
      all.resize(game.points());
      std::iota(all.begin(), all.end(), 1);
      std::shuffle(all.begin(), all.end(), random);
      moving.clear();
      for (const auto opening : game.openings())
        for (std::uint64_t point = opening; point < opening + points_from_opening_to_write; ++point)
          moving.push_back(point);
      continue;
    }
    if (!moving.empty() && random() % 2 == 0) {
      (void)(game.*window.round)(moving[random() % moving.size()]);
    } else {
      (void)(game.*window.round)(all.back());
      all.pop_back();
    }
  }
  return game.counts();
}

int play_all(std::uint64_t rounds, const std::string& only) {
  std::mt19937_64 random(std::random_device{}());
  unsigned shares = 0;
  for (const auto& window : windows)
    if (only.empty() || only == window.name) shares += window.share;
  Counts sum;
  for (const auto& window : windows) {
    if ((!only.empty() && only != window.name) || sum.harmed > 0) continue;
    const auto counts = play(window, (rounds * window.share + shares - 1) / shares, random);
    fmt::print("{}: {} forced reuses, {} strangers moved and returned, {} harmed\n", window.name,
               counts.rounds, counts.moved, counts.harmed);
    std::fflush(stdout);
    sum.rounds += counts.rounds;
    sum.moved += counts.moved;
    sum.harmed += counts.harmed;
  }
  fmt::print("forced reuses: {}, of them {} with the stranger moved and returned, {} harmed\n",
             sum.rounds, sum.moved, sum.harmed);
  return sum.harmed == 0 && sum.rounds >= rounds ? 0 : 1;
}

constexpr const char* usage =
    "reuse [OPTION…]: give a pid to a stranger at every point of what reeved does with it\n"
    "  --rounds N      so often, 10000 unless given\n"
    "  --window NAME   only in this one\n"
    "  --reeved PATH   another reeved than this build's\n";

}  // namespace
}  // namespace reeve::test::crash

int main(int argc, char** argv) {
  using namespace reeve::test;
  std::uint64_t rounds = 10'000;
  std::string only;
  const option known[] = {{"rounds", required_argument, nullptr, 'r'},
                          {"window", required_argument, nullptr, 'w'},
                          {"reeved", required_argument, nullptr, 'd'},
                          {"help", no_argument, nullptr, 'h'},
                          {}};
  for (int letter; (letter = ::getopt_long(argc, argv, "", known, nullptr)) >= 0;) {
    if (letter == 'r') rounds = reeve::parse_number<std::uint64_t>(optarg).value_or(0);
    if (letter == 'w') only = optarg;
    if (letter == 'd') ::setenv("REEVED", optarg, 1);
    if (letter == '?' || letter == 'h' || rounds == 0) {
      std::fputs(crash::usage, letter == 'h' ? stdout : stderr);
      return letter == 'h' ? 0 : 2;
    }
  }
  return under_guard([&] { return crash::play_all(rounds, only); });
}
