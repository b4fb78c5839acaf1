// Whose an entry of the journal is, and how it is shown.
//
// Of all that an entry says only what journald found out itself is believed:
// systemd.journal-fields(7) marks it with an underscore. _SYSTEMD_CGROUP names run and worker.
// journald reads it from /proc when it receives the entry; of a process that is gone by then it
// knows the pid, the user and the unit that was named when the stream was opened, which only root
// may do, as reeved does for workers of pools. Without that the identifier is anybody's word. What
// reeved says of a worker itself is told from what others say by its program and user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "schema/type.hpp"

namespace reeve::ctl {

// The fields of an entry that matter here.
struct JournalEntry {
  Microseconds time{};
  std::string message = {};
  std::string identifier = {};                   // SYSLOG_IDENTIFIER
  std::string control_group = {};                // _SYSTEMD_CGROUP
  std::string unit = {};                         // _SYSTEMD_UNIT
  std::string program = {};                      // _COMM
  std::string run = {}, worker = {}, pool = {};  // REEVE_RUN, REEVE_WORKER, REEVE_POOL
  std::optional<std::int64_t> pid = {}, user = {}, priority = {};
};

struct LogLine {
  Microseconds time{};
  std::optional<std::string> run = {};  // absent if that is not known
  std::optional<std::string> pool = {};
  std::optional<std::string> worker = {};
  std::optional<std::int64_t> pid = {};
  std::optional<std::int64_t> priority = {};
  bool by_reeved = false;
  bool proven = true;  // to be of that worker
  std::string message = {};

  friend constexpr auto describe(schema::Of<LogLine>) {
    using schema::member;
    return schema::members(member<&LogLine::time>("time"), member<&LogLine::run>("run"),
                           member<&LogLine::pool>("pool"), member<&LogLine::worker>("worker"),
                           member<&LogLine::pid>("pid"), member<&LogLine::priority>("priority"),
                           member<&LogLine::by_reeved>("byReeved"),
                           member<&LogLine::proven>("proven"),
                           member<&LogLine::message>("message"));
  }
};

// A worker, or the workers of a pool, of any run or of one.
struct Wanted {
  std::string name;                     // of the worker, or of the pool
  std::optional<std::string> run = {};  // a prefix of its id
  uid_t reader = 0;

  // Whether an entry whose field is this may be meant: for a search by the journal's index.
  [[nodiscard]] bool may_be(std::string_view field, std::string_view value) const;
  // What is to be shown of an entry; nothing if it is not meant.
  [[nodiscard]] std::optional<LogLine> line_of(const JournalEntry& entry) const;

 private:
  [[nodiscard]] bool names(std::string_view worker) const;
  [[nodiscard]] bool is_of_the_run(std::string_view id) const;
};

enum class LogFormat { brief, text };
// Without a newline at its end; what would act on a terminal is escaped, but for LogFormat::text.
std::string shown(const LogLine& line, LogFormat format);

// A time of day or a date, as in "2026-11-23 08:00", "08:00", "today" or "yesterday", or how long
// ago: "10min". Nothing for what is none.
std::optional<Microseconds> parse_moment(const std::string& text, Microseconds now);

}  // namespace reeve::ctl
