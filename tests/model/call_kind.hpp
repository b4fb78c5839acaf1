// What the kinds that call have in common.
#pragma once

#include "model/kinds.hpp"
#include "model/play.hpp"

namespace reeve::model {

inline std::function<void(Play&, const Step&)> only_if_it_can_call(
    std::function<void(Play&, const Step&)> act) {
  return [act](Play& play, const Step& step) {
    if (play.can_call(step)) act(play, step);
  };
}

inline std::optional<Microseconds> duration(const Step& step, const char* parameter) {
  if (!step.has(parameter)) return std::nullopt;
  return duration_of(step, parameter, far);
}

inline std::optional<Metadata> metadata(const Step& step) {
  if (!step.has("metadata")) return std::nullopt;
  return Metadata{{"key", *step.long_text("metadata")}};
}

// How the step names a process on the wire.
inline std::optional<ProcessId> process_id(const Play& play, const Step& step,
                                           const char* parameter) {
  const auto as = step.text("as").value_or("id");
  auto id = play.model.processes.at(step.number(parameter)).id;
  if (as == "nothing" || as == "pidfd") return std::nullopt;
  if (as == "pid-0") return ProcessId{0, {}, {}};
  if (as == "pid-1") return ProcessId{1, {}, {}};
  if (as == "daemon") return ProcessId{play.daemon_pid(), {}, {}};
  if (as == "pid") return ProcessId{id.pid, {}, {}};
  if (as == "other-boot") id.boot_id = std::string(32, '0');
  return id;
}

// The descriptors to pass, if it is named by one.
inline std::vector<int> descriptors(const Play& play, const Step& step) {
  const auto as = step.text("as");
  if (as != "pidfd" && as != "both") return {};
  return {play.troupe.pidfd(step.number("process"))};
}

}  // namespace reeve::model
