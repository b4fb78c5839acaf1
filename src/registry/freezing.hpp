// Freezes and thaws everything in a worker's cgroup. The one place that writes cgroup.freeze
// (Linux 5.2; cgroup-v2.rst, "Core Interface Files").
//
// The write takes cgroup_mutex and can wait for anybody's move, so it is an operation of the loop.
// It returns before the processes stand still; that they do is what cgroup.events says, and its
// change is awaited through POLLPRI. A process frozen this way can still be killed.
#pragma once

#include <functional>
#include <vector>

#include "cgroup/directory.hpp"
#include "loop/loop.hpp"
#include "registry/surroundings.hpp"

namespace reeve::registry {

class Freezing {
 public:
  enum class State { thawed, frozen };
  using Open = std::function<Result<cgroup::Directory>()>;

  // The cgroup is opened while there is something to do: a frozen worker costs no descriptor.
  Freezing(loop::Loop& loop, Open open) : loop_(loop), open_(std::move(open)) {}

  // The last wish counts: one that is overtaken by its opposite fails with ECANCELED. An answer may
  // come when this object is no more.
  void want(State state, Answer<Done> answer);
  [[nodiscard]] bool wants_frozen() const { return wanted_ == State::frozen; }
  // To everybody who still waits.
  void give_up(const api::Failure& failure) { answer(failure); }

 private:
  void write();
  void written(int result);
  void look();
  void answer(const api::Outcome<Done>& outcome);

  loop::Loop& loop_;
  Open open_;
  State wanted_ = State::thawed;
  State writing_ = State::thawed;
  std::vector<Answer<Done>> answers_;
  FileDescriptor events_;
  loop::Operation write_;
  loop::Operation change_;
  loop::Timer soon_;
};

}  // namespace reeve::registry
