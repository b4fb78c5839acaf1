// Random changes of pools, deaths of workers and deaths of reeved, one upon the other without
// waiting; and then every slot has to be what was asked for last, none lost and none doubled.
//
// $REEVE_MODEL_STEPS (a tenth of it, for these take longer), $REEVE_MODEL_SEED and
// $REEVE_MODEL_POOLS_SCRIPT say how many, which, or name a file with one sequence.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "api/pools.hpp"
#include "cgroup/directory.hpp"
#include "model/difference.hpp"
#include "model/environment.hpp"
#include "model/shrink.hpp"
#include "support/world.hpp"
#include "sys/calls.hpp"

namespace reeve::model {
namespace {

constexpr std::size_t steps_in_a_sequence = 30;
constexpr int largest = 4;
const std::vector<std::string> pools{"db", "web"};
const std::vector<std::string> programs{"1000", "1001", "1002", "1003", "broken"};

struct Wanted {
  int configured_size = 0;
  int size = 0;
  std::string program;
  std::set<int> stopped;  // by somebody's hand: they stay so until the pool is restarted
  // Such that were not wanted for a while: whether they went meanwhile is a race.
  std::set<int> maybe_stopped;
  bool is_disturbed = false;  // a worker was killed, which may be the one that a change waits for

  void forget_stopped() {
    stopped.clear();
    maybe_stopped.clear();
  }
  [[nodiscard]] bool is_broken() const { return program == "broken"; }
};

class PoolsPlay {
 public:
  explicit PoolsPlay(test::World& world) : world_(world) {
    world_.configure("");
    world_.start();
  }

  void run(const Step& step) {
    const auto pool = step.text("pool").value_or("");
    const auto wanted = wanted_.find(pool);
    if (step.kind == "configure") return configure(pool, step);
    if (step.kind == "crash") return world_.restart();
    if (step.kind == "settle") return settle();
    if (wanted == wanted_.end()) return refuse(pool, step);
    if (step.kind == "remove") {
      resize(wanted->second, 0);
      wanted->second.configured_size = 0;
      removed_[pool] = wanted_.extract(wanted).mapped();
      return reload();
    }
    if (step.kind == "scale") return scale(pool, wanted->second, step.number("size"));
    if (step.kind == "restart") return restart(pool, wanted->second);
    if (step.kind == "kill") return kill(pool, wanted->second, step.number("slot"));
    if (step.kind == "stop") return stop(pool, wanted->second, step.number("slot"));
  }

  void settle() {
    for (auto& [name, wanted] : wanted_)
      settle(name, wanted);
    for (const auto& name : pools)
      if (!wanted_.contains(name))
        await([&] {
          const auto got = get(name);
          return got ? "is not configured, and still there: " + json::encoded(*got.output) : "";
        });
    removed_.clear();
    await([&] { return strangers(); });
  }

 private:
  void configure(const std::string& pool, const Step& step) {
    if (!wanted_.contains(pool)) wanted_[pool] = removed_[pool];
    auto& wanted = wanted_[pool];
    const int size = step.number("size");
    if (const auto program = *step.text("program"); wanted.program != program) {
      wanted.program = program;
      wanted.forget_stopped();
    }
    if (wanted.configured_size != size) resize(wanted, size);
    wanted.configured_size = size;
    reload();
  }

  static void resize(Wanted& wanted, int size) {
    wanted.size = size;
    while (!wanted.stopped.empty() && *wanted.stopped.rbegin() >= size)
      wanted.maybe_stopped.insert(wanted.stopped.extract(std::prev(wanted.stopped.end())));
  }

  void reload() {
    std::string text;
    for (const auto& [name, wanted] : wanted_)
      text += fmt::format(
          "[pool.{}]\ncommand = {}\nsize = {}\nrestart = 'always'\nbackoff = {{ initial = 0 }}\n"
          "start-limit = {{ burst = 20, interval = 600 }}\nready-after = {}\n",
          name, command_of(wanted), wanted.configured_size, name == "web" ? "'10ms'" : "0");
    world_.configure(text);
    succeed(world_.call<api::Reload>({}), "Reload");
  }

