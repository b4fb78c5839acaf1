// The commands of reevectl, one function each; main.cpp holds their table.
#pragma once

#include "ctl/options.hpp"

namespace reeve::ctl {

// run_verbs.cpp
ExitCode verb_open(const Options& options);
ExitCode verb_close(const Options& options);
ExitCode verb_runs(const Options& options);

// become.cpp: those that turn into the command they are given
ExitCode verb_run(const Options& options);
ExitCode verb_exec(const Options& options);

// bridge.cpp
ExitCode verb_bridge(const Options& options);
// Started for a varlink connection, as exec:PATH of varlinkctl starts it: the command goes without
// saying.
bool is_passed_a_connection();

// worker_verbs.cpp
ExitCode verb_reserve(const Options& options);
ExitCode verb_activate(const Options& options);
ExitCode verb_register(const Options& options);
ExitCode verb_spawn(const Options& options);
ExitCode verb_unregister(const Options& options);
ExitCode verb_signal(const Options& options);
ExitCode verb_stop(const Options& options);
ExitCode verb_freeze(const Options& options);
ExitCode verb_thaw(const Options& options);
ExitCode verb_wait(const Options& options);

// looking_verbs.cpp
ExitCode verb_status(const Options& options);
ExitCode verb_list(const Options& options);
ExitCode verb_show(const Options& options);
ExitCode verb_events(const Options& options);
ExitCode verb_pids(const Options& options);
ExitCode verb_is_registered(const Options& options);
ExitCode verb_stats(const Options& options);
ExitCode verb_entries(const Options& options);
ExitCode verb_validate(const Options& options);
ExitCode verb_cleanup_dead(const Options& options);
ExitCode verb_cleanup_orphans(const Options& options);
ExitCode verb_call(const Options& options);

// pool_verbs.cpp
ExitCode verb_pools(const Options& options);
ExitCode verb_scale(const Options& options);
ExitCode verb_restart(const Options& options);
ExitCode verb_reload(const Options& options);

// complete.cpp
ExitCode verb_complete(const Options& options);

// doctor.cpp
ExitCode verb_doctor(const Options& options);

// top/top.cpp
ExitCode verb_top(const Options& options);

// logs.cpp
ExitCode verb_logs(const Options& options);

// tree.cpp
ExitCode verb_tree(const Options& options);

}  // namespace reeve::ctl
