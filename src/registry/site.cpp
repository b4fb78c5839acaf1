#include "registry/site.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/log.hpp"
#include "cgroup/limits.hpp"
#include "registry/names.hpp"

namespace reeve::registry {

namespace {

constexpr unsigned creation_attempts = 100;
constexpr Microseconds creation_retry{10'000};
constexpr const char* note_of_entry = "entry";

bool is_absent(const Error& error) {
  return error.number == ENOENT || error.number == ENODEV;
}

}  // namespace

bool places_well(const RunRecord& record, const std::string& name) {
  const auto& path = record.control_group;
  return !path || (path->starts_with('/') && path->ends_with("/" + name) &&
                   path->find("/..") == std::string::npos);
}

Result<Site> Site::find(const cgroup::Mount& mount, cgroup::Directory entry,
                        const RunRecord& record) {
  Site site;
  site.entry = std::move(entry);
  if (!record.control_group) {
    site.tree = site.entry;
    return site;
  }
  const std::string& path = *record.control_group;
  const auto name = site.entry.path().substr(site.entry.path().rfind('/') + 1);
  if (!places_well(record, name)) return Error{EBADMSG, site.entry.path(), "find the tree of"};
  const auto parent = path.substr(0, path.size() - name.size() - 1);
  auto place = cgroup::Directory::open(mount.point, parent);
  if (!place && is_absent(place.error())) return site;
  if (!place) return place.error();
  if (record.control_group_id) {
    auto tree = place->open_child(name);
    if (!tree && is_absent(tree.error())) return site;
    if (!tree) return tree.error();
    const auto notes = tree->notes();
    if (!notes) return notes.error();
    const auto noted = notes->find(note_of_entry);
    if (tree->id() != static_cast<std::uint64_t>(*record.control_group_id) ||
        noted == notes->end() || noted->second != site.entry.path())
      return site;
    site.tree = std::move(*tree);
  }
  site.place = std::move(*place);
  return site;
}

Result<std::optional<std::string>> run_at(const cgroup::Directory& root, std::string_view path) {
  if (auto id = run_id_in_path(path, root.path())) return id;
  // Placed elsewhere, its tree has the name of its entry.
  for (std::size_t begin = 1; begin < path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const std::string name(path.substr(begin, end - begin));
    begin = end + 1;
    auto id = run_id_of(name);
    if (!id) continue;
    const auto entry = root.open_child(name);
    if (!entry && is_absent(entry.error())) continue;
    if (!entry) return entry.error();
    const auto text = entry->record();
    if (!text && !is_absent(text.error()) && !text.error_is(ENODATA)) return text.error();
    const auto record = text.ok() ? read_run_record(*text) : Result<RunRecord>(text.error());
    if (record.ok() && record->control_group == path.substr(0, end)) return id;
  }
  return std::optional<std::string>();
}

bool is_placed_tree(const cgroup::Directory& directory) {
  const auto notes = directory.notes();
  return notes.ok() && notes->contains(note_of_entry);
}

// ---- making

Founding::Founding(const Surroundings& surroundings, std::string name,
                   std::optional<cgroup::Directory> place, Site& site, WriteRecord write_record,
                   Handler handler)
    : surroundings_(surroundings),
      name_(std::move(name)),
      place_(std::move(place)),
      site_(site),
      write_record_(std::move(write_record)),
      handler_(std::move(handler)) {
  make_entry(1);
}

void Founding::make_entry(unsigned attempt) {
  operation_ = surroundings_.loop.make_directory(
      surroundings_.root.shared_descriptor(), name_,
      [this, attempt](int result) { entry_made(result, attempt); });
}

void Founding::entry_made(int result, unsigned attempt) {
  // Until it is locked, another daemon on the same root takes it for one that a crash left.
  const bool being_removed = result == -EEXIST && attempt > 1;
  const auto opened = result < 0
                          ? Status(Error{-result, surroundings_.root.path_of(name_), "make cgroup"})
                          : open_and_lock();
  if ((being_removed || opened.error_is(EWOULDBLOCK) || opened.error_is(ENOENT)) &&
      attempt < creation_attempts) {
    soon_ = surroundings_.loop.after(creation_retry, [this, attempt] { make_entry(attempt + 1); });
    return;
  }
  if (!opened.ok()) return undo(opened);
  if (place_) return make_tree();
  site_.tree = site_.entry;
  enable_controllers_in_tree(surroundings_.controllers);
}

Status Founding::open_and_lock() {
  auto entry = surroundings_.root.open_child(name_);
  if (!entry) return entry.error();
  if (auto locked = entry->lock(); !locked) return locked;
  if (!entry->is_still_in(surroundings_.root, name_))
    return Error{ENOENT, entry->path(), "open the new cgroup"};
  site_.entry = std::move(*entry);
  return Done{};
}

void Founding::make_tree() {
  site_.place = place_;
  if (const auto written = write_record_(RunPhase::opening); !written) return undo(written);
  operation_ =
      surroundings_.loop.make_directory(place_->shared_descriptor(), name_, [this](int result) {
        const auto made = tree_made(result);
        made.ok() ? enable_controllers_in_place() : undo(made);
      });
}

Status Founding::tree_made(int result) {
  if (result < 0) {
    site_.place.reset();  // whatever is there under this name is not ours
    return Error{-result, place_->path_of(name_), "make cgroup"};
  }
  auto tree = place_->open_child(name_);
  if (!tree) return tree.error();
  // A daemon whose root this place is would take it for a run of its own that a crash cut short.
  if (auto noted = tree->write_note(note_of_entry, site_.entry.path()); !noted) return noted;
  if (auto shown = tree->copy_mode_of(surroundings_.root); !shown) return shown;
  site_.tree = std::move(*tree);
  return Done{};
}

// As far as can be: a place that holds processes itself, as that of a unit without
// DelegateSubgroup= does, cannot have controllers enabled for those below it.
void Founding::enable_controllers_in_place() {
  const auto wanted = cgroup::controllers_to_enable(*place_);
  const bool missing = !wanted.empty() && wanted != cgroup::controllers_enabled(*place_);
  auto file = missing ? place_->open_file("cgroup.subtree_control", O_WRONLY)
                      : Result<FileDescriptor>(Error{});
  if (!file) return enable_controllers_in_tree(cgroup::controllers_enabled(*place_));
  operation_ = surroundings_.loop.write(std::move(*file), wanted, [this](int) {
    enable_controllers_in_tree(cgroup::controllers_enabled(*place_));
  });
}

void Founding::enable_controllers_in_tree(const std::string& controllers) {
  if (controllers.empty()) return finish(write_record_(RunPhase::open));
  auto file = site_.tree.open_file("cgroup.subtree_control", O_WRONLY);
  if (!file) return undo(file.error());
  operation_ = surroundings_.loop.write(std::move(*file), controllers, [this](int result) {
    if (result < 0) return undo(Error{-result, site_.tree.path(), "enable controllers in"});
    finish(write_record_(RunPhase::open));
  });
}

void Founding::undo(const Status& status) {
  if (!site_.entry) {
    soon_ = surroundings_.loop.after(Microseconds{0}, [this, status] { tell(status); });
    return;
  }
  undoing_ = std::make_unique<Clearing>(surroundings_.loop, surroundings_.root, name_, site_,
                                        [this, status](int) { tell(status); });
}

void Founding::finish(const Status& status) {
  status.ok() ? tell(status) : undo(status);
}

void Founding::tell(const Status& status) {
  const auto handler = std::move(handler_);
  handler(status);  // may destroy this
}

// ---- removing

Clearing::Clearing(loop::Loop& loop, const cgroup::Directory& root, std::string name, Site site,
                   Handler handler)
    : loop_(loop),
      root_(root),
      name_(std::move(name)),
      site_(std::move(site)),
      handler_(std::move(handler)) {
  if (!site_.place)
    remove_entry();
  else if (site_.tree)
    remove_tree();
  else
    remove_half_made_tree();
}

void Clearing::remove_half_made_tree() {
  operation_ = loop_.remove_directory(site_.place->shared_descriptor(), name_, [this](int result) {
    if (result < 0 && result != -ENOENT)
      log::warning("cgroup {} is not proven to be the run's: {}; left alone",
                   site_.place->path_of(name_), errno_name(-result));
    remove_entry();
  });
}

void Clearing::remove_tree() {
  const auto present = site_.place->open_child(name_);
  const bool is_gone = present.ok() ? present->id() != site_.tree.id() : is_absent(present.error());
  if (is_gone) return remove_entry();
  if (!present) {
    soon_ = loop_.after(Microseconds{0}, [this] { tell(-EBUSY); });
    return;
  }
  removal_ = std::make_unique<Removal>(loop_, *site_.place, name_, [this](int result) {
    if (result == -EBUSY || result == -ENOTEMPTY) return tell(result);
    if (result < 0)
      log::warning("cannot remove cgroup {}: {}; remove it by hand", site_.tree.path(),
                   errno_name(-result));
    remove_entry();
  });
}

void Clearing::remove_entry() {
  removal_ = std::make_unique<Removal>(loop_, root_, name_, [this](int result) { tell(result); });
}

void Clearing::tell(int result) {
  const auto handler = std::move(handler_);
  handler(result);  // may destroy this
}

}  // namespace reeve::registry
