#include <fmt/core.h>

#include <array>

#include "base/text.hpp"
#include "config/pool_tables.hpp"

namespace reeve::config {

namespace {

constexpr std::size_t longest_name = 64;
constexpr std::int64_t largest_burst = 10'000;
constexpr double largest_factor = 1'000;
constexpr std::int64_t largest_quota = 1'000'000;  // percent
constexpr std::int64_t largest_weight = 10'000;    // the kernel's
constexpr std::int64_t most_tasks = 4'194'304;     // PID_MAX_LIMIT of the kernel

constexpr const char* pool_title = "[pool.NAME]";

// What a worker learns from reeved itself.
constexpr std::array<std::string_view, 8> own_variables{
    "REEVE_RUN_ID", "REEVE_WORKER",  "REEVE_POOL",    "REEVE_SLOT",
    "REEVE_SOCKET", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

void take_command(Pool& pool, const Value& value) {
  const auto words = value.texts();
  if (!words) return;
  if (words->empty() || words->front().name.empty())
    return value.must("name a program: [\"/usr/bin/program\", \"argument\"]");
  pool.command.clear();
  for (const auto& word : *words)
    pool.command.push_back(word.name);
}

void take_user(Pool& pool, const Value& value) {
  if (const auto name = value.text("be a string, the name or the number of a user"))
    pool.user = Named{*name, value.place()};
}

void take_environment(Pool& pool, const Value& value) {
  const auto entries = value.entries("[pool.NAME.environment]", value.name() + ".");
  if (!entries) return;
  for (const auto& [key, variable] : *entries) {
    const std::string name(key.str());
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
      variable.must("have a name, without = and NUL");
    else if (std::find(own_variables.begin(), own_variables.end(), name) != own_variables.end())
      variable.must("be left out: reeved sets it");
    else
      assign(pool.environment[name], variable.text("be a string without NUL: \"8080\"", 0));
  }
}

void take_signal(Pool& pool, const Value& value) {
  const auto name = value.text("be the name of a signal: \"SIGTERM\"");
  if (!name) return;
  const auto number = signal_number(*name);
  if (!number) return value.must("be the name of a signal: \"SIGTERM\"");
  pool.stop_signal = signal_name(*number);
}

void take_stream(Stream& stream, const Value& value, bool is_input) {
  constexpr std::string_view file = "file:";
  const std::array<std::pair<std::string_view, Stream::Kind>, 3> words{
      {{"null", Stream::Kind::null},
       {"inherit", Stream::Kind::inherit},
       {"journal", Stream::Kind::journal}}};
  const std::string_view be = is_input ? "be \"null\", \"inherit\" or \"file:/path\""
                                       : "be \"null\", \"inherit\", \"journal\" or \"file:/path\"";
  const auto text = value.text(be);
  if (!text) return;
  for (const auto& [word, kind] : words)
    if (*text == word && !(is_input && kind == Stream::Kind::journal)) {
      stream = {kind, {}};
      return;
    }
  if (!text->starts_with(file) || text->substr(file.size()).front() != '/') return value.must(be);
  stream = {Stream::Kind::file, text->substr(file.size())};
}

void take_after(Pool& pool, const Value& value) {
  assign(pool.after, value.texts());
}

constexpr std::array<Key<Backoff>, 4> backoff_keys{{
    {"initial",
     [](Backoff& to, const Value& value) { assign(to.initial, value.duration(Microseconds{})); }},
    {"max",
     [](Backoff& to, const Value& value) { assign(to.max, value.duration(Microseconds{})); }},
    {"factor",
     [](Backoff& to, const Value& value) { assign(to.factor, value.fraction(1, largest_factor)); }},
    {"jitter", [](Backoff& to, const Value& value) { assign(to.jitter, value.fraction(0, 1)); }},
}};

constexpr std::array<Key<StartLimit>, 2> start_limit_keys{{
    {"burst",
     [](StartLimit& to, const Value& value) { assign(to.burst, value.number(1, largest_burst)); }},
    {"interval", [](StartLimit& to, const Value& value) { assign(to.interval, value.duration()); }},
}};

constexpr std::array<Key<Pool>, 6> limit_keys{{
    {"memory-max",
     [](Pool& to, const Value& value) { assign(to.limits.memory_max_bytes, value.size()); }},
    {"memory-high",
     [](Pool& to, const Value& value) { assign(to.limits.memory_high_bytes, value.size()); }},
    {"cpu-quota",
     [](Pool& to, const Value& value) {
       assign(to.limits.processor_quota_percent, value.percentage(largest_quota));
     }},
    {"cpu-weight",
     [](Pool& to, const Value& value) {
       assign(to.limits.processor_weight, value.number(1, largest_weight));
     }},
    {"io-weight",
     [](Pool& to, const Value& value) {
       assign(to.limits.io_weight, value.number(1, largest_weight));
     }},
    {"tasks-max",
     [](Pool& to, const Value& value) {
       assign(to.limits.tasks_max, value.number(1, most_tasks));
     }},
}};

// A table in a pool's, read into the pool or into a part of it.
template <class T, std::size_t N>
void take_table(T& into, const Value& value, std::string_view name,
                const std::array<Key<T>, N>& keys) {
  value.table<T>(into, fmt::format("[pool.NAME.{}]", name), value.name() + ".", keys);
}

constexpr std::array<Key<Pool>, 23> pool_keys{{
    {"command", take_command},
    {"size", [](Pool& to, const Value& value) { assign(to.size, value.number(0, largest_pool)); }},
    {"user", take_user},
    {"working-directory",
     [](Pool& to, const Value& value) { assign(to.working_directory, value.path()); }},
    {"environment", take_environment},
    {"restart",
     [](Pool& to, const Value& value) {
       assign(to.restart, value.one_of<Restart>({{"no", Restart::no},
                                                 {"on-failure", Restart::on_failure},
                                                 {"always", Restart::always}}));
     }},
    {"backoff",
     [](Pool& to, const Value& value) { take_table(to.backoff, value, "backoff", backoff_keys); }},
    {"start-limit",
     [](Pool& to, const Value& value) {
       take_table(to.start_limit, value, "start-limit", start_limit_keys);
     }},
    {"stop-signal", take_signal},
    {"stop-timeout",
     [](Pool& to, const Value& value) { assign(to.stop_timeout, value.duration(Microseconds{})); }},
    {"readiness",
     [](Pool& to, const Value& value) {
       assign(to.readiness,
              value.one_of<Readiness>({{"exec", Readiness::exec}, {"notify", Readiness::notify}}));
     }},
    {"ready-after",
     [](Pool& to, const Value& value) { assign(to.ready_after, value.duration(Microseconds{})); }},
    {"start-timeout",
     [](Pool& to, const Value& value) { assign(to.start_timeout, value.duration()); }},
    {"watchdog", [](Pool& to, const Value& value) { assign(to.watchdog, value.duration()); }},
    {"max-lifetime",
     [](Pool& to, const Value& value) { assign(to.max_lifetime, value.duration()); }},
    {"recycle-jitter",
     [](Pool& to, const Value& value) { assign(to.recycle_jitter, value.fraction(0, 1)); }},
    {"max-memory", [](Pool& to, const Value& value) { assign(to.max_memory_bytes, value.size()); }},
    {"limits", [](Pool& to, const Value& value) { take_table(to, value, "limits", limit_keys); }},
    {"oom-group", [](Pool& to, const Value& value) { assign(to.oom_group, value.truth()); }},
    {"stdin", [](Pool& to, const Value& value) { take_stream(to.input, value, true); }},
    {"stdout", [](Pool& to, const Value& value) { take_stream(to.output, value, false); }},
    {"stderr", [](Pool& to, const Value& value) { take_stream(to.error, value, false); }},
    {"after", take_after},
}};

bool is_name(std::string_view name) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= longest_name && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
         });
}

