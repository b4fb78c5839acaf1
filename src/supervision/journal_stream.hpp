// Streams that workers write to the journal by.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace reeve::supervision {

// As sd_journal_stream_fd(3), and says which unit its writers are in: journald believes that of
// root, and needs it where they have ended before it could look at their cgroup. Nothing where
// there is no journal.
FileDescriptor journal_stream(const std::string& identifier, const std::string& unit, int priority);

// systemd's unit that a cgroup belongs to, by its path; empty if to none.
std::string unit_of(std::string_view control_group);

}  // namespace reeve::supervision
