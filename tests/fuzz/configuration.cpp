// Whatever reeve.toml and a drop-in say: it is taken, or every fault is told with its place.
#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "config/config.hpp"
#include "fuzz.hpp"

namespace reeve {

namespace {

using fuzz::require;

// What reeved relies on, whoever wrote it.
void check_pool(const config::Pool& pool, const std::set<std::string>& names) {
  require(!pool.name.empty() && pool.name.size() <= 64 && is_printable(pool.name), "a pool's name");
  require(!pool.command.empty() && !pool.command.front().empty(), "a pool has a command");
  for (const auto& word : pool.command)
    require(word.find('\0') == std::string::npos, "no NUL in a command");
  require(pool.size >= 0 && pool.size <= 4096, "a pool's size");
  require(!pool.working_directory || pool.working_directory->starts_with('/'),
          "a working directory is absolute");
  for (const auto& [name, value] : pool.environment)
    require(!name.empty() && name.find('=') == std::string::npos &&
                (name + value).find('\0') == std::string::npos,
            "a variable can be one");
  const auto& backoff = pool.backoff;
  require(backoff.initial.count() >= 0 && backoff.max >= backoff.initial, "times of the backoff");
  require(backoff.factor >= 1 && backoff.factor <= 1000, "the backoff's factor");
  for (const auto part : {backoff.jitter, pool.recycle_jitter})
    require(part >= 0 && part <= 1, "a part of a whole");
  require(pool.start_limit.burst >= 1 && pool.start_limit.interval.count() > 0, "a start limit");
  require(signal_number(pool.stop_signal).has_value(), "a signal to stop with");
  require(pool.start_timeout.count() > 0 && pool.stop_timeout.count() >= 0, "timeouts");
  require(pool.ready_after.count() == 0 || pool.readiness == config::Readiness::exec, "readiness");
  for (const auto& time : {pool.watchdog, pool.max_lifetime})
    require(!time || time->count() > 0, "a time that passes");
  const auto& limits = pool.limits;
  for (const auto& size : {pool.max_memory_bytes, limits.memory_max_bytes, limits.memory_high_bytes,
                           limits.processor_quota_percent, limits.processor_weight,
                           limits.tasks_max, pool.limits.io_weight})
    require(!size || *size > 0, "a limit that leaves something");
  require(pool.input.kind != config::Stream::Kind::journal, "nobody reads from the journal");
  for (const auto& stream : {pool.input, pool.output, pool.error})
    require((stream.kind == config::Stream::Kind::file) == stream.path.starts_with('/'),
            "files, and they alone, have absolute paths");
  for (const auto& other : pool.after)
    require(names.contains(other.name) && other.name != pool.name, "pools wait for others");
}

void check(const config::Config& config) {
  for (const auto& path : {config.socket, config.root})
    require(!path || path->starts_with('/'), "a path is absolute");
  std::set<std::string> names, started;
  for (const auto& pool : config.pools)
    require(names.insert(pool.name).second, "a pool is there once");
  for (const auto& pool : config.pools)
    check_pool(pool, names);
  // Each round starts those whose turn it is.
  for (std::size_t round = 0; round < config.pools.size(); ++round)
    for (const auto& pool : config.pools)
      if (std::all_of(pool.after.begin(), pool.after.end(),
                      [&](const auto& other) { return started.contains(other.name); }))
        started.insert(pool.name);
  require(started == names, "all pools can start one after the other");
}

void check(const std::vector<std::string>& faults, const std::vector<config::Text>& files) {
  require(!faults.empty(), "what is refused is told why");
  for (const auto& fault : faults) {
    require(is_printable(fault), "a fault is a line that can be shown");
    const bool has_place = std::any_of(files.begin(), files.end(), [&](const auto& file) {
      if (!fault.starts_with(file.name + ":")) return false;
      const auto lines = 1 + std::count(file.content.begin(), file.content.end(), '\n');
      const auto line = std::strtol(fault.c_str() + file.name.size() + 1, nullptr, 10);
      return line >= 1 && line <= lines;
    });
    require(has_place, "a fault names its file and line");
  }
}

}  // namespace

}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  std::vector<config::Text> files;
  for (const auto& chunk : fuzz::chunks_of(fuzz::text_of(data, size)))
    files.push_back({"reeve.toml" + std::string(files.size(), '+'), std::string(chunk.bytes)});
  const auto config = config::parse(files);
  if (config.ok())
    check(*config);
  else
    check(config.error().messages, files);
  return 0;
}
