#include "ctl/command_line.hpp"

#include <array>
#include <cstdlib>

#include "base/paths.hpp"
#include "ctl/verbs.hpp"

namespace reeve::ctl {

namespace {

constexpr std::size_t any = ~0UL;

constexpr std::array entries{
    OptionEntry{'k', "name", "NAME", "a name for the run"},
    OptionEntry{'p', "policy", "POLICY", "when the owner exits: kill, terminate or keep"},
    OptionEntry{'g', "grace", "TIME", "between SIGTERM and the kill: 10s, 500ms, 1min"},
    OptionEntry{'m', "metadata", "KEY=VALUE", "to be stored and returned; may be repeated"},
    OptionEntry{'o', "owner", "PID", "the process whose death ends the run"},
    OptionEntry{'l', "placement", "PLACE",
                "where the run is: registry, or caller: in one's own unit"},
    OptionEntry{'R', "root", "CGROUP", "where a daemon started for this run keeps it"},
    OptionEntry{'P', "pid", "PID", "the worker's process"},
    OptionEntry{'y', "handle", "TEXT", "the application's own handle for the worker"},
    OptionEntry{'f', "fingerprint", "TEXT", "the worker's fingerprint"},
    OptionEntry{'t', "timeout", "TIME", "how long the reservation holds: 60s"},
    OptionEntry{'s', "state", "STATE", "reserved, active, stopping or exited"},
    OptionEntry{'e', "environment", "NAME=VALUE", "for its process; may be repeated"},
    OptionEntry{'D', "working-directory", "PATH", "of its process; / otherwise"},
    OptionEntry{'u', "user", "USER", "whose its process is to be; only root chooses"},
    OptionEntry{'G', "group", "GROUP", "its process's; only root chooses"},
    OptionEntry{'S', "supplementary-group", "GROUP", "one more; may be repeated"},
    OptionEntry{'U', "umask", "MODE", "of its process: 022 otherwise"},
    OptionEntry{'N', "nice", "NUMBER", "of its process: -20 to 19"},
    OptionEntry{'O', "oom-score-adjust", "NUMBER", "of its process: -1000 to 1000"},
    OptionEntry{'L', "resource-limit", "NAME=SOFT[:HARD]",
                "as setrlimit(2) has it: NOFILE=4096; may be repeated"},
    OptionEntry{'i', "pipe", nullptr, "its streams are reevectl's own; /dev/null otherwise"},
    OptionEntry{'M', "memory-max", "BYTES", "a limit: 512M, 2G"},
    OptionEntry{'x', "memory-high", "BYTES", "beyond which it is slowed down"},
    OptionEntry{'q', "processor-quota", "PERCENT", "of one processor"},
    OptionEntry{'W', "processor-weight", "NUMBER",
                "its share when there is not enough: 1 to 10000"},
    OptionEntry{'I', "io-weight", "NUMBER", "the same for disks"},
    OptionEntry{'T', "tasks-max", "NUMBER", "how many processes and threads"},
    OptionEntry{'w', "whole-tree", nullptr, "to every process of the worker"},
    OptionEntry{'a', "all", nullptr, "of every registered worker"},
    OptionEntry{'c', "count", nullptr, "only how many"},
    OptionEntry{'B', "no-block", nullptr, "do not wait until it is done"},
    OptionEntry{'A', "after", "SEQUENCE", "resume after this event"},
    OptionEntry{'b', "batch", nullptr, "print frames, and hear no keys; also -b", 'b'},
    OptionEntry{'n', "iterations", "COUNT", "print so many frames; also -n", 'n'},
    OptionEntry{'d', "delay", "TIME", "between two frames: 1s otherwise; also -d", 'd'},
    OptionEntry{'F', "follow", nullptr, "show what is written from now on, too; also -f", 'f'},
    OptionEntry{'K', "lines", "LINES", "the last ones; with --follow 10 otherwise; also -n", 'n'},
    OptionEntry{'r', "reverse", nullptr, "the newest first; also -r", 'r'},
    OptionEntry{'V', "since", "MOMENT", "not what is older: 10min, 08:00, \"2026-11-23 08:00\""},
    OptionEntry{'E', "until", "MOMENT", "not what is newer"},
    OptionEntry{'Y', "output", "short|cat", "cat: nothing but the text; also -o", 'o'},
};

constexpr std::array of_all{
    OptionEntry{socket_option, "socket", "PATH", "reeved's socket ($REEVE_SOCKET)"},
    OptionEntry{host_option, "host", "HOST", "reeved on another host, through ssh; also -H"},
    OptionEntry{run_option, "run", "RUN", "the run, by any prefix of its id ($REEVE_RUN_ID)"},
    OptionEntry{json_option, "json", "pretty|short|off", "print what reeved answered; also -j"},
    OptionEntry{legend_option, "no-legend", nullptr, "no headings"},
    OptionEntry{pager_option, "no-pager", nullptr, "accepted; there is no pager"},
    OptionEntry{help_option, "help", nullptr, "show this text, or that of a command; also -h"},
    OptionEntry{version_option, "version", nullptr, "show the version"},
};

// Called by shells, not by people.
const Verb complete{"complete", "-- WORD…", "print what may come next", 0, any, "", verb_complete};

}  // namespace

const std::vector<Group>& verb_groups() {
  static const std::vector<Group> groups{
      {"Runs",
       {{"run", "-- CMD…", "open a run, enter it and become CMD", 1, any, "kpglmR", verb_run},
        {"open", "--owner PID", "open a run that ends with that process", 0, 0, "kpglmo",
         verb_open},
        {"close", "[RUN]", "end a run and everything in it", 0, 1, "p", verb_close},
        {"runs", "", "list runs", 0, 0, "", verb_runs}}},
      {"Workers",
       {{"reserve", "WORKER", "make a worker's cgroup before its process is spawned", 1, 1,
         "tfmMxqWIT", verb_reserve},
        {"activate", "WORKER --pid PID", "bind a process to its reservation", 1, 1, "Pyf",
         verb_activate},
        {"register", "WORKER --pid PID", "reserve and activate at once", 1, 1, "PyfmMxqWIT",
         verb_register},
        {"exec", "WORKER -- CMD…", "become CMD as a worker", 2, any, "yfmMxqWIT", verb_exec},
        {"spawn", "WORKER -- CMD…", "have reeved start CMD as a worker", 2, any,
         "yfmeDuGSUNOLiMxqWIT", verb_spawn},
        {"unregister", "WORKER", "take a worker off the listings", 1, 1, "", verb_unregister},
        {"signal", "WORKER SIGNAL", "send a signal to its process", 2, 2, "w", verb_signal},
        {"stop", "WORKER", "SIGTERM, then kill its tree after the grace period", 1, 1, "g",
         verb_stop},
        {"freeze", "WORKER", "stop everything in it where it is", 1, 1, "", verb_freeze},
        {"thaw", "WORKER", "let it go on", 1, 1, "", verb_thaw},
        {"wait", "WORKER", "wait until it has exited", 1, 1, "", verb_wait}}},
      {"Pools",
       {{"pools", "[POOL]", "list pools, or show one with its slots", 0, 1, "", verb_pools},
        {"scale", "POOL N", "make a pool larger or smaller", 2, 2, "B", verb_scale},
        {"restart", "POOL", "replace its workers, one after the other", 1, 1, "B", verb_restart},
        {"reload", "", "have reeved read its configuration again", 0, 0, "B", verb_reload}}},
      {"Looking",
       {{"status", "", "show what reeved keeps, in short", 0, 0, "", verb_status},
        {"list", "", "list workers", 0, 0, "sf", verb_list},
        {"show", "WORKER", "show one worker", 1, 1, "", verb_show},
        {"logs", "WORKER|POOL", "show what workers wrote to the journal", 1, 1, "FKrVEY",
         verb_logs},
        {"tree", "", "show runs, workers and their processes", 0, 0, "", verb_tree},
        {"top", "", "follow what runs, pools and workers use", 0, 0, "bnd", verb_top},
        {"events", "", "follow what happens", 0, 0, "A", verb_events},
        {"pids", "", "print the main processes of active workers", 0, 0, "a", verb_pids},
        {"is-registered", "WORKER", "say whether it is; 3 if not", 1, 1, "", verb_is_registered},
        {"stats", "", "print counts", 0, 0, "", verb_stats},
        {"entries", "", "list every record in the kernel", 0, 0, "c", verb_entries},
        {"doctor", "", "say what of reeve can work here; 3 if something is missing", 0, 0, "",
         verb_doctor},
        {"validate", "", "list workers whose process is gone; 3 if any", 0, 0, "", verb_validate}}},
      {"Cleaning",
       {{"cleanup-dead", "", "drop the records of dead workers", 0, 0, "", verb_cleanup_dead},
        {"cleanup-orphans", "", "end every run whose owner is dead", 0, 0, "",
         verb_cleanup_orphans}}},
      {"Anything",
       {{"call", "METHOD [JSON]", "call a method", 1, 2, "", verb_call},
        {"bridge", "", "connect standard input and output to reeved", 0, 0, "", verb_bridge}}},
  };
  return groups;
}

const Verb* find_verb(std::string_view name) {
  for (const auto& group : verb_groups())
    for (const auto& verb : group.verbs)
      if (verb.name == name) return &verb;
  return name == complete.name ? &complete : nullptr;
}

std::span<const OptionEntry> option_table() {
  return entries;
}

std::span<const OptionEntry> global_options() {
  return of_all;
}

void take_environment(Options& options) {
  const char* socket = environment("REEVE_SOCKET");
  const char* run = environment("REEVE_RUN_ID");
  if (!options.socket_given) options.socket = socket != nullptr ? socket : usual_socket_to_call();
  options.socket_given |= socket != nullptr;
  if (!options.run && run != nullptr) options.run = run;
}

}  // namespace reeve::ctl
