#include "registry/worker_directories.hpp"

#include <utility>

#include "registry/names.hpp"

namespace reeve::registry {

std::string WorkerDirectories::claim(const std::string& worker) {
  for (unsigned generation = 1;; ++generation) {
    auto directory = worker_directory(worker, generation);
    if (claimed_.insert(directory).second) return directory;
  }
}

void WorkerDirectories::prepare(const cgroup::Directory& run, const std::string& worker) {
  auto& preparation = prepared_[worker];
  preparation.is_wanted = true;
  if (!preparation.directory.empty()) return;
  preparation.run = run.shared_descriptor();
  preparation.directory = claim(worker);
  preparation.making =
      loop_.make_directory(preparation.run, preparation.directory, [this, worker](int result) {
        auto& made = prepared_.at(worker);
        made.is_made = result == 0;
        if (!made.is_made || !made.is_wanted) drop_prepared(worker);
      });
}

void WorkerDirectories::drop_prepared(const std::string& worker) {
  const auto found = prepared_.find(worker);
  if (found == prepared_.end()) return;
  found->second.is_wanted = false;
  if (found->second.making.pending()) return;
  const auto dropped = std::move(prepared_.extract(found).mapped());
  release(dropped.directory);
  if (dropped.is_made) (void)loop_.remove_directory(dropped.run, dropped.directory, nullptr);
}

std::optional<std::string> WorkerDirectories::take_prepared(const std::string& worker) {
  const auto found = prepared_.find(worker);
  if (found == prepared_.end() || !found->second.is_made) return std::nullopt;
  return std::move(prepared_.extract(found).mapped().directory);
}

}  // namespace reeve::registry
