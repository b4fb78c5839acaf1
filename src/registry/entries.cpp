#include "registry/entries.hpp"

#include <algorithm>

#include "registry/names.hpp"
#include "registry/records.hpp"
#include "registry/site.hpp"

namespace reeve::registry {

namespace {

constexpr int entries_in_a_slice = 64;

bool is_alive(const ProcessRecord& record) {
  const auto process = process::Process::reopen(identity_of(record));
  return process.ok() && process->is_alive();
}

// In reverse, for they are taken from the end.
std::vector<std::string> sorted_children(const cgroup::Directory& directory) {
  auto children = directory.children();
  if (!children) return {};
  std::sort(children->rbegin(), children->rend());
  return std::move(*children);
}

// One that cannot be found has no entries to show.
cgroup::Directory tree_of(const cgroup::Mount& mount, const cgroup::Directory& entry,
                          const RunRecord& record) {
  const auto site = Site::find(mount, entry, record);
  return site.ok() ? site->tree : cgroup::Directory();
}

}  // namespace

EntryWalk::EntryWalk(loop::Loop& loop, const cgroup::Mount& mount, const cgroup::Directory& root,
                     Handler handler)
    : loop_(loop),
      mount_(mount),
      root_(root),
      handler_(std::move(handler)),
      runs_(sorted_children(root)) {
  soon_ = loop_.after(Microseconds{0}, [this] { advance(); });
}

void EntryWalk::advance() {
  for (int i = 0; i < entries_in_a_slice; ++i) {
    if (!workers_.empty()) {
      read_worker(workers_.back());
      workers_.pop_back();
    } else if (!runs_.empty()) {
      begin_run();
      runs_.pop_back();
    } else {
      const auto handler = std::move(handler_);
      auto entries = std::move(entries_);
      return handler(std::move(entries));  // may destroy this
    }
  }
  soon_ = loop_.after(Microseconds{0}, [this] { advance(); });
}

void EntryWalk::begin_run() {
  const auto id = run_id_of(runs_.back());
  if (!id) return;
  auto directory = root_.open_child(runs_.back());
  if (!directory) return;
  run_ = std::move(*directory);
  run_id_ = *id;
  run_is_alive_ = false;
  Entry entry;
  entry.run = *id;
  entry.control_group = run_.path();
  if (auto text = run_.record()) {
    if (const auto record = read_run_record(*text)) {
      run_is_alive_ = is_alive(record->owner);
      entry.process = process_id(record->owner);
      entry.process_is_alive = run_is_alive_;
      if (record->control_group) {
        entry.control_group = *record->control_group;
        run_ = tree_of(mount_, run_, *record);
      }
    }
    entry.record = std::move(*text);
  }
  entry.run_is_alive = run_is_alive_;
  entries_.push_back(std::move(entry));
  for (auto& child : sorted_children(run_))
    if (is_worker_directory(child)) workers_.push_back(std::move(child));
}

void EntryWalk::read_worker(const std::string& name) {
  const auto directory = run_.open_child(name);
  if (!directory) return;
  Entry entry;
  entry.run = run_id_;
  entry.run_is_alive = run_is_alive_;
  entry.control_group = directory->path();
  if (auto text = directory->record()) {
    if (const auto record = read_worker_record(*text)) {
      entry.worker = record->name;
      entry.state = state_of(record->phase);
      if (record->process) {
        entry.process = process_id(*record->process);
        entry.process_is_alive = is_alive(*record->process);
      }
    }
    entry.record = std::move(*text);
  }
  entries_.push_back(std::move(entry));
}

std::int64_t EntryWalk::count(const cgroup::Mount& mount, const cgroup::Directory& root) {
  std::int64_t count = 0;
  for (const auto& name : sorted_children(root)) {
    if (!run_id_of(name)) continue;
    ++count;
    const auto run = root.open_child(name);
    if (!run) continue;
    auto children = sorted_children(*run);
    if (children.empty()) {  // or placed elsewhere
      const auto text = run->record();
      const auto record = text.ok() ? read_run_record(*text) : Result<RunRecord>(text.error());
      if (record.ok() && record->control_group)
        children = sorted_children(tree_of(mount, *run, *record));
    }
    count += std::count_if(children.begin(), children.end(),
                           [](const auto& child) { return is_worker_directory(child); });
  }
  return count;
}

}  // namespace reeve::registry
