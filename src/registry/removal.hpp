// Removes an empty cgroup with all cgroups below it, deepest first, through the loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cgroup/directory.hpp"
#include "loop/loop.hpp"

namespace reeve::registry {

class Removal {
 public:
  // 0, or -errno of what stopped it: EBUSY where a process came in meanwhile. Called once, from the
  // loop; the object may be destroyed from inside it.
  using Handler = std::function<void(int)>;

  // `name` is a path below `parent`.
  Removal(loop::Loop& loop, cgroup::Directory parent, std::string name, Handler handler);

 private:
  void remove_next();

  loop::Loop& loop_;
  cgroup::Directory parent_;
  Handler handler_;
  std::vector<std::string> remaining_;  // the last one is the next
  loop::Operation operation_;
};

}  // namespace reeve::registry
