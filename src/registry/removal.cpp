#include "registry/removal.hpp"

#include <cerrno>

namespace reeve::registry {

namespace {

void collect(const cgroup::Directory& parent, const std::string& name, const std::string& path,
             std::vector<std::string>& paths) {
  paths.push_back(path);
  const auto directory = parent.open_child(name);
  if (!directory) return;
  const auto children = directory->children();
  if (!children) return;
  for (const auto& child : *children)
    collect(*directory, child, path + "/" + child, paths);
}

}  // namespace

Removal::Removal(loop::Loop& loop, cgroup::Directory parent, std::string name, Handler handler)
    : loop_(loop), parent_(std::move(parent)), handler_(std::move(handler)) {
  collect(parent_, name, name, remaining_);
  remove_next();
}

void Removal::remove_next() {
  operation_ =
      loop_.remove_directory(parent_.shared_descriptor(), remaining_.back(), [this](int result) {
        if (result == 0 || result == -ENOENT)
          remaining_.pop_back();
        else
          remaining_.clear();
        if (!remaining_.empty()) return remove_next();
        const auto handler = std::move(handler_);
        handler(result == -ENOENT ? 0 : result);  // may destroy this
      });
}

}  // namespace reeve::registry
