// What all objects of the registry share, and outlives them.
#pragma once

#include <functional>
#include <map>

#include "api/failure.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "loop/loop.hpp"
#include "registry/event_log.hpp"
#include "spawn/spawner.hpp"

namespace reeve::registry {

struct Totals {
  std::int64_t activated = 0;
  std::int64_t exited = 0;
  std::int64_t orphans_killed = 0;
};

struct Surroundings {
  loop::Loop& loop;
  spawn::Spawner& spawner;
  const cgroup::Mount& mount;
  const cgroup::Directory& root;
  EventLog& events;
  Totals& totals;
  // What a run's cgroup.subtree_control gets: see cgroup/limits.hpp.
  std::string controllers;
  // Told of each worker that leaves the listings before its run does.
  std::function<void(const std::string& run, const std::string& worker)> unlisted;
  // Called before a death is acted upon: what the dead has said last may be unheard.
  std::function<void()> before_death;
};

// What another room keeps beside a record: see cgroup::Directory::write_note().
using Notes = std::map<std::string, std::string>;

template <class T>
using Answer = std::function<void(api::Outcome<T>)>;

// Callers that wait for the same thing, each of which may lose interest before.
template <class T>
class Waiters {
 public:
  using Token = std::uint64_t;
  Token add(Answer<T> answer) {
    waiting_.emplace(++last_, std::move(answer));
    return last_;
  }
  void remove(Token token) { waiting_.erase(token); }
  // Everybody waiting now; an answer may lead to new waiters, who wait for the next time.
  void answer(const api::Outcome<T>& outcome) {
    const auto waiting = std::exchange(waiting_, {});
    for (const auto& [token, answer] : waiting)
      answer(outcome);
  }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }

 private:
  std::map<Token, Answer<T>> waiting_;
  Token last_ = 0;
};

}  // namespace reeve::registry
