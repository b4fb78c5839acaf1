// The directories of a run's workers: which names of directories are taken, and those that are made
// ahead of their time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "cgroup/directory.hpp"
#include "loop/loop.hpp"

namespace reeve::registry {

// Thread: the loop's.
class WorkerDirectories {
 public:
  explicit WorkerDirectories(loop::Loop& loop) : loop_(loop) {}

  // A directory for a worker of that name that nobody had yet, for the next attempt to make one.
  std::string claim(const std::string& worker);
  // That of a worker that is there already.
  void take_over(const std::string& directory) { claimed_.insert(directory); }
  void release(const std::string& directory) { claimed_.erase(directory); }

  // Makes the directory for the next worker of that name ahead of its time: it takes as long as a
  // clone(2). What a crash leaves of it is a directory without a record, as of any that is being
  // made.
  void prepare(const cgroup::Directory& run, const std::string& worker);
  // That there will be none, for now.
  void drop_prepared(const std::string& worker);
  [[nodiscard]] std::optional<std::string> take_prepared(const std::string& worker);

 private:
  struct Preparation {
    SharedDescriptor run = {};
    std::string directory = {};
    bool is_wanted = true;
    bool is_made = false;
    loop::Operation making = {};
  };

  loop::Loop& loop_;
  std::set<std::string> claimed_;
  std::map<std::string, Preparation> prepared_;
};

}  // namespace reeve::registry
