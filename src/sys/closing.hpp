// Closing what a client has had its hands on, without waiting for it.
//
// close(2) can take as long as a stranger likes: a socket lingers until its peer has read or
// SO_LINGER's seconds are over, a file system in user space is asked and need not answer. Closing a
// unix socket closes, in the same way, the descriptors that still wait in it. So only what is known
// to be harmless is closed at once; anything else is closed by a thread, one for each user, for as
// long as it takes: nobody but that user waits.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "base/fd.hpp"

namespace reeve::sys {

// For descriptors that came with a message.
const Closer& closer_of_passed(uid_t user);
// For the server's end of a connection; the client sees its end at once.
const Closer& closer_of_connections(uid_t user);

// How many the user's thread has yet to close.
std::size_t unclosed_of(uid_t user);

}  // namespace reeve::sys
