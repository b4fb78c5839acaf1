// What the supervisor writes down beside the registry's records, as notes on the same cgroups: with
// it, whoever serves the run next goes on where this reeved was. Read leniently, as records are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/pools.hpp"
#include "base/result.hpp"
#include "supervision/restart_schedule.hpp"
#include "supervision/slot_lifecycle.hpp"

namespace reeve::supervision {

inline constexpr const char* pools_note = "pools";  // on the run
inline constexpr const char* slot_note = "slot";    // on each worker
inline constexpr const char* exits_note = "exits";  // on each worker that is not its slot's first

// A change that was stopped by the first slot that failed.
struct Halt {
  std::int64_t slot = 0;
  std::string reason;
};

struct PoolNote {
  std::string pool;
  std::int64_t size = 0;
  std::int64_t configured_size = 0;
  std::int64_t filled = 0;      // see convergence.hpp
  std::int64_t generation = 1;  // of what its workers are to be; older ones are replaced
  std::string settings;         // a hash of what a worker is started with
  std::optional<std::int64_t> changing;
  std::optional<Halt> halt;
};

struct PoolsNote {
  std::int64_t v = 1;
  std::vector<PoolNote> pools;
};

// Of a slot, on the worker that it was filled with last.
struct SlotNote {
  std::int64_t generation = 0;
  SlotPhase phase = SlotPhase::starting;  // that of a slot with a worker
  StartHistory history;
  std::int64_t restarts = 0;
};

// How those ended that were in the slot before, the first one first.
inline constexpr std::size_t kept_exits = 5;
struct ExitsNote {
  std::vector<EndedWorker> exits;
};

std::string written(const PoolsNote& note);
std::string written(const SlotNote& note);
std::string written(const ExitsNote& note);
// EBADMSG for what is no such note.
Result<PoolsNote> read_pools_note(const std::string& text);
Result<SlotNote> read_slot_note(const std::string& text);
Result<ExitsNote> read_exits_note(const std::string& text);

constexpr auto describe(schema::Of<Halt>) {
  using schema::member;
  return schema::members(member<&Halt::slot>("slot"), member<&Halt::reason>("reason"));
}

constexpr auto describe(schema::Of<PoolNote>) {
  using schema::member;
  return schema::members(
      member<&PoolNote::pool>("pool"), member<&PoolNote::size>("size"),
      member<&PoolNote::configured_size>("configuredSize"), member<&PoolNote::filled>("filled"),
      member<&PoolNote::generation>("generation"), member<&PoolNote::settings>("settings"),
      member<&PoolNote::changing>("changing"), member<&PoolNote::halt>("halt"));
}

constexpr auto describe(schema::Of<PoolsNote>) {
  using schema::member;
  return schema::members(member<&PoolsNote::v>("v"), member<&PoolsNote::pools>("pools"));
}

constexpr auto describe(schema::Of<SlotNote>) {
  using schema::member;
  return schema::members(member<&SlotNote::generation>("generation"),
                         member<&SlotNote::phase>("phase"), member<&SlotNote::history>("history"),
                         member<&SlotNote::restarts>("restarts"));
}

constexpr auto describe(schema::Of<ExitsNote>) {
  using schema::member;
  return schema::members(member<&ExitsNote::exits>("exits"));
}

}  // namespace reeve::supervision
