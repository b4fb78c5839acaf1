// Whom a program is executed as.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "spawn/order.hpp"

namespace reeve::spawn {

struct Account {
  uid_t user;
  gid_t group;
  std::optional<std::vector<gid_t>> groups;  // those of who starts it, otherwise
};

// Of a program that names one, looked up among the host's users, which may take its time; that
// user's variables are added to the program's environment. Nothing where who starts it stays.
Result<std::optional<Account>, SpawnFailure> account_of(Program& program);

// By system calls alone, for a process that shares its memory with who has made it.
std::optional<SpawnFailure> take(const Account& account);

}  // namespace reeve::spawn
