// What [pool.NAME] says: see reeve.toml(5).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/named.hpp"
#include "reeve/types.hpp"

namespace reeve::config {

// Of slots.
inline constexpr std::int64_t largest_pool = 4096;

enum class Restart { no, on_failure, always };
enum class Readiness { exec, notify };

// How long after an exit a slot is filled again; longer after each that follows soon.
struct Backoff {
  Microseconds initial{100'000};
  Microseconds max{30'000'000};
  double factor = 2;
  double jitter = 0.1;  // a part of the time itself, either way
};

// After so many starts within the interval a slot is held: it is not filled again by itself.
struct StartLimit {
  std::int64_t burst = 5;
  Microseconds interval{10'000'000};
};

// Where a worker's output goes, or where its input comes from.
struct Stream {
  enum class Kind { null, journal, inherit, file } kind = Kind::null;
  std::string path = {};  // of a file, absolute
};

struct Pool {
  std::string name;   // [A-Za-z0-9][A-Za-z0-9._-]*, at most 64 bytes
  std::string where;  // of its first table: "FILE:LINE:COLUMN"
  std::vector<std::string> command;
  std::int64_t size = 1;      // 0 to 4096
  std::optional<Named> user;  // a name or a number
  std::optional<std::string> working_directory;
  Metadata environment;
  Restart restart = Restart::on_failure;
  Backoff backoff;
  StartLimit start_limit;
  std::string stop_signal = "SIGTERM";
  Microseconds stop_timeout{10'000'000};
  Readiness readiness = Readiness::exec;
  Microseconds ready_after{};  // of running, where readiness is exec
  Microseconds start_timeout{90'000'000};
  std::optional<Microseconds> watchdog;
  std::optional<Microseconds> max_lifetime;
  double recycle_jitter = 0.1;  // a part of max_lifetime by which it is shortened, at random
  std::optional<std::int64_t> max_memory_bytes;
  Limits limits;
  bool oom_group = true;  // the kernel kills all of a worker or nothing
  Stream input;
  Stream output{Stream::Kind::journal};
  Stream error{Stream::Kind::journal};
  std::vector<Named> after;  // pools that there are; no circle
};

}  // namespace reeve::config
