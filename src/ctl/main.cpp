// reevectl: the table of its commands and options.
#include <fmt/core.h>
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>

#include "api/types.hpp"
#include "base/paths.hpp"
#include "base/text.hpp"
#include "ctl/verbs.hpp"
#include "schema/type.hpp"

namespace reeve::ctl {

namespace {

struct Verb {
  std::string_view name;
  std::string_view arguments;
  std::string_view text;
  std::size_t least, most;   // arguments
  std::string_view options;  // those of option_table by their letters
  ExitCode (*function)(const Options&);
};

constexpr std::size_t any = ~0UL;

struct Group {
  std::string_view title;
  std::vector<Verb> verbs;
};

const std::vector<Group>& verb_groups() {
  static const std::vector<Group> groups{
      {"Runs",
       {{"run", "-- CMD…", "open a run, enter it and become CMD", 1, any, "npgmR", verb_run},
        {"open", "--owner PID", "open a run that ends with that process", 0, 0, "npgmo", verb_open},
        {"close", "[RUN]", "end a run and everything in it", 0, 1, "p", verb_close},
        {"runs", "", "list runs", 0, 0, "", verb_runs}}},
      {"Workers",
       {{"reserve", "WORKER", "make a worker's cgroup before its process is spawned", 1, 1,
         "tfmMxqWT", verb_reserve},
        {"activate", "WORKER --pid PID", "bind a process to its reservation", 1, 1, "Pdf",
         verb_activate},
        {"register", "WORKER --pid PID", "reserve and activate at once", 1, 1, "PdfmMxqWT",
         verb_register},
        {"exec", "WORKER -- CMD…", "become CMD as a worker", 2, any, "dfmMxqWT", verb_exec},
        {"spawn", "WORKER -- CMD…", "have reeved start CMD as a worker", 2, any, "dfmeDuiMxqWT",
         verb_spawn},
        {"unregister", "WORKER", "take a worker off the listings", 1, 1, "", verb_unregister},
        {"signal", "WORKER SIGNAL", "send a signal to its process", 2, 2, "w", verb_signal},
        {"stop", "WORKER", "SIGTERM, then kill its tree after the grace period", 1, 1, "g",
         verb_stop},
        {"freeze", "WORKER", "stop everything in it where it is", 1, 1, "", verb_freeze},
        {"thaw", "WORKER", "let it go on", 1, 1, "", verb_thaw},
        {"wait", "WORKER", "wait until it has exited", 1, 1, "", verb_wait}}},
      {"Looking",
       {{"status", "", "show what reeved keeps, in short", 0, 0, "", verb_status},
        {"list", "", "list workers", 0, 0, "sf", verb_list},
        {"show", "WORKER", "show one worker", 1, 1, "", verb_show},
        {"tree", "", "show runs, workers and their processes", 0, 0, "", verb_tree},
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

struct OptionEntry {
  int letter;  // how the verb table names it; upper and lower case are different options
  const char* name;
  const char* argument;  // nullptr for a flag
  const char* text;
};

constexpr std::array option_table{
    OptionEntry{'n', "name", "NAME", "a name for the run"},
    OptionEntry{'p', "policy", "POLICY", "when the owner exits: kill, terminate or keep"},
    OptionEntry{'g', "grace", "TIME", "between SIGTERM and the kill: 10s, 500ms, 1min"},
    OptionEntry{'m', "metadata", "KEY=VALUE", "to be stored and returned; may be repeated"},
    OptionEntry{'o', "owner", "PID", "the process whose death ends the run"},
    OptionEntry{'R', "root", "CGROUP", "where a daemon started for this run keeps it"},
    OptionEntry{'P', "pid", "PID", "the worker's process"},
    OptionEntry{'d', "handle", "TEXT", "the application's own handle for the worker"},
    OptionEntry{'f', "fingerprint", "TEXT", "the worker's fingerprint"},
    OptionEntry{'t', "timeout", "TIME", "how long the reservation holds: 60s"},
    OptionEntry{'s', "state", "STATE", "reserved, active, stopping or exited"},
    OptionEntry{'e', "environment", "NAME=VALUE", "for its process; may be repeated"},
    OptionEntry{'D', "working-directory", "PATH", "of its process; / otherwise"},
    OptionEntry{'u', "user", "USER", "whose its process is to be; only root chooses"},
    OptionEntry{'i', "pipe", nullptr, "its streams are reevectl's own; /dev/null otherwise"},
    OptionEntry{'M', "memory-max", "BYTES", "a limit: 512M, 2G"},
    OptionEntry{'x', "memory-high", "BYTES", "beyond which it is slowed down"},
    OptionEntry{'q', "processor-quota", "PERCENT", "of one processor"},
    OptionEntry{'W', "processor-weight", "NUMBER",
                "its share when there is not enough: 1 to 10000"},
    OptionEntry{'T', "tasks-max", "NUMBER", "how many processes and threads"},
    OptionEntry{'w', "whole-tree", nullptr, "to every process of the worker"},
    OptionEntry{'a', "all", nullptr, "of every registered worker"},
    OptionEntry{'c', "count", nullptr, "only how many"},
    OptionEntry{'A', "after", "SEQUENCE", "resume after this event"},
};

enum GlobalOption {
  socket_option = 1000,
  host_option,
  run_option,
  json_option,
  legend_option,
  pager_option,
  help_option,
  version_option
};

void print_option(const OptionEntry& entry) {
  fmt::print("  {:<32} {}\n",
             fmt::format("--{} {}", entry.name, entry.argument ? entry.argument : ""), entry.text);
}

void print_help() {
  fmt::print(
      "reevectl [--socket PATH] [--run RUN] COMMAND\n\n"
      "Looks at and changes what reeved keeps.\n");
  for (const auto& group : verb_groups()) {
    fmt::print("\n{}:\n", group.title);
    for (const auto& verb : group.verbs)
      fmt::print("  {:<32} {}\n", fmt::format("{} {}", verb.name, verb.arguments), verb.text);
  }
  fmt::print("\nOptions of commands:\n");
  for (const auto& entry : option_table)
    print_option(entry);
  fmt::print(
      "\nOptions:\n"
      "  --socket PATH                    reeved's socket ($REEVE_SOCKET)\n"
      "  -H, --host HOST                  reeved on another host, through ssh\n"
      "  --run RUN                        the run, by any prefix of its id ($REEVE_RUN_ID)\n"
      "  --json=pretty|short|off, -j      print what reeved answered, as JSON\n"
      "  --no-legend                      no headings\n"
      "  --no-pager                       accepted; there is no pager\n"
      "  -h, --help    --version\n"
      "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 the answer is no, 4 no reeved there;\n"
      "125 to 127 as env(1) for run and exec. See reevectl(1).\n");
}

void print_help_of(const Verb& verb) {
  fmt::print("reevectl [--socket PATH] [--run RUN] {} {}\n\n  {}\n", verb.name, verb.arguments,
             verb.text);
  if (!verb.options.empty()) fmt::print("\nOptions:\n");
  for (const auto& entry : option_table)
    if (verb.options.find(static_cast<char>(entry.letter)) != std::string_view::npos)
      print_option(entry);
  fmt::print("\nSee reevectl --help for those of every command, and reevectl(1).\n");
}

int complain(const std::string& message) {
  fmt::print(stderr, "reevectl: {}; see reevectl --help\n", message);
  return exit_usage;
}

bool add_pair(std::optional<Metadata>& pairs, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  if (!pairs) pairs.emplace();
  (*pairs)[text.substr(0, equals)] = text.substr(equals + 1);
  return true;
}

std::string take_limit(Options& options, int letter, const std::string& value) {
  if (!options.limits) options.limits.emplace();
  auto& limits = *options.limits;
  const auto size = parse_size(value);
  const auto number =
      parse_number<std::int64_t>(value.ends_with('%') ? value.substr(0, value.size() - 1) : value);
  switch (letter) {
    case 'M':
      limits.memory_max_bytes = size;
      return size ? "" : "--memory-max must be a size such as 512M";
    case 'x':
      limits.memory_high_bytes = size;
      return size ? "" : "--memory-high must be a size such as 512M";
    case 'q':
      limits.processor_quota_percent = number;
      return number ? "" : "--processor-quota must be a percentage such as 50%";
    case 'W':
      limits.processor_weight = number;
      return number ? "" : "--processor-weight must be a number";
    default:
      limits.tasks_max = number;
      return number ? "" : "--tasks-max must be a number";
  }
}

// What is wrong with an option's value; empty if it was taken.
std::string take(Options& options, int letter, const std::string& value) {
  const auto number = parse_number<std::int64_t>(value);
  const auto duration = parse_duration(value);
  switch (letter) {
    case 'n':
      options.name = value;
      return {};
    case 'R':
      options.root = value;
      return {};
    case 'd':
      options.handle = value;
      return {};
    case 'f':
      options.fingerprint = value;
      return {};
    case 'w':
      options.whole_tree = true;
      return {};
    case 'a':
      options.all = true;
      return {};
    case 'c':
      options.count = true;
      return {};
    case 'p':
      options.policy = schema::value_named<OwnerExitPolicy>(value);
      return options.policy ? "" : "--policy must be kill, terminate or keep";
    case 's':
      options.state = schema::value_named<WorkerState>(value);
      return options.state ? "" : "--state must be reserved, active, stopping or exited";
    case 'g':
      options.grace = duration;
      return duration ? "" : "--grace must be a time such as 10s";
    case 't':
      options.timeout = duration;
      return duration ? "" : "--timeout must be a time such as 60s";
    case 'o':
      options.owner = number;
      return number ? "" : "--owner must be a process id";
    case 'P':
      options.pid = number;
      return number ? "" : "--pid must be a process id";
    case 'A':
      options.after = number;
      return number ? "" : "--after must be an event's number";
    case 'D':
      options.directory = value;
      return {};
    case 'u':
      options.user = value;
      return {};
    case 'i':
      options.pipe = true;
      return {};
    case 'm':
      return add_pair(options.metadata, value) ? "" : "--metadata must be KEY=VALUE";
    case 'e':
      return add_pair(options.environment, value) ? "" : "--environment must be NAME=VALUE";
    case 'M':
    case 'x':
    case 'q':
    case 'W':
    case 'T':
      return take_limit(options, letter, value);
    default:
      return "unknown option";
  }
}

// What the environment says is of this host.
void take_environment(Options& options) {
  const char* socket = std::getenv("REEVE_SOCKET");
  const char* run = std::getenv("REEVE_RUN_ID");
  if (!options.socket_given) options.socket = socket != nullptr ? socket : usual_socket();
  options.socket_given |= socket != nullptr;
  if (!options.run && run != nullptr) options.run = run;
}

bool goes_to_other_hosts(const Verb& verb) {
  return verb.function != verb_run && verb.function != verb_exec && verb.function != verb_bridge &&
         verb.function != verb_doctor;
}

const Verb* find_verb(std::string_view name) {
  for (const auto& group : verb_groups())
    for (const auto& verb : group.verbs)
      if (verb.name == name) return &verb;
  return nullptr;
}

int run(int argc, char** argv) {
  std::vector<option> options{{"socket", required_argument, nullptr, socket_option},
                              {"host", required_argument, nullptr, host_option},
                              {"run", required_argument, nullptr, run_option},
                              {"json", required_argument, nullptr, json_option},
                              {"no-legend", no_argument, nullptr, legend_option},
                              {"no-pager", no_argument, nullptr, pager_option},
                              {"help", no_argument, nullptr, help_option},
                              {"version", no_argument, nullptr, version_option}};
  for (const auto& entry : option_table)
    options.push_back(
        {entry.name, entry.argument ? required_argument : no_argument, nullptr, entry.letter});
  options.push_back({});

  Options parsed;
  std::string given;  // letters of the command's options
  bool help_wanted = false;
  for (int letter; (letter = getopt_long(argc, argv, "hjH:", options.data(), nullptr)) != -1;) {
    const std::string value = optarg != nullptr ? optarg : "";
    switch (letter) {
      case 'h':
      case help_option:
        help_wanted = true;
        continue;
      case socket_option:
        parsed.socket = value;
        parsed.socket_given = true;
        continue;
      case 'H':
      case host_option:
        parsed.host = value;
        continue;
      case run_option:
        parsed.run = value;
        continue;
      case legend_option:
        parsed.legend = false;
        continue;
      case pager_option:
        continue;
      case 'j':
        parsed.json = ::isatty(STDOUT_FILENO) != 0 ? Json::pretty : Json::brief;
        continue;
      case json_option:
        if (value == "pretty")
          parsed.json = Json::pretty;
        else if (value == "short")
          parsed.json = Json::brief;
        else if (value == "off")
          parsed.json = Json::off;
        else
          return complain("--json must be pretty, short or off");
        continue;
      case version_option:
        fmt::print("reevectl {}\n", REEVE_VERSION);
        return exit_ok;
      case '?':
        fmt::print(stderr, "See reevectl --help.\n");
        return exit_usage;
      default:
        break;
    }
    if (const auto wrong = take(parsed, letter, value); !wrong.empty()) return complain(wrong);
    given += static_cast<char>(letter);
  }
  const std::string name = optind < argc ? argv[optind] : "";
  const Verb* verb = find_verb(name);
  if (help_wanted && (verb != nullptr || name.empty())) {
    verb != nullptr ? print_help_of(*verb) : print_help();
    return exit_ok;
  }
  if (name.empty()) return complain("a command is missing");
  if (verb == nullptr) return complain(fmt::format("there is no command {}", name));
  parsed.arguments.assign(argv + optind + 1, argv + argc);
  if (parsed.arguments.size() < verb->least || parsed.arguments.size() > verb->most)
    return complain(fmt::format("it is: reevectl {} {}", verb->name, verb->arguments));
  for (const char letter : given) {
    if (verb->options.find(letter) != std::string_view::npos) continue;
    const auto entry = std::find_if(option_table.begin(), option_table.end(),
                                    [&](const auto& each) { return each.letter == letter; });
    return complain(fmt::format("--{} is no option of {}", entry->name, name));
  }
  if (parsed.host && !goes_to_other_hosts(*verb))
    return complain(fmt::format("{} works on this host only: it cannot be used with --host", name));
  if (!parsed.host) take_environment(parsed);
  return verb->function(parsed);
}

}  // namespace

}  // namespace reeve::ctl

int main(int argc, char** argv) {
  std::setlocale(LC_ALL, "");
  return reeve::ctl::run(argc, argv);
}
