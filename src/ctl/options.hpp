// reevectl's command line, read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "reeve/types.hpp"

namespace reeve::ctl {

// Documented in reevectl(1).
enum ExitCode {
  exit_ok = 0,
  exit_failure = 1,
  exit_usage = 2,
  exit_negative = 3,  // the answer to the question is no
  exit_no_daemon = 4,
  exit_run_failed = 125,  // as env(1): run or exec could not prepare the command
  exit_cannot_execute = 126,
  exit_not_found = 127,
};

enum class Json { off, brief, pretty };

struct Options {
  std::string socket;
  bool socket_given = false;
  std::optional<std::string> host;
  std::optional<std::string> run;
  bool run_given = false;
  Json json = Json::off;
  bool legend = true;

  std::optional<std::string> name, root, handle, fingerprint;
  std::optional<OwnerExitPolicy> policy;
  std::optional<Placement> placement;
  std::optional<Microseconds> grace, timeout;
  std::optional<std::int64_t> pid, owner, after;
  std::optional<WorkerState> state;
  std::optional<Metadata> metadata, environment;
  std::optional<std::string> directory, user, group;
  std::optional<std::vector<std::string>> supplementary_groups;
  std::optional<std::int64_t> file_mode_mask, nice, out_of_memory_score_adjust;
  std::optional<Metadata> resource_limits;
  std::optional<Limits> limits;
  bool blocks = true;  // until what was asked for is done
  bool all = false, count = false, whole_tree = false, pipe = false;

  bool batch = false;
  std::optional<std::int64_t> iterations;
  std::optional<Microseconds> delay;
  bool follow = false, reverse = false, text_only = false;
  std::optional<std::int64_t> lines;
  std::optional<Microseconds> since, until;

  // Without the verb.
  std::vector<std::string> arguments;
};

}  // namespace reeve::ctl