  static std::string command_of(const Wanted& wanted) {
    return wanted.is_broken() ? "['false']" : fmt::format("['sleep', '{}']", wanted.program);
  }

  void scale(const std::string& pool, Wanted& wanted, int size) {
    resize(wanted, size);
    succeed(world_.call<api::ScalePool>({pool, size}), "ScalePool");
  }

  void restart(const std::string& pool, Wanted& wanted) {
    wanted.forget_stopped();
    succeed(world_.call<api::RestartPool>({pool}), "RestartPool");
  }

  // Of one that was removed, however much of it is still there.
  void refuse(const std::string& pool, const Step& step) {
    const auto error = step.kind == "scale"     ? world_.call<api::ScalePool>({pool, 1}).error
                       : step.kind == "restart" ? world_.call<api::RestartPool>({pool}).error
                                                : "NoSuchPool";
    if (error != "NoSuchPool") throw Difference(step.kind + " of a removed pool says: " + error);
  }

  void kill(const std::string& pool, Wanted& wanted, int slot) {
    const auto got = get(pool);
    if (!got || slot >= std::ssize(got->slots) || !got->slots[slot].process) return;
    const auto pid = static_cast<pid_t>(got->slots[slot].process->pid);
    const FileDescriptor pidfd(sys::pidfd_open(pid));
    if (pidfd) (void)sys::pidfd_send_signal(pidfd.get(), SIGKILL);
    wanted.is_disturbed = true;
  }

  // Of a worker that is there for sure.
  void stop(const std::string& pool, Wanted& wanted, int slot) {
    if (slot >= wanted.size || wanted.is_broken() || wanted.maybe_stopped.contains(slot)) return;
    settle(pool, wanted);
    const auto run = get(pool)->pool.run;
    if (!wanted.stopped.insert(slot).second) return;
    succeed(world_.call<api::Stop>({registry::worker_name(pool, slot), run, {}}), "Stop");
  }

  // A change that was stopped, as a worker that it waited for was killed, goes on when it is told
  // to.
  void settle(const std::string& pool, Wanted& wanted) {
    await([&]() -> std::string {
      const auto got = get(pool);
      if (!got) return pool + " cannot be asked for: " + got.error;
      if (got->pool.state == PoolState::halted && wanted.is_disturbed && !wanted.is_broken())
        restart(pool, wanted);
      const auto wrong = difference(*got.output, wanted);
      return wrong.empty() ? "" : wrong + ": " + json::encoded(*got.output);
    });
    wanted.is_disturbed = false;
    wanted.maybe_stopped.erase(wanted.maybe_stopped.lower_bound(wanted.size),
                               wanted.maybe_stopped.end());
  }

  static std::string difference(const api::GetPool::Output& got, const Wanted& wanted) {
    const auto& pool = got.pool;
    if (pool.size != wanted.size) return fmt::format("its size should be {}", wanted.size);
    if (wanted.is_broken()) {
      const bool has_failed = pool.state == PoolState::halted || pool.held == pool.size;
      return has_failed ? "" : "its program fails, and it does not say so";
    }
    if (pool.state != PoolState::settled) return "it does not become what it should";
    if (std::ssize(got.slots) != wanted.size) return "it has another number of slots";
    if (pool.to_change != 0) return "it has something to change";
    for (int number = 0; number < wanted.size; ++number) {
      const auto wrong = difference(got.slots[number], wanted, number);
      if (!wrong.empty()) return fmt::format("slot {} {}", number, wrong);
    }
    return {};
  }

  static std::string difference(const Slot& slot, const Wanted& wanted, int number) {
    if (wanted.stopped.contains(number))
      return slot.state == SlotState::finished ? "" : "should be finished";
    if (wanted.maybe_stopped.contains(number) && slot.state == SlotState::finished) return {};
    if (slot.state != SlotState::ready || !slot.process) return "should be ready";
    const auto command = test::read_file(fmt::format("/proc/{}/cmdline", slot.process->pid));
    using namespace std::string_literals;
    return command == "sleep\0"s + wanted.program + "\0"s ? "" : "executes another program";
  }

