// Kills reeved at every point of every scenario, starts it again, and checks what has to hold.
//
// Points that were covered are counted; the exit status is 1 if anything was violated.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <getopt.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <random>

#include "base/text.hpp"
#include "crash/trial.hpp"
#include "support/guardian.hpp"

namespace reeve::test::crash {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr const char* usage =
    "crash [OPTION…]: kill reeved at every point of every scenario\n"
    "  --scenario NAME   only this one\n"
    "  --point N         only this point of it\n"
    "  --linger USEC     so long after a submission to the ring\n"
    "  --then M          the start that follows is killed at its point M; may be repeated\n"
    "  --sample SECONDS  points at random, for so long\n"
    "  --seed N          of what is random\n"
    "  --reeved PATH     another reeved than this build's\n"
    "  --verbose         tell of every point\n"
    "  --list            the names of the scenarios\n";

struct Options {
  std::string scenario;
  std::optional<std::uint64_t> point;
  microseconds linger{};
  std::vector<std::uint64_t> then;
  std::optional<std::chrono::seconds> sample;
  std::uint64_t seed = std::random_device{}();
  bool list = false;
  bool help = false;
  bool verbose = false;
};

// What the ring's threads may have got done before the kill: nothing, one of two, all.
constexpr std::array lingers{microseconds(0), microseconds(30), microseconds(200),
                             microseconds(1500), microseconds(12'000)};
constexpr std::uint64_t second_crash_every = 8;
constexpr unsigned violations_at_most = 3;  // each takes as long as patience lasts

class Sweep {
 public:
  explicit Sweep(const Options& options) : options_(options), random_(options.seed) {}

  int all() {
    for (const auto& scenario : scenarios()) {
      if (!options_.scenario.empty() && options_.scenario != scenario.name) continue;
      if (violations_ >= violations_at_most) break;
      every_point(scenario);
    }
    return report();
  }

  int one(const Scenario& scenario) {
    const auto outcome = attempt({&scenario, *options_.point, options_.linger, options_.then});
    if (!outcome.killed_at) fmt::print("this time there was no such point\n");
    return report();
  }

  // Any scenario, any point of it, until time is up.
  int sample() {
    const auto deadline = steady_clock::now() + *options_.sample;
    std::map<const Scenario*, std::uint64_t> counts;
    while (steady_clock::now() < deadline && violations_ == 0) {
      const Scenario& scenario = scenarios()[random_() % scenarios().size()];
      if (!options_.scenario.empty() && options_.scenario != scenario.name) continue;
      const auto [counted, is_new] = counts.try_emplace(&scenario);
      if (is_new) counted->second = measure(scenario);
      if (counted->second > 0) attempt(trial(scenario, random_() % counted->second + 1));
    }
    fmt::print("a sample; all points: ./dev crash\n");
    return report();
  }

 private:
  // Played without a kill: how many points there are, here and in a start afterwards.
  std::uint64_t measure(const Scenario& scenario) {
    // The start of a reeved that is not killed is the last in the chain.
    const auto outcome = attempt({&scenario, 0, {}, {~0ULL}});
    points_of_start_[scenario.name] = std::max<std::uint64_t>(outcome.points_of_start, 2);
    return outcome.points;
  }

  Trial trial(const Scenario& scenario, std::uint64_t point) {
    Trial trial{&scenario, point, lingers[random_() % lingers.size()], {}};
    if (point % second_crash_every != 0) return trial;
    // Later ones more often: about half of a start is the dynamic linker's.
    const auto points = points_of_start_.at(scenario.name);
    for (int i = 0; i < 2; ++i)
      trial.then.push_back(std::max(random_() % points, random_() % points) + 1);
    return trial;
  }

  void every_point(const Scenario& scenario) {
    const auto begun = steady_clock::now();
    const auto before = covered();
    const auto count = measure(scenario);
    for (std::uint64_t point = 1; violations_ < violations_at_most; ++point) {
      const auto tried = trial(scenario, point);
      const auto outcome = attempt(tried);
      // How many points there are depends on how completions come together.
      if (!outcome.killed_at && point > count) break;
      if (outcome.killed_at && outcome.killed_at->kind == Point::Kind::submitted)
        for (const auto linger : lingers)
          if (linger != tried.linger) attempt({&scenario, point, linger, {}});
    }
    const auto took = std::chrono::duration<double>(steady_clock::now() - begun).count();
    fmt::print("{}: {} points in {:.1f} s\n", scenario.name, covered() - before, took);
    std::fflush(stdout);
  }

  Outcome attempt(const Trial& trial) {
    auto outcome = run(trial);
    if (outcome.killed_at) {
      ++killed_[static_cast<std::size_t>(outcome.killed_at->kind)];
      if (outcome.crashes > 0) ++double_crashes_;
      scenarios_.insert(trial.scenario->name);
    }
    if (options_.verbose && outcome.killed_at)
      fmt::print("{} {}: {}\n", trial.scenario->name, trial.point, to_string(*outcome.killed_at));
    if (outcome.violations.empty()) return outcome;
    ++violations_;
    fmt::print("\nVIOLATION in {} at point {}, {}:\n", trial.scenario->name, trial.point,
               outcome.killed_at ? to_string(*outcome.killed_at) : "which was not reached");
    for (const auto& violation : outcome.violations)
      fmt::print("  {}\n", violation);
    fmt::print("{}\nagain: --scenario {} --point {}", outcome.tree, trial.scenario->name,
               trial.point);
    if (trial.linger.count() > 0) fmt::print(" --linger {}", trial.linger.count());
    for (const auto point : trial.then)
      fmt::print(" --then {}", point);
    fmt::print("\n\n");
    std::fflush(stdout);
    return outcome;
  }

  [[nodiscard]] std::uint64_t covered() const { return killed_[0] + killed_[1] + killed_[2]; }

  [[nodiscard]] int report() const {
    fmt::print(
        "crash points: {} over {} scenarios (entry {}, submitted {}, exit {}), {} double crashes, "
        "{} violations; seed {}\n",
        covered(), scenarios_.size(), killed_[0], killed_[1], killed_[2], double_crashes_,
        violations_, options_.seed);
    return violations_ == 0 ? 0 : 1;
  }

  const Options& options_;
  std::mt19937_64 random_;
  std::map<std::string, std::uint64_t> points_of_start_;
  std::array<std::uint64_t, 3> killed_{};
  std::uint64_t double_crashes_ = 0;
  unsigned violations_ = 0;
  std::set<std::string> scenarios_;
};

int sweep(const Options& options) {
  Sweep all(options);
  if (options.sample) return all.sample();
  if (!options.point) return all.all();
  for (const auto& scenario : scenarios())
    if (options.scenario == scenario.name) return all.one(scenario);
  fmt::print(stderr, "--point needs a --scenario of --list\n");
  return 2;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  const option known[] = {{"scenario", required_argument, nullptr, 's'},
                          {"point", required_argument, nullptr, 'p'},
                          {"linger", required_argument, nullptr, 'l'},
                          {"then", required_argument, nullptr, 't'},
                          {"sample", required_argument, nullptr, 'S'},
                          {"seed", required_argument, nullptr, 'r'},
                          {"reeved", required_argument, nullptr, 'd'},
                          {"list", no_argument, nullptr, 'L'},
                          {"verbose", no_argument, nullptr, 'v'},
                          {"help", no_argument, nullptr, 'h'},
                          {}};
  for (int letter; (letter = ::getopt_long(argc, argv, "", known, nullptr)) >= 0;) {
    const std::string_view value = optarg != nullptr ? optarg : "";
    const auto number = parse_number<std::uint64_t>(value);
    switch (letter) {
      case 's':
        options.scenario = value;
        continue;
      case 'd':
        ::setenv("REEVED", optarg, 1);
        continue;
      case 'L':
        options.list = true;
        continue;
      case 'h':
        options.help = true;
        continue;
      case 'v':
        options.verbose = true;
        continue;
      default:
        break;
    }
    if (!number) return std::nullopt;
    if (letter == 'p') options.point = *number;
    if (letter == 'l') options.linger = microseconds(*number);
    if (letter == 't') options.then.push_back(*number);
    if (letter == 'S') options.sample = std::chrono::seconds(*number);
    if (letter == 'r') options.seed = *number;
  }
  if (optind < argc) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace reeve::test::crash

int main(int argc, char** argv) {
  using namespace reeve::test;
  const auto options = crash::parse(argc, argv);
  if (!options) {
    std::fputs(crash::usage, stderr);
    return 2;
  }
  if (options->help) {
    std::fputs(crash::usage, stdout);
    return 0;
  }
  if (options->list) {
    for (const auto& scenario : crash::scenarios())
      std::puts(scenario.name);
    return 0;
  }
  return under_guard([&] { return crash::sweep(*options); });
}
