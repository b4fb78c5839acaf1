// What the tables of pools say together. Where a value is wrong itself, that has been told, and
// nothing is made of it here.
#include <fmt/core.h>

#include <map>
#include <set>

#include "config/pool_tables.hpp"

namespace reeve::config {

namespace {

bool are_sound(const Reader& reader, const Pool& pool, std::string_view one,
               std::string_view other) {
  return !reader.is_wrong(name_of(pool, one)) && !reader.is_wrong(name_of(pool, other));
}

void check_command(const Pool& pool, Reader& reader) {
  if (!reader.is_wrong(name_of(pool)) && !reader.place_of(name_of(pool, "command")))
    reader.fault(pool.where, fmt::format("pool {} has no command: command = [\"/usr/bin/program\", "
                                         "\"argument\"]",
                                         pool.name));
}

void check_backoff(const Pool& pool, Reader& reader) {
  if (pool.backoff.max >= pool.backoff.initial ||
      !are_sound(reader, pool, "backoff.initial", "backoff.max"))
    return;
  const auto place = reader.place_of(name_of(pool, "backoff.max"));
  reader.fault(
      place ? *place : reader.place_of(name_of(pool, "backoff.initial")).value_or(pool.where),
      fmt::format("{} must not be less than backoff.initial; it is 30s unless it is given",
                  name_of(pool, "backoff.max")));
}

void check_memory(const Pool& pool, Reader& reader) {
  const auto &recycled = pool.max_memory_bytes, &high = pool.limits.memory_high_bytes,
             &max = pool.limits.memory_max_bytes;
  const auto check = [&](const auto& less, const char* lesser, const auto& more,
                         const char* greater) {
    if (!less || !more || *less <= *more || !are_sound(reader, pool, lesser, greater)) return;
    const auto name = name_of(pool, lesser);
    reader.fault(reader.place_of(name).value_or(pool.where),
                 fmt::format("{} must not be more than {}", name, greater));
  };
  check(high, "limits.memory-high", max, "limits.memory-max");
  check(recycled, "max-memory", max, "limits.memory-max");
  check(recycled, "max-memory", high, "limits.memory-high");
}

void check_readiness(const Pool& pool, Reader& reader) {
  if (pool.readiness == Readiness::exec || pool.ready_after == Microseconds{} ||
      !are_sound(reader, pool, "readiness", "ready-after"))
    return;
  const auto name = name_of(pool, "ready-after");
  reader.fault(reader.place_of(name).value_or(pool.where),
               fmt::format("{} is for readiness = \"exec\": with \"notify\" a worker says itself "
                           "when it is ready",
                           name));
}

// The names that pools wait for, of those that there are.
using Waits = std::map<std::string, std::vector<Named>>;

Waits check_names(const std::vector<Pool>& pools, Reader& reader) {
  Waits waits;
  for (const auto& pool : pools)
    waits[pool.name];
  for (const auto& pool : pools) {
    std::set<std::string> seen;
    for (const auto& other : pool.after) {
      const auto name = name_of(pool, "after");
      if (!waits.contains(other.name))
        reader.fault(other.where, fmt::format("{}: there is no pool {}", name, other.name));
      else if (!seen.insert(other.name).second)
        reader.fault(other.where, fmt::format("{}: {} stands there twice", name, other.name));
      else
        waits[pool.name].push_back(other);
    }
  }
  return waits;
}

// Takes away, again and again, what waits for none: what remains waits for a circle, or is in one.
void take_those_that_can_start(Waits& waits) {
  for (bool taken = true; taken;) {
    taken = false;
    for (auto each = waits.begin(); each != waits.end();) {
      auto& others = each->second;
      std::erase_if(others, [&](const Named& other) { return !waits.contains(other.name); });
      taken |= others.empty();
      each = others.empty() ? waits.erase(each) : std::next(each);
    }
  }
}

void check_circles(Waits waits, Reader& reader) {
  for (take_those_that_can_start(waits); !waits.empty(); take_those_that_can_start(waits)) {
    std::vector<Named> way{{waits.begin()->first, {}}};
    std::set<std::string> seen;
    while (seen.insert(way.back().name).second)
      way.push_back(waits.at(way.back().name).front());
    // Whatever led there is not in the circle.
    const auto begin = std::find_if(way.begin(), way.end(),
                                    [&](const auto& each) { return each.name == way.back().name; });
    std::string circle = begin->name;
    for (auto each = begin + 1; each != way.end(); ++each)
      circle += " after " + each->name;
    reader.fault((begin + 1)->where,
                 fmt::format("pool {}: after goes in a circle: {}", begin->name, circle));
    for (auto each = begin; each + 1 != way.end(); ++each)
      waits.erase(each->name);
  }
}

}  // namespace

void check_pools(const std::vector<Pool>& pools, Reader& reader) {
  for (const auto& pool : pools) {
    check_command(pool, reader);
    check_backoff(pool, reader);
    check_memory(pool, reader);
    check_readiness(pool, reader);
  }
  check_circles(check_names(pools, reader), reader);
}

}  // namespace reeve::config
