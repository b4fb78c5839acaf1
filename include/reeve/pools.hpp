// The interface io.reeve.Pools: its types, methods and errors. How methods are called: client.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reeve/types.hpp"

namespace reeve {

enum class SlotState { empty, starting, ready, stopping, replacing, waiting, held, finished };

struct Slot {
  std::string worker;
  std::int64_t slot = 0;
  SlotState state = SlotState::empty;
  std::optional<ProcessId> process = {};
  std::int64_t generation = 0;
  std::int64_t restarts = 0;
  std::optional<Timestamp> started_at = {};
  std::optional<Microseconds> next_start = {};
  std::optional<std::string> reason = {};
  std::optional<std::string> status_text = {};
};

// A worker of a pool that is no more.
struct EndedWorker {
  std::string worker;
  std::optional<ProcessId> process = {};
  std::optional<Timestamp> started_at = {};
  Exit exit;
  std::optional<std::string> reason = {};
  std::optional<Usage> usage = {};
  std::optional<std::string> status_text = {};
};

enum class PoolState { settled, changing, halted, waiting };

struct Pool {
  std::string pool;
  PoolState state = PoolState::settled;
  std::int64_t size = 0;
  std::int64_t configured_size = 0;
  std::int64_t ready = 0;
  std::int64_t held = 0;
  std::int64_t to_change = 0;
  std::int64_t generation = 0;
  std::int64_t restarts = 0;
  std::optional<std::string> run = {};
  std::optional<std::string> reason = {};
  std::vector<std::string> command;
};

struct ListPools {
  static constexpr std::string_view name = "ListPools";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text = "With \"more\", one pool in each reply.";
  struct Input {};
  struct Output {
    std::vector<Pool> pools;
  };
};

struct GetPool {
  static constexpr std::string_view name = "GetPool";
  static constexpr bool changes_nothing = true;
  static constexpr std::string_view text =
      "A pool, what is in each of its slots, and how its workers ended last: the latest\n"
      "first, five of a slot and 100 in all at most.";
  struct Input {
    std::string pool;
  };
  struct Output {
    Pool pool;
    std::vector<Slot> slots;
    std::vector<EndedWorker> exits;
  };
};

struct WatchPools {
  static constexpr std::string_view name = "WatchPools";
  static constexpr bool changes_nothing = true;
  static constexpr bool requires_more = true;
  static constexpr std::string_view text =
      "Requires \"more\". All pools, and then, until the caller goes, each that has changed;\n"
      "one that is not configured any more for the last time when it is empty.";
  struct Input {};
  struct Output {
    std::vector<Pool> pools;
  };
};

struct ScalePool {
  static constexpr std::string_view name = "ScalePool";
  static constexpr std::string_view text =
      "Makes a pool larger or smaller, one slot after the other, until the configuration\n"
      "says another size. Replies once that is written down; with \"more\" again and again,\n"
      "the last time when it is done, or with PoolHalted.";
  struct Input {
    std::string pool;
    std::int64_t size = 0;
  };
  struct Output {
    Pool pool;
  };
};

struct RestartPool {
  static constexpr std::string_view name = "RestartPool";
  static constexpr std::string_view text =
      "Replaces every worker, one after the other, each once the one before is ready; held\n"
      "slots are filled again. Replies as ScalePool does.";
  struct Input {
    std::string pool;
  };
  struct Output {
    Pool pool;
  };
};

struct NoSuchPool {
  static constexpr std::string_view error = "NoSuchPool";
  std::string pool;
};

struct PoolHalted {
  static constexpr std::string_view error = "PoolHalted";
  std::string pool;
  std::string worker;
  std::string reason;
};

}  // namespace reeve
