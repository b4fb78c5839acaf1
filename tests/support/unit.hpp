// A cgroup such as systemd makes for a unit, without systemd.
#pragma once

#include <string>

#include "support/world.hpp"

namespace reeve::test {

class Unit {
 public:
  enum class Delegate { no, yes };
  // Beside the root of the world's reeved. `name` may be a path: "user@7.service/app.service". With
  // User= what is delegated is that user's.
  Unit(const World& world, const std::string& name, Delegate delegate = Delegate::yes,
       uid_t user = 0);
  // Ends what is in it, and removes it, unless stop() did.
  ~Unit();
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  // Below the cgroup2 mount, and as a directory.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // A process of the service, in the cgroup that DelegateSubgroup=main makes.
  [[nodiscard]] Child start(const std::function<int()>& body) const;
  [[nodiscard]] Child sleeper() const;
  // What `body` returns, run in such a process.
  [[nodiscard]] std::string ask(const std::function<std::string()>& body) const;
  // As systemd does: kills everything, then removes the cgroups.
  void stop() const;

 private:
  std::string path_;
  std::string directory_;
  std::string main_;
};

// The run of this owner, as that asks for; a failure is the test's.
Run placed_run(World& world, const Child& owner, std::optional<Placement> placement);

}  // namespace reeve::test
