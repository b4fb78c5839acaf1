// reevectl: the table of its commands and options.
#include <fmt/core.h>
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <clocale>
#include <cstdlib>

#include "api/types.hpp"
#include "base/paths.hpp"
#include "base/quantities.hpp"
#include "base/text.hpp"
#include "ctl/command_line.hpp"
#include "ctl/log_lines.hpp"
#include "ctl/verbs.hpp"
#include "schema/type.hpp"

namespace reeve::ctl {

namespace {

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
  for (const auto& entry : option_table())
    print_option(entry);
  fmt::print("\nOptions:\n");
  for (const auto& entry : global_options())
    print_option(entry);
  fmt::print(
      "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 the answer is no, 4 no reeved there;\n"
      "125 to 127 as env(1) for run and exec. See reevectl(1).\n");
}

void print_help_of(const Verb& verb) {
  fmt::print("reevectl [--socket PATH] [--run RUN] {} {}\n\n  {}\n", verb.name, verb.arguments,
             verb.text);
  if (!verb.options.empty()) fmt::print("\nOptions:\n");
  for (const auto& entry : option_table())
    if (verb.options.find(static_cast<char>(entry.letter)) != std::string_view::npos)
      print_option(entry);
  fmt::print("\nSee reevectl --help for those of every command, and reevectl(1).\n");
}

constexpr Microseconds shortest_delay{10'000};

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

std::optional<std::int64_t> parse_octal(const std::string& text) {
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number, 8);
  return error == std::errc{} && parsed == end ? std::optional(number) : std::nullopt;
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
    case 'I':
      limits.io_weight = number;
      return number ? "" : "--io-weight must be a number";
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
    case 'k':
      options.name = value;
      return {};
    case 'R':
      options.root = value;
      return {};
    case 'y':
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
    case 'B':
      options.blocks = false;
      return {};
    case 'p':
      options.policy = schema::value_named<OwnerExitPolicy>(value);
      return options.policy ? "" : "--policy must be kill, terminate or keep";
    case 'l':
      options.placement = schema::value_named<Placement>(value);
      return options.placement ? "" : "--placement must be registry or caller";
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
    case 'b':
      options.batch = true;
      return {};
    case 'n':
      options.iterations = number;
      return number.value_or(0) > 0 ? "" : "--iterations must be a number from 1 on";
    case 'd':
      options.delay = duration;
      return duration.value_or(Microseconds{0}) >= shortest_delay
                 ? ""
                 : "--delay must be a time such as 2s, and not less than 10ms";
    case 'D':
      options.directory = value;
      return {};
    case 'u':
      options.user = value;
      return {};
    case 'G':
      options.group = value;
      return {};
    case 'S':
      if (!options.supplementary_groups) options.supplementary_groups.emplace();
      options.supplementary_groups->push_back(value);
      return {};
    case 'U':
      options.file_mode_mask = parse_octal(value);
      return options.file_mode_mask ? "" : "--umask must be an octal number such as 027";
    case 'N':
      options.nice = number;
      return number ? "" : "--nice must be a number";
    case 'O':
      options.out_of_memory_score_adjust = number;
      return number ? "" : "--oom-score-adjust must be a number";
    case 'L':
      return add_pair(options.resource_limits, value)
                 ? ""
                 : "--resource-limit must be NAME=SOFT or NAME=SOFT:HARD";
    case 'F':
      options.follow = true;
      return {};
    case 'K':
      options.lines = number;
      return number && *number >= 0 ? "" : "--lines must be a number";
    case 'r':
      options.reverse = true;
      return {};
    case 'V':
      options.since = parse_moment(value, realtime_now());
      return options.since ? "" : "--since must be a moment such as 10min, 08:00 or 2026-11-23";
    case 'E':
      options.until = parse_moment(value, realtime_now());
      return options.until ? "" : "--until must be a moment such as 10min, 08:00 or 2026-11-23";
    case 'Y':
      options.text_only = value == "cat";
      return value == "cat" || value == "short" ? "" : "--output must be short or cat";
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
    case 'I':
    case 'T':
      return take_limit(options, letter, value);
    default:
      return "unknown option";
  }
}

bool goes_to_other_hosts(const Verb& verb) {
  return verb.function != verb_run && verb.function != verb_exec && verb.function != verb_bridge &&
         verb.function != verb_doctor && verb.function != verb_complete &&
         verb.function != verb_logs;
}

// -n is one option of one command, and another one of another.
int letter_of_key(int key, const Verb* verb) {
  int letter = key;
  for (const auto& entry : option_table()) {
    if (entry.key != key) continue;
    letter = entry.letter;
    if (verb != nullptr &&
        verb->options.find(static_cast<char>(entry.letter)) != std::string_view::npos)
      break;
  }
  return letter;
}

// Before the options are understood; what is wrong with them is told then.
const Verb* verb_among(int argc, char** argv, const char* keys, const option* options) {
  opterr = 0;
  while (getopt_long(argc, argv, keys, options, nullptr) != -1) {
  }
  const auto* verb = optind < argc ? find_verb(argv[optind]) : nullptr;
  opterr = 1;
  optind = 0;
  return verb;
}

int run(int argc, char** argv) {
  std::vector<option> options;
  std::string keys = "hjH:";
  for (const auto& table : {option_table(), global_options()})
    for (const auto& entry : table) {
      options.push_back(
          {entry.name, entry.argument ? required_argument : no_argument, nullptr, entry.letter});
      if (entry.key != 0) keys += std::string(1, entry.key) + (entry.argument ? ":" : "");
    }
  options.push_back({});

  const Verb* verb = verb_among(argc, argv, keys.c_str(), options.data());
  Options parsed;
  std::string given;  // letters of the command's options
  bool help_wanted = false;
  for (int letter, index = -1;
       (letter = getopt_long(argc, argv, keys.c_str(), options.data(), &index)) != -1; index = -1) {
    if (index < 0) letter = letter_of_key(letter, verb);
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
        parsed.run_given = true;
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
  const bool is_named = optind < argc;
  const std::string name = is_named ? argv[optind] : is_passed_a_connection() ? "bridge" : "";
  if (!is_named) verb = find_verb(name);
  if (help_wanted && (verb != nullptr || name.empty())) {
    verb != nullptr ? print_help_of(*verb) : print_help();
    return exit_ok;
  }
  if (name.empty()) return complain("a command is missing");
  if (verb == nullptr) return complain(fmt::format("there is no command {}", name));
  if (is_named) parsed.arguments.assign(argv + optind + 1, argv + argc);
  if (parsed.arguments.size() < verb->least || parsed.arguments.size() > verb->most)
    return complain(fmt::format("it is: reevectl {} {}", verb->name, verb->arguments));
  for (const char letter : given) {
    if (verb->options.find(letter) != std::string_view::npos) continue;
    const auto entry = std::find_if(option_table().begin(), option_table().end(),
                                    [&](const auto& each) { return each.letter == letter; });
    return complain(fmt::format("--{} is no option of {}", entry->name, name));
  }
  if (parsed.host && !goes_to_other_hosts(*verb))
    return complain(fmt::format(
        "{} works on this host only: it cannot be used with --host, but ssh {} reevectl {} can be",
        name, *parsed.host, name));
  if (!parsed.host) take_environment(parsed);
  return verb->function(parsed);
}

}  // namespace

}  // namespace reeve::ctl

int main(int argc, char** argv) {
  std::setlocale(LC_ALL, "");
  return reeve::ctl::run(argc, argv);
}
