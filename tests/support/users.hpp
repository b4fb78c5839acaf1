// Processes of several users. Any number is a user to the kernel: none of them is in /etc/passwd.
#pragma once

#include <grp.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "support/world.hpp"

namespace reeve::test {

struct User {
  uid_t id = 0;  // its group has the same number
  std::vector<gid_t> groups = {};
};

// For good; ends the process where it cannot be.
void become_user(const User& user);

// What `body` returns, run in a process of that user.
std::string as(const User& user, const std::function<std::string()>& body);

// A sleeping process with user ids of our choice, that has taken them on.
Child sleeper_of(uid_t real, uid_t effective, uid_t saved);
inline Child sleeper_of(uid_t id) {
  return sleeper_of(id, id, id);
}

// "success", or the error's name.
template <class Output>
std::string outcome(const Answer<Output>& answer) {
  return answer ? "success" : answer.error;
}

}  // namespace reeve::test