  // Whatever reeved says: what there is in its cgroups beside what it tells of.
  [[nodiscard]] std::string strangers() {
    std::set<std::int64_t> told;
    for (const auto& name : pools)
      if (const auto got = get(name))
        for (const auto& slot : got->slots)
          if (slot.process) told.insert(slot.process->pid);
    std::set<std::int64_t> there;
    const auto root = cgroup::Directory::open(world_.directory_of(""), world_.root());
    for (const auto pid : root->processes_in_tree())
      there.insert(pid);
    const auto runs = world_.run_directories().size();
    const std::size_t most = wanted_.empty() ? 0 : 1;
    if (runs > most) return fmt::format("there are {} runs", runs);
    return told == there ? ""
                         : fmt::format("reeved tells of the processes {}, and there are {}",
                                       fmt::join(told, ", "), fmt::join(there, ", "));
  }

  test::Answer<api::GetPool::Output> get(const std::string& pool) {
    return world_.call<api::GetPool>({pool});
  }

  template <class Answer>
  void succeed(const Answer& answer, const char* method) {
    if (!answer)
      throw Difference(fmt::format("{} failed: {} {}", method, answer.error, answer.parameters));
  }

  void await(const std::function<std::string()>& what_is_wrong) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (std::string wrong; !(wrong = what_is_wrong()).empty();) {
      if (std::chrono::steady_clock::now() > deadline)
        throw Difference(wrong + "\nreeved's log:\n" + world_.daemon_log());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  test::World& world_;
  std::map<std::string, Wanted> wanted_;
  std::map<std::string, Wanted> removed_;  // of which something may be there still
};

Step choose_step(Random& random) {
  static const std::vector<std::string> kinds{
      "configure", "configure", "configure", "remove", "scale", "scale", "restart", "restart",
      "kill",      "kill",      "kill",      "stop",   "crash", "crash", "settle"};
  Step step;
  step.kind = random.of(kinds);
  if (step.kind == "crash" || step.kind == "settle") return step;
  step.set("pool", random.of(pools));
  if (step.kind == "configure") step.set("program", random.of(programs));
  if (step.kind == "configure" || step.kind == "scale")
    step.set("size", static_cast<int>(random.below(largest + 1)));
  if (step.kind == "kill" || step.kind == "stop")
    step.set("slot", static_cast<int>(random.below(largest)));
  return step;
}

// What went wrong; nothing if nothing did.
std::string played(const Script& script) {
  test::World world(test::World::Daemon::not_started, test::World::Failures::tolerated);
  try {
    PoolsPlay play(world);
    for (const auto& step : script)
      play.run(step);
    play.settle();
  } catch (const Difference& difference) {
    return difference.what();
  }
  return {};
}

void report(const Script& script, const std::string& difference) {
  ADD_FAILURE() << difference << "\nthe steps, for $REEVE_MODEL_POOLS_SCRIPT:\n" << to_text(script);
}

TEST(PoolsModel, RandomChangesEndInWhatWasAskedForLast) {
  if (const char* file = std::getenv("REEVE_MODEL_POOLS_SCRIPT")) {
    const auto script = script_from(test::read_file(file));
    ASSERT_FALSE(script.empty()) << file;
    if (const auto difference = played(script); !difference.empty()) report(script, difference);
    return;
  }
  const auto steps = number_from("REEVE_MODEL_STEPS", 1000) / 10;
  const auto seed = number_from("REEVE_MODEL_SEED", std::random_device()());
  for (std::uint64_t sequence = 0; sequence * steps_in_a_sequence < steps; ++sequence) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed + sequence));
    Random random(seed + sequence);
    Script script;
    while (script.size() < steps_in_a_sequence)
      script.push_back(choose_step(random));
    const auto first = played(script);
    if (first.empty()) continue;
    std::printf("%s\n%sshortening…\n", first.c_str(), to_text(script).c_str());
    patience = std::chrono::seconds(3);
    const auto shortest = shrink(script, played);
    return report(shortest.script, shortest.difference + "\nat first: " + first);
  }
}

}  // namespace
}  // namespace reeve::model
