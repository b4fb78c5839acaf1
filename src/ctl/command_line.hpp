// The table of reevectl's commands and options: for reading a command line, for help, and for
// completing one in a shell.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ctl/options.hpp"

namespace reeve::ctl {

struct Verb {
  std::string_view name;
  std::string_view arguments;
  std::string_view text;
  std::size_t least, most;   // arguments
  std::string_view options;  // those of option_table by their letters
  ExitCode (*function)(const Options&);
};

struct Group {
  std::string_view title;
  std::vector<Verb> verbs;
};
const std::vector<Group>& verb_groups();
// Also those that help does not show; nullptr if there is none of that name.
const Verb* find_verb(std::string_view name);

struct OptionEntry {
  int letter;  // how the verb table names it; upper and lower case are different options
  const char* name;
  const char* argument;  // nullptr for a flag
  const char* text;
  char key = 0;  // its other name, as -f
};
std::span<const OptionEntry> option_table();
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
// Those that every command has.
std::span<const OptionEntry> global_options();

// Of the process; what it says is of this host.
void take_environment(Options& options);

}  // namespace reeve::ctl
