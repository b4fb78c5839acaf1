// What reeved asks its spawner for: to start a program, and, as its parent, to reap it. An order is
// one datagram on a socket between the two: an OrderHead, with descriptors in the order of
// OrderDescriptor. The program itself is described in a memfd, as JSON, so that its size does not
// matter.
//
// The spawner may be of an older version than reeved: an upgrade leaves reeve-holder as it runs,
// for all runs end with its unit. So nothing here is ever changed, only added to:
// - A new member of Program is optional, and left out unless a call asks for it. A spawner that
// does
//   not know it refuses such an order, and only such a one.
// - An order of a new kind, or with other descriptors, is answered with -EBADMSG by a spawner that
//   does not know it; reeved says so, or does without.
// - The structures that are sent as they are in memory keep their layout, and a Step its number: a
//   new one comes last.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "schema/type.hpp"

namespace reeve::spawn {

struct Credentials {
  std::int64_t user = 0;
  std::int64_t group = 0;
  std::vector<std::int64_t> groups;

  friend constexpr auto describe(schema::Of<Credentials>) {
    using schema::member;
    return schema::members(member<&Credentials::user>("user"), member<&Credentials::group>("group"),
                           member<&Credentials::groups>("groups"));
  }
};

struct Program {
  std::vector<std::string> command;  // the first is searched for in $PATH unless it has a slash
  schema::StringMap environment;     // all of it
  std::optional<std::string> working_directory;  // the root directory, otherwise
  // Looked up among the host's users, by name or number; comes before `credentials`.
  std::optional<std::string> user;
  std::optional<Credentials> credentials;  // reeved's own, otherwise
  // Names or numbers; in place of, and besides, those that the user has.
  std::optional<std::string> group;
  std::optional<std::vector<std::string>> supplementary_groups;
  std::optional<std::int64_t> file_mode_mask;  // 022, otherwise
  std::optional<std::int64_t> nice;
  std::optional<std::int64_t> out_of_memory_score_adjust;
  std::optional<schema::StringMap> resource_limits;  // see resource_limits.hpp
  // Root asks: `nice` and `resource_limits` are set with its rights, and otherwise with the user's.
  std::optional<bool> has_roots_rights;

  friend constexpr auto describe(schema::Of<Program>) {
    using schema::member;
    return schema::members(
        member<&Program::command>("command"), member<&Program::environment>("environment"),
        member<&Program::working_directory>("workingDirectory"), member<&Program::user>("user"),
        member<&Program::credentials>("credentials"), member<&Program::group>("group"),
        member<&Program::supplementary_groups>("supplementaryGroups"),
        member<&Program::file_mode_mask>("umask"), member<&Program::nice>("nice"),
        member<&Program::out_of_memory_score_adjust>("oomScoreAdjust"),
        member<&Program::resource_limits>("resourceLimits"),
        member<&Program::has_roots_rights>("hasRootsRights"));
  }
};

// What every worker finds in its environment, besides a PATH.
struct Introduction {
  std::string run_id;
  std::string worker;
  std::string socket;  // of reeved; empty if it is not told
};
inline void introduce(Program& program, const Introduction& introduction) {
  auto& environment = program.environment;
  environment.emplace("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  environment["REEVE_RUN_ID"] = introduction.run_id;
  environment["REEVE_WORKER"] = introduction.worker;
  if (!introduction.socket.empty()) environment["REEVE_SOCKET"] = introduction.socket;
}

// What did not succeed, as SpawnFailed tells it.
enum class Step {
  clone,
  order,
  streams,
  user,
  groups,
  working_directory,
  execute,
  resource_limits,
  nice,
  out_of_memory_score_adjust,
};
constexpr auto describe(schema::Of<Step>) {
  return schema::enumeration("", "", "clone", "order", "streams", "user", "groups",
                             "workingDirectory", "execute", "resourceLimits", "nice",
                             "oomScoreAdjust");
}

struct SpawnFailure {
  Step step = Step::clone;
  int number = 0;  // errno
};

// `hand`: for a process that starts programs faster. The answer has the socket that leads to it.
enum class OrderKind : std::uint64_t { start, reap, hand };
struct OrderHead {
  std::uint64_t number = 0;
  OrderKind kind = OrderKind::start;
};
// Of an order to start; one to reap has the pidfd of a child of the spawner, which is dead.
enum OrderDescriptor { of_program, of_control_group, of_report, of_input, of_output, of_error };
inline constexpr std::size_t descriptors_of_an_order = 6;

// The spawner's answer, with the pidfd of what it has cloned.
struct OrderAnswer {
  std::uint64_t number = 0;      // of the order
  std::int32_t result = 0;       // -errno if it could not be done
  std::int32_t wait_status = 0;  // of what was reaped
};

// An order to a hand is one datagram: its number, and the Program as JSON, with descriptors in this
// order.
enum HandDescriptor { hand_control_group, hand_input, hand_output, hand_error };
inline constexpr std::size_t descriptors_of_a_hand = 4;
inline constexpr std::size_t longest_hand_order = 65536;

// Its answer, when the program is executed or cannot be; with the pidfd of what it has cloned.
struct HandAnswer {
  std::uint64_t number = 0;
  std::int32_t result = 0;      // -errno if nothing was cloned
  std::int32_t has_failed = 0;  // then `failure` says what; what was cloned has ended
  SpawnFailure failure;
};

static_assert(sizeof(HandAnswer) == 24);
static_assert(sizeof(SpawnFailure) == 8 && sizeof(OrderHead) == 16 && sizeof(OrderAnswer) == 16);

}  // namespace reeve::spawn
