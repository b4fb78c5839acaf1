// Names of runs and workers, and the directories that carry them.
//
//   run-<32 hexadecimal digits>
//   worker-<escaped name>[~N]      ~N, N >= 2, while an earlier directory of that name still dies
//   worker-#<hash>[~N]             for a name too long to be a file name; the record holds it whole
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace reeve::registry {

inline constexpr std::size_t longest_name = 1024;
inline constexpr std::size_t run_id_length = 32;
inline constexpr std::string_view entered_directory = "entered";

// In a root that is held by reeve-holder(8): its own cgroup, and that of its pin. Beside them the
// service manager may have some, which begin with a dot.
inline constexpr std::string_view holder_directory = "hold";
inline constexpr std::string_view pin_directory = "pin";
constexpr bool is_holders(std::string_view directory) {
  return directory == holder_directory || directory == pin_directory || directory.starts_with('.');
}

// Why `name` cannot name a run or a worker; nothing if it can.
std::optional<std::string> objection_to_name(std::string_view name);

std::string run_directory(std::string_view run_id);
// The id in "run-<id>", or nothing for a directory that is not named so.
std::optional<std::string> run_id_of(std::string_view directory);
// The run a cgroup path lies in, given the path of the registry's root.
std::optional<std::string> run_id_in_path(std::string_view path, std::string_view root);

// `generation` counts from 1.
std::string worker_directory(std::string_view name, unsigned generation);
bool is_worker_directory(std::string_view directory);
// The worker's name, if nothing in it had to be escaped: to be looked up first.
std::string plain_name_of(std::string_view directory);

// "web@0": who is in a slot of a pool.
std::string worker_name(std::string_view pool, std::int64_t slot);
// The pool and the slot of a worker that is named so; nothing for another.
std::optional<std::pair<std::string, std::int64_t>> slot_of(std::string_view worker);

// 128 random bits.
std::string new_run_id();

}  // namespace reeve::registry
