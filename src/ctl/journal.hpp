// The journal of this host, to be read.
#pragma once

#include <systemd/sd-journal.h>

#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "ctl/log_lines.hpp"

namespace reeve::ctl {

class Journal {
 public:
  // Its error says what to do about it.
  static Result<Journal, std::string> open();
  // Whether there are files that this user may not read.
  [[nodiscard]] static bool hides_some();

  // From now on only entries that `wanted` may mean by one of these fields; false if none does.
  bool narrow(const Wanted& wanted, std::span<const char* const> fields);
  void widen() { sd_journal_flush_matches(journal_.get()); }

  void seek_head() { sd_journal_seek_head(journal_.get()); }
  void seek_tail() { sd_journal_seek_tail(journal_.get()); }
  void seek(Microseconds time);
  void seek(const std::string& cursor) { sd_journal_seek_cursor(journal_.get(), cursor.c_str()); }

  // To the next or the previous entry; false if there is none.
  bool next() { return sd_journal_next(journal_.get()) > 0; }
  bool previous() { return sd_journal_previous(journal_.get()) > 0; }
  // Until something may have been written; false if that cannot be told.
  bool wait() { return sd_journal_wait(journal_.get(), UINT64_MAX) >= 0; }

  // Of the entry where it is.
  [[nodiscard]] Microseconds time() const;
  [[nodiscard]] std::string cursor() const;
  [[nodiscard]] bool is_at(const std::string& cursor) const {
    return sd_journal_test_cursor(journal_.get(), cursor.c_str()) > 0;
  }
  [[nodiscard]] JournalEntry entry() const;

 private:
  explicit Journal(sd_journal* journal) : journal_(journal, sd_journal_close) {}
  [[nodiscard]] std::string field(const char* name) const;

  std::unique_ptr<sd_journal, decltype(&sd_journal_close)> journal_;
};

}  // namespace reeve::ctl
