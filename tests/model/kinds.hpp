// The kinds of steps. Each is one entry in a table: how likely it is, how its parameters are
// chosen, and what it does in the world and in the model. A new method needs one entry, in which
// choose() picks parameters and act() is a Play::call with what the model expects.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/model.hpp"
#include "model/step.hpp"

namespace reeve::model {

class Play;

// Chooses parameters that mostly make sense and sometimes do not.
struct Chooser {
  const Model& model;
  Random& random;
  int& last_call;
  bool with_faults = false;

  // The caller and the run: mostly the program, and a run that is there.
  void target(Step& step);
  // A worker's name, mostly one of that run.
  void worker(Step& step);
  void fresh_worker(Step& step);
  // A process that fits, or 0.
  int process(const std::function<bool(const Process&)>& fits);
  // A parameter that is to become a worker, and how it is named.
  void candidate(Step& step);
  void call(Step& step) { step.set("call", ++last_call); }
  void maybe(Step& step, const char* name, std::size_t one_in,
             const std::vector<std::string>& values);
  [[nodiscard]] std::size_t living() const;
};

struct Kind {
  std::string name;
  std::size_t weight;
  std::string method;  // that it calls; empty if it calls none
  // Nothing if there is no use for one now.
  std::function<std::optional<Step>(Chooser&)> choose;
  std::function<void(Play&, const Step&)> act;
};

std::vector<Kind> process_kinds();
std::vector<Kind> run_kinds();
std::vector<Kind> worker_kinds();
std::vector<Kind> query_kinds();
const std::vector<Kind>& kinds();
const Kind& kind_named(const std::string& name);

Step choose_step(Chooser& chooser);

inline constexpr std::size_t most_alive = 24;

inline int next_process(const Model& model) {
  return model.processes.rbegin()->first + 1;
}

}  // namespace reeve::model
