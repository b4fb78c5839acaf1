// The methods that change a worker, or wait for it: what each takes and returns, and its
// documentation.
#pragma once

#include "api/types.hpp"

namespace reeve::api {

struct Reserve {
  static constexpr std::string_view name = "Reserve";
  static constexpr std::string_view text =
      "Reserves a worker's slot before its process is spawned. A process can be born\n"
      "inside: clone3(2) with CLONE_INTO_CGROUP on the returned control group.\n"
      "The kernel lets root do that, and the user that runs reeved.";

  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<Microseconds> timeout;
    std::optional<std::string> fingerprint;
    std::optional<Limits> limits;
    std::optional<Metadata> metadata;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::worker>("worker"), member<&Input::run>("run"),
                     member<&Input::timeout>("timeoutUSec"),
                     member<&Input::fingerprint>("fingerprint"), member<&Input::limits>("limits"),
                     member<&Input::metadata>("metadata"));
    }
  };

  struct Output {
    Worker worker;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::worker>("worker"));
    }
  };
};

struct Activate {
  static constexpr std::string_view name = "Activate";
  static constexpr std::string_view text =
      "Binds a spawned process, and every process below it, to its reservation. The\n"
      "process is named by id, or by the index of a pidfd passed with the message.\n"
      "Replies once the process is in the worker's cgroup and watched.";

  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<ProcessId> process;
    std::optional<std::int64_t> process_file_descriptor;
    std::optional<std::string> handle;
    std::optional<std::string> fingerprint;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::worker>("worker"), member<&Input::run>("run"),
                     member<&Input::process>("process"),
                     member<&Input::process_file_descriptor>("processFileDescriptor"),
                     member<&Input::handle>("handle"), member<&Input::fingerprint>("fingerprint"));
    }
  };

  struct Output {
    Worker worker;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::worker>("worker"));
    }
  };
};

struct Register {
  static constexpr std::string_view name = "Register";
  static constexpr std::string_view text =
      "Reserve and Activate in one call, for a process that already runs.";

  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<ProcessId> process;
    std::optional<std::int64_t> process_file_descriptor;
    std::optional<std::string> handle;
    std::optional<std::string> fingerprint;
    std::optional<Limits> limits;
    std::optional<Metadata> metadata;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::worker>("worker"), member<&Input::run>("run"),
                     member<&Input::process>("process"),
                     member<&Input::process_file_descriptor>("processFileDescriptor"),
                     member<&Input::handle>("handle"), member<&Input::fingerprint>("fingerprint"),
                     member<&Input::limits>("limits"), member<&Input::metadata>("metadata"));
    }
  };

  struct Output {
    Worker worker;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::worker>("worker"));
    }
  };
};

struct Spawn {
  static constexpr std::string_view name = "Spawn";
  static constexpr std::string_view text =
      "Reserves, spawns inside the worker's cgroup and activates.";

  struct Input {
    std::string worker;
    std::vector<std::string> command;
    std::optional<std::string> run;
    std::optional<Metadata> environment;
    std::optional<std::string> working_directory;
    std::optional<std::string> user;
    std::optional<std::int64_t> input_file_descriptor;
    std::optional<std::int64_t> output_file_descriptor;
    std::optional<std::int64_t> error_file_descriptor;
    std::optional<std::string> handle;
    std::optional<std::string> fingerprint;
    std::optional<Limits> limits;
    std::optional<Metadata> metadata;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::worker>("worker"), member<&Input::command>("command"),
                     member<&Input::run>("run"), member<&Input::environment>("environment"),
                     member<&Input::working_directory>("workingDirectory"),
                     member<&Input::user>("user"),
                     member<&Input::input_file_descriptor>("inputFileDescriptor"),
                     member<&Input::output_file_descriptor>("outputFileDescriptor"),
                     member<&Input::error_file_descriptor>("errorFileDescriptor"),
                     member<&Input::handle>("handle"), member<&Input::fingerprint>("fingerprint"),
                     member<&Input::limits>("limits"), member<&Input::metadata>("metadata"));
    }
  };

  struct Output {
    Worker worker;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::worker>("worker"));
    }
  };
};

struct Unregister {
  static constexpr std::string_view name = "Unregister";
  static constexpr std::string_view text =
      "Always succeeds, also for an unknown worker. A live worker leaves the listings\n"
      "at once, yet stays in its cgroup and still ends with its run.";

  using Input = NamedWorker;

  struct Output {
    friend constexpr auto describe(Of<Output>) { return members(); }
  };
};

struct Signal {
  static constexpr std::string_view name = "Signal";
  static constexpr std::string_view text = "";

  struct Input {
    std::string worker;
    std::string signal;
    std::optional<std::string> run;
    std::optional<bool> whole_tree;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::worker>("worker"), member<&Input::signal>("signal"),
                     member<&Input::run>("run"), member<&Input::whole_tree>("wholeTree"));
    }
  };

  struct Output {
    friend constexpr auto describe(Of<Output>) { return members(); }
  };
};

struct Stop {
  static constexpr std::string_view name = "Stop";
  static constexpr std::string_view text =
      "SIGTERM, then cgroup.kill after the grace period; replies once the tree is gone.";

  struct Input {
    std::string worker;
    std::optional<std::string> run;
    std::optional<Microseconds> grace;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::worker>("worker"), member<&Input::run>("run"),
                     member<&Input::grace>("graceUSec"));
    }
  };

  struct Output {
    Worker worker;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::worker>("worker"));
    }
  };
};

struct Freeze {
  static constexpr std::string_view name = "Freeze";
  static constexpr std::string_view text =
      "Stops everything in the worker's cgroup where it is; replies once all of it stands\n"
      "still. It can still be killed, and is thawed by what asks it to end: Stop, and the\n"
      "policy \"terminate\". Of a reservation, what is born or moved inside is frozen.";

  using Input = NamedWorker;

  struct Output {
    friend constexpr auto describe(Of<Output>) { return members(); }
  };
};

struct Thaw {
  static constexpr std::string_view name = "Thaw";
  static constexpr std::string_view text = "Lets a frozen worker go on; replies once it does.";

  using Input = NamedWorker;

  struct Output {
    friend constexpr auto describe(Of<Output>) { return members(); }
  };
};

struct Wait {
  static constexpr std::string_view name = "Wait";
  static constexpr std::string_view text = "Replies once the worker has exited.";

  using Input = NamedWorker;

  struct Output {
    Worker worker;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::worker>("worker"));
    }
  };
};

}  // namespace reeve::api
