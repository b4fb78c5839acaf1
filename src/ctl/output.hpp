// How results are shown: JSON as it came, or tables and lines for people.
#pragma once

#include <fmt/core.h>

#include <string>
#include <vector>

#include "api/interfaces.hpp"
#include "ctl/options.hpp"
#include "json/codec.hpp"

struct libscols_table;

namespace reeve::ctl {

class Table {
 public:
  // A column that is `wide` is cut to the terminal's width where the lines would not fit.
  struct Column {
    const char* name;
    enum { plain, right, wide } kind = plain;
  };
  Table(const Options& options, const std::vector<Column>& columns);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  void add(const std::vector<std::string>& cells);
  void print() const;

 private:
  libscols_table* table_;
};

void print_json(const Options& options, const std::string& json);

// The output as JSON if that was asked for; whether it was.
template <class Output>
bool printed_as_json(const Options& options, const Output& output) {
  if (options.json == Json::off) return false;
  print_json(options, json::encoded(output));
  return true;
}

// Twelve digits of a run's id are enough to name it.
inline std::string brief(const std::string& run) {
  return run.substr(0, 12);
}
// "3min 4s": how long ago.
std::string age(const Options& options, const Timestamp& since);
// "exited 0", "SIGKILL", "zombie": how a worker ended, as far as is known.
std::string told(const Exit& exit);
// Its number, or "-".
std::string pid_of(const std::optional<ProcessId>& process);
// One line of what is shown of a single thing.
void print_field(std::string_view name, const std::string& value);
// "3.4 MiB".
std::string bytes(std::int64_t count);
// A table of the latest, after an empty line; nothing if there are none.
void print_exits(const Options& options, const std::vector<EndedWorker>& exits);
// "active (frozen)", "exited (SIGKILL)".
std::string told_state(const Worker& worker);

}  // namespace reeve::ctl
