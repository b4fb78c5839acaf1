// Brings a process with its descendants into a worker's cgroup, or leaves all where they were.
//
//   1. the process and its descendants are looked at: the caller must have a right to each;
//   2. the process is moved, unless it was born inside;
//   3. every descendant that sits in no run, or in this one's `entered` cgroup, is moved;
//   4. again from 3 until nothing new appears: what a process forks after its move is inside.
//
// A descendant that is already in the cgroup of another worker stays there: it is that worker's.
// When a move fails for another reason than death, what was moved goes back where it was.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "cgroup/directory.hpp"
#include "loop/loop.hpp"
#include "process/descendants.hpp"
#include "process/process.hpp"
#include "registry/move.hpp"

namespace reeve::registry {

class Activation {
 public:
  struct Place {
    cgroup::Directory root;  // the registry's
    std::string entered;     // path of the run's cgroup for processes that entered it
  };
  // Whether the caller may have this descendant moved.
  using MayMove = std::function<bool(const process::Process&)>;
  // As Move tells it, and EPERM for a descendant that may not be moved. Called once, from the loop;
  // may destroy this object.
  using Handler = std::function<void(Status)>;

  // How the process came to be where it is: by itself, or by an activation that a crash cut short.
  enum class Beginning { fresh, resumed };

  // `process` outlives this object.
  Activation(loop::Loop& loop, const cgroup::Mount& mount, Place place, cgroup::Directory leaf,
             const process::Process& process, Beginning beginning, MayMove may_move,
             Handler handler);

 private:
  struct Moving {
    process::Process process;
    std::unique_ptr<Move> move;
    std::optional<cgroup::Directory> home;
  };

  void scan(void (Activation::*then)());
  void move_main();
  void move_descendants();
  void descendant_moved(const Status& status);
  Result<std::list<Moving>> descendants_outside();
  [[nodiscard]] bool is_left_alone(const process::Process& descendant) const;
  void move_back_next();
  void finish(Status status);

  loop::Loop& loop_;
  const cgroup::Mount& mount_;
  Place place_;
  cgroup::Directory leaf_;
  const process::Process& process_;
  MayMove may_move_;
  Handler handler_;
  std::unique_ptr<Move> main_;
  std::unique_ptr<process::DescendantScan> scan_;
  std::list<Moving> moved_;
  std::size_t pending_ = 0;
  int rounds_ = 0;
  std::optional<Error> failure_;
  std::unique_ptr<Move> move_back_;
  std::optional<cgroup::Directory> main_home_;
  loop::Timer soon_;
};

}  // namespace reeve::registry
