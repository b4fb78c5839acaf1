#include "supervision/notes.hpp"

#include <algorithm>

#include "config/pools.hpp"
#include "json/stored.hpp"

namespace reeve::supervision {

namespace {

// Whoever wrote it: numbers are what a pool can have.
void bound(std::int64_t& number) {
  number = std::clamp<std::int64_t>(number, 0, config::largest_pool);
}

}  // namespace

std::string written(const PoolsNote& note) {
  return json::encoded(note);
}

std::string written(const SlotNote& note) {
  return json::encoded(note);
}

std::string written(const ExitsNote& note) {
  return json::encoded(note);
}

Result<PoolsNote> read_pools_note(const std::string& text) {
  auto note = json::stored<PoolsNote>(text);
  if (!note) return note;
  for (auto& pool : note->pools) {
    bound(pool.size);
    bound(pool.filled);
    pool.filled = std::min(pool.filled, pool.size);
    if (pool.changing) bound(*pool.changing);
  }
  return note;
}

Result<SlotNote> read_slot_note(const std::string& text) {
  auto note = json::stored<SlotNote>(text);
  if (note.ok() && !has_worker(note->phase)) note->phase = SlotPhase::ready;
  return note;
}

Result<ExitsNote> read_exits_note(const std::string& text) {
  auto note = json::stored<ExitsNote>(text);
  if (note.ok() && note->exits.size() > kept_exits)
    note->exits.erase(note->exits.begin(), note->exits.end() - kept_exits);
  return note;
}

}  // namespace reeve::supervision
