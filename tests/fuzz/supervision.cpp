// What a worker says of itself, and what an earlier reeved has written down of pools, whatever it
// is: what is taken of it is within its bounds, and written down again it is the same.
#include "base/quantities.hpp"
#include "base/text.hpp"
#include "fuzz.hpp"
#include "supervision/notes.hpp"
#include "supervision/notification.hpp"

namespace reeve::fuzz {
namespace {

using namespace supervision;

void is_within_bounds(const std::optional<Microseconds>& duration) {
  require(!duration || (duration->count() > 0 && *duration <= longest_duration),
          "a duration is one");
}

void is_heard(std::string_view text) {
  const auto said = parse_notification(text);
  is_within_bounds(said.watchdog_interval);
  is_within_bounds(said.more_time);
  require(!said.main_process || *said.main_process > 0, "a process is one");
  require(!said.status || (said.status->size() <= longest_status && is_utf8(*said.status) &&
                           is_printable(*said.status)),
          "a status can be shown");
}

void is_read(const std::string& text) {
  if (const auto pools = read_pools_note(text)) {
    for (const auto& pool : pools->pools)
      require(pool.filled >= 0 && pool.filled <= pool.size && pool.size <= 4096,
              "a pool has a size that it can have");
    const auto once = written(*pools);
    const auto again = read_pools_note(once);
    require(again.ok() && written(*again) == once, "the note on pools is read as it was written");
  }
  if (const auto slot = read_slot_note(text)) {
    require(has_worker(slot->phase), "a slot of which there is a note has a worker");
    const auto once = written(*slot);
    const auto again = read_slot_note(once);
    require(again.ok() && written(*again) == once, "the note on a slot is read as it was written");
  }
  if (const auto exits = read_exits_note(text)) {
    require(exits->exits.size() <= kept_exits, "no more exits are kept than are shown");
    const auto once = written(*exits);
    const auto again = read_exits_note(once);
    require(again.ok() && written(*again) == once, "the note on exits is read as it was written");
  }
}

}  // namespace
}  // namespace reeve::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = reeve::fuzz::text_of(data, size);
  reeve::fuzz::is_heard(text);
  reeve::fuzz::is_read(std::string(text));
  return 0;
}
