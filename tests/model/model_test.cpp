// Random sequences of operations on a real daemon, compared with the model after each step.
//
// $REEVE_MODEL_STEPS and $REEVE_MODEL_SEED say how many and which; $REEVE_MODEL_FAULTS, that system
// calls of a daemon built with -Dtest_hooks=true are to fail, too; $REEVE_MODEL_SCRIPT names a file
// with one sequence to play instead.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <regex>
#include <set>

#include "api/interface.hpp"
#include "model/environment.hpp"
#include "model/kinds.hpp"
#include "model/play.hpp"
#include "model/shrink.hpp"

namespace reeve::model {
namespace {

constexpr std::size_t steps_in_a_sequence = 150;

const std::string answer_lost = "answer lost";

// What went wrong; nothing if nothing did.
std::string played(test::World& world, Past& past, const std::function<bool(Play&)>& next) {
  try {
    Play play(world, past);
    while (next(play)) {
    }
    play.finish();
    past = play.past();
    return {};
  } catch (const Difference& difference) {
    return difference.what();
  } catch (const AnswerLost&) {
    return answer_lost;
  }
}

// In a world of its own, for what a failure leaves behind is not to be trusted.
std::string played(const Script& script) {
  test::World world(test::World::Failures::tolerated);
  Past past;
  std::size_t at = 0;
  auto difference = played(world, past, [&](Play& play) {
    if (at == script.size()) return false;
    play.run(script[at++]);
    return true;
  });
  return difference == answer_lost ? "" : difference;
}

// Long names are there to be long, not to be read.
std::string shortened(const std::string& text) {
  static const std::regex long_name("n{20,}");
  return std::regex_replace(text, long_name, "n…");
}

void report(const Script& script, const std::string& difference) {
  ADD_FAILURE() << shortened(difference) << "\nthe steps, for ./dev model --script FILE:\n"
                << to_text(script);
}

void shrink_and_report(const Script& script, const std::string& difference) {
  std::printf("a difference after %zu steps: %s\n\n%sshortening…\n", script.size(),
              shortened(difference).c_str(), to_text(script).c_str());
  patience = std::chrono::seconds(12);  // some things reeved tries again after five
  // Told again with what it was shortened to, which may differ in something else.
  const auto first =
      fmt::format("at first, after {} steps: {}", script.size(), shortened(difference));
  const auto shortest = shrink(script, [](const Script& each) { return played(each); });
  if (!shortest.difference.empty())
    return report(shortest.script, shortest.difference + "\n" + first);
  report(script, first + "\n(not again in a world of its own)");
}

TEST(Model, RandomOperationsEndAsTheModelSays) {
  if (const char* file = std::getenv("REEVE_MODEL_SCRIPT")) {
    const auto script = script_from(test::read_file(file));
    ASSERT_FALSE(script.empty()) << file;
    if (const auto difference = played(script); !difference.empty()) report(script, difference);
    return;
  }
  const auto steps = number_from("REEVE_MODEL_STEPS", 1000);
  const auto seed = number_from("REEVE_MODEL_SEED", std::random_device()());
  const bool with_faults = std::getenv("REEVE_MODEL_FAULTS") != nullptr;
  const auto began = std::chrono::steady_clock::now();
  std::size_t done = 0;
  std::map<std::string, std::size_t> counts;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::optional<test::World> world(std::in_place, test::World::Failures::tolerated);
  Past past;
  std::size_t lost = 0;
  for (std::uint64_t sequence = 0; done < steps; ++sequence) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed + sequence));
    Random random(seed + sequence);
    Script script;
    const auto difference = played(*world, past, [&](Play& play) {
      if (script.size() == steps_in_a_sequence) return false;
      Chooser chooser{play.model, random, play.last_call, with_faults};
      script.push_back(choose_step(chooser));
      ++counts[script.back().kind];
      play.run(script.back());
      return true;
    });
    done += script.size();
    if (difference == answer_lost) {
      world.emplace(test::World::Failures::tolerated);
      past = {};
      ++lost;
      continue;
    }
    if (!difference.empty()) return shrink_and_report(script, difference);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%zu steps without a difference, %.0f a second; %zu sequences cut short by a fault\n",
              done, static_cast<double>(done) / took.count(), lost);
  for (const auto& kind : kinds())
    std::printf("  %6zu %s\n", counts[kind.name], kind.name.c_str());
}

// A new method is not done before the model knows it.
TEST(Model, KnowsEveryMethodThatIsThere) {
  test::World world;
  std::set<std::string_view> known;
  for (const auto& kind : kinds())
    known.insert(kind.method);
  for (const auto& each : api::find_interface(api::Registry::name)->methods) {
    if (known.contains(each.name)) continue;
    const std::string method(each.name);
    const auto reply = world.connect().call("io.reeve.Registry." + method, "{}");
    ASSERT_TRUE(reply.ok());
    EXPECT_TRUE(reply->error.ends_with("MethodNotImplemented"))
        << method << " has no step in tests/model: " << reply->error;
  }
}

}  // namespace
}  // namespace reeve::model
