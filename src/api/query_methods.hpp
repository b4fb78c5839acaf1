// The methods that look, and those that clean up what is dead: what each takes and returns, and its
// documentation.
#pragma once

#include "api/types.hpp"

namespace reeve::api {

struct IsRegistered {
  static constexpr std::string_view name = "IsRegistered";
  static constexpr std::string_view text = "";

  using Input = NamedWorker;

  struct Output {
    bool registered = false;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::registered>("registered"));
    }
  };
};

struct GetWorker {
  static constexpr std::string_view name = "GetWorker";
  static constexpr std::string_view text = "";

  using Input = NamedWorker;

  struct Output {
    Worker worker;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::worker>("worker"));
    }
  };
};

struct ListWorkers {
  static constexpr std::string_view name = "ListWorkers";
  static constexpr std::string_view text =
      "With \"more\", one reply for each worker. Without \"run\", the workers of all runs.";

  struct Input {
    std::optional<std::string> run;
    std::optional<WorkerState> state;
    std::optional<std::string> fingerprint;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::run>("run"), member<&Input::state>("state"),
                     member<&Input::fingerprint>("fingerprint"));
    }
  };

  struct Output {
    std::vector<Worker> workers;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::workers>("workers"));
    }
  };
};

struct ListProcesses {
  static constexpr std::string_view name = "ListProcesses";
  static constexpr std::string_view text =
      "The main processes of active workers; with \"all\", of every registered worker.";

  struct Input {
    std::optional<std::string> run;
    std::optional<bool> all;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::run>("run"), member<&Input::all>("all"));
    }
  };

  struct Output {
    std::vector<ProcessId> processes;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::processes>("processes"));
    }
  };
};

struct ValidateWorkers {
  static constexpr std::string_view name = "ValidateWorkers";
  static constexpr std::string_view text =
      "The registered workers whose process is gone; changes nothing.";

  using Input = NamedRun;

  struct Output {
    std::vector<Worker> dead;

    friend constexpr auto describe(Of<Output>) { return members(member<&Output::dead>("dead")); }
  };
};

struct CleanupDeadWorkers {
  static constexpr std::string_view name = "CleanupDeadWorkers";
  static constexpr std::string_view text = "Drops the records of dead workers.";

  using Input = NamedRun;

  struct Output {
    std::int64_t removed = 0;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::removed>("removed"));
    }
  };
};

struct CleanupOrphans {
  static constexpr std::string_view name = "CleanupOrphans";
  static constexpr std::string_view text =
      "Kills every run whose owner is dead and every expired reservation, now.";

  struct Input {
    friend constexpr auto describe(Of<Input>) { return members(); }
  };

  struct Output {
    CleanupReport report;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::report>("report"));
    }
  };
};

struct GetStatistics {
  static constexpr std::string_view name = "GetStatistics";
  static constexpr std::string_view text = "";

  using Input = NamedRun;

  struct Output {
    Statistics statistics;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::statistics>("statistics"));
    }
  };
};

struct ListEntries {
  static constexpr std::string_view name = "ListEntries";
  static constexpr std::string_view text =
      "Every record in the kernel, stale runs included: for debugging.";

  struct Input {
    friend constexpr auto describe(Of<Input>) { return members(); }
  };

  struct Output {
    std::vector<Entry> entries;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::entries>("entries"));
    }
  };
};

struct CountEntries {
  static constexpr std::string_view name = "CountEntries";
  static constexpr std::string_view text = "";

  struct Input {
    friend constexpr auto describe(Of<Input>) { return members(); }
  };

  struct Output {
    std::int64_t count = 0;

    friend constexpr auto describe(Of<Output>) { return members(member<&Output::count>("count")); }
  };
};

struct Subscribe {
  static constexpr std::string_view name = "Subscribe";
  static constexpr std::string_view text =
      "Requires \"more\". Without \"after\", a snapshot of the present comes first.";

  struct Input {
    std::optional<std::string> run;
    std::optional<std::int64_t> after;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::run>("run"), member<&Input::after>("after"));
    }
  };

  struct Output {
    Event event;

    friend constexpr auto describe(Of<Output>) { return members(member<&Output::event>("event")); }
  };
};

}  // namespace reeve::api
