// The methods on runs: what each takes and returns, and its documentation.
#pragma once

#include "api/types.hpp"

namespace reeve::api {

struct OpenRun {
  static constexpr std::string_view name = "OpenRun";
  static constexpr std::string_view text =
      "Opens a run. Without \"owner\" the calling process owns it.";

  struct Input {
    std::optional<std::string> name;
    std::optional<ProcessId> owner;
    std::optional<OwnerExitPolicy> on_owner_exit;
    std::optional<Microseconds> grace;
    std::optional<Placement> placement;
    std::optional<Metadata> metadata;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::name>("name"), member<&Input::owner>("owner"),
                     member<&Input::on_owner_exit>("onOwnerExit"),
                     member<&Input::grace>("graceUSec"), member<&Input::placement>("placement"),
                     member<&Input::metadata>("metadata"));
    }
  };

  struct Output {
    Run run;

    friend constexpr auto describe(Of<Output>) { return members(member<&Output::run>("run")); }
  };
};

struct CloseRun {
  static constexpr std::string_view name = "CloseRun";
  static constexpr std::string_view text =
      "Ends a run and everything in it; replies once its cgroup is empty and gone.";

  struct Input {
    std::optional<std::string> run;
    std::optional<OwnerExitPolicy> on_owner_exit;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::run>("run"), member<&Input::on_owner_exit>("onOwnerExit"));
    }
  };

  struct Output {
    CleanupReport report;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::report>("report"));
    }
  };
};

struct EnterRun {
  static constexpr std::string_view name = "EnterRun";
  static constexpr std::string_view text =
      "Moves the calling process into the run's cgroup, so that all it forks stays there.";

  using Input = NamedRun;

  struct Output {
    Run run;

    friend constexpr auto describe(Of<Output>) { return members(member<&Output::run>("run")); }
  };
};

struct GetRun {
  static constexpr std::string_view name = "GetRun";
  static constexpr std::string_view text = "";

  using Input = NamedRun;

  struct Output {
    Run run;

    friend constexpr auto describe(Of<Output>) { return members(member<&Output::run>("run")); }
  };
};

struct ListRuns {
  static constexpr std::string_view name = "ListRuns";
  static constexpr std::string_view text = "With \"more\", one reply for each run.";

  struct Input {
    friend constexpr auto describe(Of<Input>) { return members(); }
  };

  struct Output {
    std::vector<Run> runs;

    friend constexpr auto describe(Of<Output>) { return members(member<&Output::runs>("runs")); }
  };
};

}  // namespace reeve::api
