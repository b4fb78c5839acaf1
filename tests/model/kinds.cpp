#include "model/kinds.hpp"

#include "model/difference.hpp"

namespace reeve::model {

const std::vector<Kind>& kinds() {
  static const auto all = [] {
    std::vector<Kind> joined;
    for (auto* some : {process_kinds, run_kinds, worker_kinds, query_kinds})
      for (auto& kind : some())
        joined.push_back(std::move(kind));
    return joined;
  }();
  return all;
}

const Kind& kind_named(const std::string& name) {
  for (const auto& kind : kinds())
    if (kind.name == name) return kind;
  throw Difference("there is no step called " + name);
}

Step choose_step(Chooser& chooser) {
  std::size_t sum = 0;
  for (const auto& kind : kinds())
    sum += kind.weight;
  for (;;) {
    auto at = chooser.random.below(sum);
    for (const auto& kind : kinds()) {
      if (at >= kind.weight) {
        at -= kind.weight;
        continue;
      }
      if (auto step = kind.choose(chooser)) {
        step->kind = kind.name;
        const bool needs_run = !kind.method.empty() && kind.method != "OpenRun";
        if (needs_run && chooser.model.runs.empty() && !chooser.random.one_in(8)) break;
        // What reads the kernel's tree shows what it could read, and a subscription is looked at
        // event by event.
        const bool is_spared =
            kind.name == "entries" || kind.name == "count" || kind.name == "subscribe";
        if (chooser.with_faults && !kind.method.empty() && !is_spared)
          chooser.maybe(*step, "faults", 12, {"3", "10", "30"});
        return *step;
      }
      break;
    }
  }
}

namespace {

const std::vector<std::string> good_names{"a",   "b",  "c",      "a~2",  "worker 5", "entered",
                                          "%41", "..", "ümläut", "*300", "*1024"};
const std::vector<std::string> bad_names{"", "x/y", "tab\there", "*1025"};

}  // namespace

int Chooser::process(const std::function<bool(const Process&)>& fits) {
  std::vector<int> fitting;
  for (const auto& [key, each] : model.processes)
    if (key != 0 && fits(each)) fitting.push_back(key);
  return fitting.empty() ? 0 : random.of(fitting);
}

std::size_t Chooser::living() const {
  std::size_t count = 0;
  for (const auto& [key, each] : model.processes)
    count += each.is_alive ? 1 : 0;
  return count - 1;
}

void Chooser::maybe(Step& step, const char* name, std::size_t one_in,
                    const std::vector<std::string>& values) {
  if (random.one_in(one_in)) step.set(name, random.of(values));
}

void Chooser::target(Step& step) {
  if (random.one_in(6)) {
    const int caller = process([](const Process& each) { return each.is_alive; });
    if (caller != 0) step.set("by", caller);
    if (random.one_in(2)) return;  // its own run
  }
  if (random.one_in(40)) return (void)step.set("run", 0);
  if (model.ids.empty()) return;
  const bool any = model.runs.empty() || random.one_in(30);
  std::vector<int> choices;
  if (any)
    for (const auto& [key, id] : model.ids)
      choices.push_back(key);
  else
    for (const auto& [key, run] : model.runs)
      choices.push_back(key);
  step.set("run", random.of(choices));
  if (random.one_in(20)) step.set("prefix", static_cast<int>(random.below(13)));
}

void Chooser::worker(Step& step) {
  std::vector<std::string> names;
  for (const auto& [leaf, each] : model.workers)
    if (each.is_listed() && each.run == step.number("run") && each.name.size() < 20)
      names.push_back(each.name);
  if (names.empty() || random.one_in(12)) return fresh_worker(step);
  step.set("worker", random.of(names));
}

void Chooser::fresh_worker(Step& step) {
  step.set("worker", random.of(random.one_in(30) ? bad_names : good_names));
}

void Chooser::candidate(Step& step) {
  const bool odd = random.one_in(8);
  const int key = process([&](const Process& each) {
    if (odd) return true;
    return each.is_alive && (each.place.run == 0 || each.place.run == step.number("run"));
  });
  step.set("process", key);
  if (key == 0) return (void)step.set("as", "pid");
  static const std::vector<std::string> ways{"id", "pid", "pidfd", "both"};
  static const std::vector<std::string> odd_ways{"nothing", "pid-0", "pid-1", "daemon",
                                                 "other-boot"};
  step.set("as", random.of(random.one_in(30) ? odd_ways : ways));
}

}  // namespace reeve::model
