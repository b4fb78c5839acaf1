// What may come next on a command line of reevectl: for the completions of shells.
#include <fmt/core.h>

#include <algorithm>

#include "api/interface.hpp"
#include "base/text.hpp"
#include "ctl/command_line.hpp"
#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"
#include "schema/type.hpp"

namespace reeve::ctl {

namespace {

using Words = std::vector<std::string>;

const OptionEntry* find_option(std::string_view word) {
  if (!word.starts_with("--")) return nullptr;
  for (const auto& table : {option_table(), global_options()})
    for (const auto& entry : table)
      if (word.substr(2) == entry.name) return &entry;
  return nullptr;
}

// "--state=active" as the option and its value; no option for any other word.
std::pair<const OptionEntry*, std::string> with_value(std::string_view word) {
  const auto sign = word.find('=');
  if (sign == std::string_view::npos) return {};
  const auto* option = find_option(word.substr(0, sign));
  if (option == nullptr || option->argument == nullptr) return {};
  return {option, std::string(word.substr(sign + 1))};
}

void take(const OptionEntry& option, const std::string& value, Options& options) {
  if (option.letter == socket_option) options.socket = value;
  if (option.letter == run_option) options.run = value;
}

// The words before the one that is being written, as far as they matter.
struct Line {
  const Verb* verb = nullptr;
  std::size_t arguments = 0;
  const OptionEntry* awaits = nullptr;  // an option whose value comes next
  bool is_of_the_command = false;       // behind "--"
};

Line read(const Words& words, Options& options) {
  Line line;
  for (const auto& word : words) {
    if (const auto* option = std::exchange(line.awaits, nullptr)) {
      take(*option, word, options);
    } else if (const auto [joined, value] = with_value(word); joined != nullptr) {
      take(*joined, value, options);
    } else if (word == "--") {
      line.is_of_the_command = true;
    } else if (const auto* entry = find_option(word)) {
      if (entry->argument != nullptr) line.awaits = entry;
    } else if (!word.starts_with('-')) {
      if (line.verb != nullptr)
        ++line.arguments;
      else
        line.verb = find_verb(word);
    }
  }
  return line;
}

template <class T>
Words names() {
  const auto& all = schema::description<T>.names;
  return {all.begin(), all.end()};
}

// Of the reeved that runs; nothing where none does.
Words runs(const Options& options) {
  Words found;
  if (auto client = Client::connect(options.socket, Microseconds{0}))
    if (const auto listed = client->call<ListRuns>())
      for (const auto& run : listed->runs)
        found.push_back(brief(run.run));
  return found;
}

// Those of the pools where there is no run of the caller's.
Words workers(const Options& options) {
  auto client = Client::connect(options.socket, Microseconds{0});
  if (!client) return {};
  auto listed = client->call<ListWorkers>({.run = options.run});
  if (!listed && !options.run)
    if (const auto pools = client->call<ListPools>(); pools && !pools->pools.empty())
      listed = client->call<ListWorkers>({.run = pools->pools.front().run});
  Words found;
  if (listed)
    for (const auto& worker : listed->workers)
      found.push_back(worker.worker);
  return found;
}

Words pools(const Options& options) {
  Words found;
  if (auto client = Client::connect(options.socket, Microseconds{0}))
    if (const auto listed = client->call<ListPools>())
      for (const auto& pool : listed->pools)
        found.push_back(pool.pool);
  return found;
}

Words values_of(const OptionEntry& option, const Options& options) {
  const std::string_view name = option.name;
  if (name == "run") return runs(options);
  if (name == "policy") return names<OwnerExitPolicy>();
  if (name == "placement") return names<Placement>();
  if (name == "state") return names<WorkerState>();
  if (name == "output") return {"short", "cat"};
  if (name == "json") return {"pretty", "short", "off"};
  return {};
}

Words argument_of(const Verb& verb, std::size_t index, const Options& options) {
  const auto kinds = split(verb.arguments, ' ');
  if (index >= kinds.size()) return {};
  if (kinds[index] == "WORKER") return workers(options);
  if (kinds[index] == "POOL" || kinds[index] == "[POOL]") return pools(options);
  if (kinds[index] == "WORKER|POOL") {
    auto found = pools(options);
    for (auto& worker : workers(options))
      found.push_back(std::move(worker));
    return found;
  }
  if (kinds[index] == "[RUN]") return runs(options);
  if (kinds[index] == "SIGNAL") {
    Words signals;
    for (int number = 1; number < 32; ++number)
      signals.push_back(signal_name(number));
    return signals;
  }
  if (kinds[index] != "METHOD") return {};
  Words methods;
  for (const auto& interface : api::interfaces())
    for (const auto& method : interface.methods)
      methods.push_back(fmt::format("{}.{}", interface.name, method.name));
  return methods;
}

Words options_of(const Verb* verb) {
  Words found;
  for (const auto& entry : option_table())
    if (verb != nullptr &&
        verb->options.find(static_cast<char>(entry.letter)) != std::string_view::npos)
      found.push_back(fmt::format("--{}", entry.name));
  for (const auto& entry : global_options())
    found.push_back(fmt::format("--{}", entry.name));
  return found;
}

Words candidates(Words words, Options& options) {
  const auto written = words.empty() ? "" : words.back();
  if (!words.empty()) words.pop_back();
  const auto line = read(words, options);
  if (line.awaits != nullptr) return values_of(*line.awaits, options);
  if (line.is_of_the_command) return {};
  if (const auto [option, value] = with_value(written); option != nullptr) {
    auto found = values_of(*option, options);
    for (auto& each : found)
      each.insert(0, fmt::format("--{}=", option->name));
    return found;
  }
  if (written.starts_with('-')) return options_of(line.verb);
  if (line.verb != nullptr) return argument_of(*line.verb, line.arguments, options);
  Words verbs;
  for (const auto& group : verb_groups())
    for (const auto& verb : group.verbs)
      verbs.emplace_back(verb.name);
  return verbs;
}

}  // namespace

ExitCode verb_complete(const Options& options) {
  auto given = options;
  take_environment(given);
  for (const auto& candidate : candidates(options.arguments, given))
    fmt::print("{}\n", candidate);
  return exit_ok;
}

}  // namespace reeve::ctl