Pool& pool_named(std::vector<Pool>& pools, std::string_view name, const std::string& where) {
  const auto place =
      std::lower_bound(pools.begin(), pools.end(), name,
                       [](const Pool& pool, auto& text) { return pool.name < text; });
  if (place != pools.end() && place->name == name) return *place;
  Pool pool;
  pool.name = name;
  pool.where = where;
  return *pools.insert(place, std::move(pool));
}

}  // namespace

std::string name_of(const Pool& pool) {
  return "pool " + pool.name;
}

std::string name_of(const Pool& pool, std::string_view key) {
  return fmt::format("{}: {}", name_of(pool), key);
}

void read_pools(std::vector<Pool>& pools, const Value& value) {
  const auto entries = value.entries(pool_title, "pool ");
  if (!entries) return;
  for (const auto& [key, table] : *entries) {
    if (!is_name(key.str()))
      value.reader().fault(
          key.source(),
          fmt::format("{} is no name for a pool: it has at most {} letters, digits, \".\", \"_\" "
                      "and \"-\", and begins with a letter or a digit",
                      key.str(), longest_name));
    table.table<Pool>(pool_named(pools, key.str(), where(key.source())), pool_title,
                      table.name() + ": ", pool_keys);
  }
}

std::vector<KnownTable> known_pool_tables() {
  return {{pool_title, names_of<Pool>(pool_keys)},
          {"[pool.NAME.backoff]", names_of<Backoff>(backoff_keys)},
          {"[pool.NAME.start-limit]", names_of<StartLimit>(start_limit_keys)},
          {"[pool.NAME.limits]", names_of<Pool>(limit_keys)}};
}

}  // namespace reeve::config
