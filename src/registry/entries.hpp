// Reads every record below the root from the kernel, a slice at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "loop/loop.hpp"
#include "reeve/types.hpp"

namespace reeve::registry {

class EntryWalk {
 public:
  using Handler = std::function<void(std::vector<Entry>)>;

  // `mount` and `root` outlive this object. The handler is called once, from the loop, and may
  // destroy it.
  EntryWalk(loop::Loop& loop, const cgroup::Mount& mount, const cgroup::Directory& root,
            Handler handler);

  // How many there are, without reading them.
  static std::int64_t count(const cgroup::Mount& mount, const cgroup::Directory& root);

 private:
  void advance();
  void begin_run();
  void read_worker(const std::string& directory);

  loop::Loop& loop_;
  const cgroup::Mount& mount_;
  const cgroup::Directory& root_;
  Handler handler_;
  std::vector<std::string> runs_;     // directories still to be read
  std::vector<std::string> workers_;  // of the present run, likewise
  cgroup::Directory run_;
  std::string run_id_;
  bool run_is_alive_ = false;
  std::vector<Entry> entries_;
  loop::Timer soon_;
};

}  // namespace reeve::registry
