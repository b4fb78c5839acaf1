// Where a run is in the cgroup tree: the one place that knows.
//
//   ROOT/run-<id>     its entry: bears the record, and is locked by the daemon that serves the run
//   PLACE/run-<id>    its tree, in which its processes are
//
// For a run in the registry both are one. For a run placed in its caller's unit, PLACE is what that
// unit delegates, and the entry stays empty. It is made first and removed last, so that there is no
// tree that no record tells of. The tree may be removed, and another of its name be made, by whom
// PLACE is delegated to, or by systemd with the unit. So what proves a cgroup to be the run's is
// the kernel's number for it, which the record holds, and a note on it that names the entry. A tree
// without a recorded number was never told to anybody: recovery removes it, if it is empty, with
// its entry.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cgroup/directory.hpp"
#include "loop/loop.hpp"
#include "registry/records.hpp"
#include "registry/removal.hpp"
#include "registry/surroundings.hpp"

namespace reeve::registry {

struct Site {
  cgroup::Directory entry;
  cgroup::Directory tree;                  // none if it is gone, or was never told to anybody
  std::optional<cgroup::Directory> place;  // of a placed run, unless its tree is gone

  // Of an existing run. An error says nothing about whether the tree is there.
  static Result<Site> find(const cgroup::Mount& mount, cgroup::Directory entry,
                           const RunRecord& record);
};

// Whether the run's tree, if it is placed, is a cgroup of the name that its entry has.
bool places_well(const RunRecord& record, const std::string& name);

// The run whose tree a cgroup is in, by what stands in the kernel: also one that another daemon
// serves.
Result<std::optional<std::string>> run_at(const cgroup::Directory& root, std::string_view path);

// Whether it is the tree of a run that is placed there, kept by whatever daemon.
bool is_placed_tree(const cgroup::Directory& directory);

// Removes a site, its tree first, once nothing is left in it.
class Clearing {
 public:
  // As Removal's.
  using Handler = std::function<void(int)>;

  // `name` is that of the entry, and of the tree. `root` outlives this object.
  Clearing(loop::Loop& loop, const cgroup::Directory& root, std::string name, Site site,
           Handler handler);

 private:
  void remove_half_made_tree();
  void remove_tree();
  void remove_entry();
  void tell(int result);

  loop::Loop& loop_;
  const cgroup::Directory& root_;
  std::string name_;
  Site site_;
  Handler handler_;
  loop::Operation operation_;
  loop::Timer soon_;
  std::unique_ptr<Removal> removal_;
};

// Makes a site, and removes again what it made if it fails.
class Founding {
 public:
  using WriteRecord = std::function<Status(RunPhase phase)>;
  // Called once, from the loop; may destroy this object.
  using Handler = std::function<void(Status)>;

  // Fills `site`, which outlives this object.
  Founding(const Surroundings& surroundings, std::string name,
           std::optional<cgroup::Directory> place, Site& site, WriteRecord write_record,
           Handler handler);

 private:
  void make_entry(unsigned attempt);
  void entry_made(int result, unsigned attempt);
  Status open_and_lock();
  void make_tree();
  Status tree_made(int result);
  void enable_controllers_in_place();
  void enable_controllers_in_tree(const std::string& controllers);
  void undo(const Status& status);
  void finish(const Status& status);
  void tell(const Status& status);

  const Surroundings& surroundings_;
  std::string name_;
  std::optional<cgroup::Directory> place_;
  Site& site_;
  WriteRecord write_record_;
  Handler handler_;
  loop::Operation operation_;
  loop::Timer soon_;
  std::unique_ptr<Clearing> undoing_;
};

}  // namespace reeve::registry
