// Whatever stands in the tree that a daemon finds: it starts and serves, the next one takes up what
// it left, and in the end nothing remains but what is not reeve's. The lines of an input make the
// tree, by their first character:
//
//   r RECORD   a run            w RECORD   a worker of the last run
//   d          a cgroup in it   W RECORD   the same, with a process in it
//   f          a cgroup that is not reeve's
//
// OWNER and PROCESS in a record stand for two processes that live.
#include <fcntl.h>

#include <filesystem>

#include "arena.hpp"
#include "base/text.hpp"
#include "fuzz.hpp"
#include "registry/names.hpp"
#include "registry/records.hpp"
#include "registry/site.hpp"
#include "sys/calls.hpp"

namespace reeve::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t cgroups_at_most = 12;

void put(std::string& record, std::string_view word, const Idler& process) {
  const auto identity = json::encoded(registry::recorded(process.identity()));
  for (std::size_t at; (at = record.find(word)) != std::string::npos;)
    record.replace(at, word.size(), identity);
}

void make_cgroup(const fs::path& path, const std::string& record) {
  fs::create_directory(path);
  const auto directory = sys::open_directory_at(AT_FDCWD, path);
  if (directory.ok() && !record.empty())
    (void)sys::set_extended_attribute(directory->get(), "user.reeve", record);
}

void make_tree(std::string_view description, const Idler& owner, const Idler& process) {
  fs::path run;
  std::size_t made = 0;
  for (const auto line : split(description, '\n')) {
    if (line.empty() || ++made > cgroups_at_most) continue;
    std::string record(line.substr(1));
    put(record, "OWNER", owner);
    put(record, "PROCESS", process);
    const char kind = line.front();
    if (kind == 'r') {
      run = root_directory() / registry::run_directory(registry::new_run_id());
      make_cgroup(run, record);
    } else if (kind == 'f') {
      make_cgroup(root_directory() / std::to_string(made), record);
    } else if (kind == 'd' && !run.empty()) {
      make_cgroup(run / std::to_string(made), record);
    } else if ((kind == 'w' || kind == 'W') && !run.empty()) {
      const auto worker = run / registry::worker_directory(std::to_string(made), 1);
      make_cgroup(worker, record);
      if (kind == 'W')
        (void)sys::write_file_at(AT_FDCWD, worker / "cgroup.procs",
                                 std::to_string(process.identity().pid));
    }
  }
}

void only_the_rest_is_left() {
  for (const auto& entry : fs::directory_iterator(root_directory())) {
    const auto name = entry.path().filename().string();
    if (!entry.is_directory() || !registry::run_id_of(name)) continue;
    const auto directory = sys::open_directory_at(AT_FDCWD, entry.path());
    if (!directory) continue;  // removed at this moment
    const auto record = sys::get_extended_attribute(directory->get(), "user.reeve");
    const auto run =
        record ? registry::read_run_record(*record) : Result<registry::RunRecord>(record.error());
    require(!run || !registry::places_well(*run, name), "every run is ended");
  }
}

void play(std::string_view description) {
  {
    const Idler owner, process;
    make_tree(description, owner, process);
    const auto descriptors = open_descriptors();
    Daemon().look_around();
    // What it had begun goes on in the loop, and holds the locks of runs.
    require(descriptors_are_back(descriptors), "a daemon that is gone holds nothing");
    Daemon daemon;
    daemon.look_around();
    daemon.end_all_runs();
  }
  only_the_rest_is_left();
  clear_root();
}

}  // namespace
}  // namespace reeve::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  reeve::fuzz::enter_arena();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto descriptors = fuzz::open_descriptors();
  fuzz::play(fuzz::text_of(data, size));
  fuzz::require(fuzz::descriptors_are_back(descriptors), "no descriptor is left open");
  return 0;
}
