// What the cgroups and their records tell, without asking reeved.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "crash/story.hpp"
#include "registry/records.hpp"

namespace reeve::test::crash {

namespace {

namespace fs = std::filesystem;
using registry::RunPhase;
using registry::WorkerPhase;

std::optional<std::string> record_of(const fs::path& directory,
                                     const char* attribute = "user.reeve") {
  std::string record(65536, '\0');
  const auto length = ::getxattr(directory.c_str(), attribute, record.data(), record.size());
  if (length < 0) return std::nullopt;
  record.resize(static_cast<std::size_t>(length));
  return record;
}

// Of moves that are under way.
std::vector<std::string> notes_on(const fs::path& directory) {
  std::string names(65536, '\0');
  const auto length = ::listxattr(directory.c_str(), names.data(), names.size());
  names.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  std::vector<std::string> notes;
  for (const auto name : split(names, '\0'))
    if (name.starts_with("user.reeve.")) notes.emplace_back(name);
  return notes;
}

std::vector<fs::path> directories_in(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone))
    if (entry.is_directory(gone)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<pid_t> processes_in(const fs::path& directory) {
  std::istringstream lines(read_file(directory / "cgroup.procs"));
  std::vector<pid_t> pids;
  for (pid_t pid; lines >> pid;)
    pids.push_back(pid);
  std::sort(pids.begin(), pids.end());
  return pids;
}

bool runs(std::int64_t pid) {
  const auto state = process_state(static_cast<pid_t>(pid));
  return state && *state != 'Z' && *state != 'X';
}

// Why the worker cannot stay as its record says; nothing if it can.
std::optional<std::string> unrest_of(const registry::WorkerRecord& record,
                                     const std::vector<pid_t>& inside) {
  switch (record.phase) {
    case WorkerPhase::reserved:
      if (record.expires_at <= monotonic_now()) return "its reservation's time is over";
      return std::nullopt;
    case WorkerPhase::active:
    case WorkerPhase::detached:
      if (!record.process) return "has no process in its record";
      if (!runs(record.process->pid)) return "its process is dead";
      return std::nullopt;
    case WorkerPhase::exited:
      if (!inside.empty()) return "has exited, and processes are in its cgroup";
      if (record.exit && !record.exit->reaped &&
          !process_exists(static_cast<pid_t>(record.process ? record.process->pid : 0)))
        return "its exit was reaped, and the record does not say so";
      return std::nullopt;
    default:
      return "is " + json::encoded(record.phase);
  }
}

void describe(const fs::path& directory, std::string& out) {
  // What is kept ready for a slot's next worker comes and goes.
  if (registry::is_worker_directory(directory.filename().string()) && !record_of(directory) &&
      processes_in(directory).empty())
    return;
  out += fmt::format("{}\n  record: {}\n  notes: {}\n  processes: {}\n", directory.string(),
                     record_of(directory).value_or("none"), fmt::join(notes_on(directory), " "),
                     fmt::join(processes_in(directory), " "));
  for (const auto& child : directories_in(directory))
    describe(child, out);
}

}  // namespace

std::vector<std::string> Story::unrest() const {
  std::vector<std::string> found;
  bool pools_have_a_run = false;
  for (const auto& directory : directories_in(world_.directory_of(world_.root()))) {
    const std::string name = directory.filename();
    if (foreign_.contains(name)) continue;
    const auto text = record_of(directory);
    const auto record = text ? registry::read_run_record(*text)
                             : Result<registry::RunRecord>(Error{ENODATA, name, "read"});
    if (!record) {
      found.push_back(name + " has no record");
      continue;
    }
    if (record->phase != RunPhase::open && record->phase != RunPhase::ownerless)
      found.push_back(name + " is " + json::encoded(record->phase));
    const bool kept = record->policy == OwnerExitPolicy::keep;
    if (!runs(record->owner.pid) && !(kept && record->phase == RunPhase::ownerless))
      found.push_back("the owner of " + name + " is dead");
    const fs::path tree =
        record->control_group ? fs::path(world_.directory_of(*record->control_group)) : directory;
    if (!fs::exists(tree)) found.push_back(name + " has no tree");
    if (tree != directory && !directories_in(directory).empty())
      found.push_back("the entry of the placed " + name + " is not empty");
    if (!processes_in(tree).empty()) found.push_back(name + " itself holds processes");
    const bool is_of_pools = record->is_configured.value_or(false);
    pools_have_a_run |= is_of_pools;
    std::vector<std::string> active;
    std::set<std::string> prepared, filled;
    for (const auto& below : directories_in(tree)) {
      const std::string child = below.filename();
      for (const auto& note : notes_on(below))
        if (!is_of_pools || (note != "user.reeve.slot" && note != "user.reeve.exits"))
          found.push_back(child + " still has the note " + note);
      if (child == registry::entered_directory) continue;
      const auto worker_text = record_of(below);
      const auto worker = worker_text ? registry::read_worker_record(*worker_text)
                                      : Result<registry::WorkerRecord>(Error{ENODATA, child, ""});
      if (!worker_text && is_of_pools && processes_in(below).empty() &&
          prepared.insert(registry::plain_name_of(child)).second)
        continue;
      if (!worker)
        found.push_back(child + " has no record");
      else if (const auto unrest = unrest_of(*worker, processes_in(below)))
        found.push_back(child + " " + *unrest);
      else if (worker->phase == WorkerPhase::active) {
        active.push_back(record_of(below, "user.reeve.slot").value_or(""));
        filled.insert(worker->name);
      }
    }
    for (const auto& worker : prepared)
      if (!filled.contains(worker)) found.push_back("a cgroup is kept ready for " + worker);
    if (is_of_pools && pools_)
      for (auto& each :
           pools_->unrest(record_of(directory, "user.reeve.pools").value_or(""), active))
        found.push_back(std::move(each));
  }
  if (pools_ && pools_->is_configured() && !pools_have_a_run)
    found.emplace_back("the pools have no run");
  if (service_)
    for (const auto& directory : directories_in(service_->directory())) {
      const std::string name = directory.filename();
      if (registry::run_id_of(name) && !fs::exists(world_.directory_of(world_.root()) + "/" + name))
        found.push_back("the service holds " + name + ", of which the root knows nothing");
    }
  return found;
}

std::string Story::tree() const {
  std::string out;
  describe(world_.directory_of(world_.root()), out);
  if (service_ && fs::exists(service_->directory())) describe(service_->directory(), out);
  return out;
}

}  // namespace reeve::test::crash
