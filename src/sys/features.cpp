#include "sys/features.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"

namespace reeve::sys {

const std::array<FeatureDescription, feature_count> features{{
    {Feature::children_files, "children-files", "3.5",
     "/proc/PID/task/TID/children, with CONFIG_PROC_CHILDREN",
     "descendants are looked for among all processes", "children"},
    {Feature::bounded_workers,
     "bounded-workers",
     "5.15",
     "a bound on the threads of an io_uring, IORING_REGISTER_IOWQ_MAX_WORKERS",
     "there may be many for a moment",
     {}},
    {Feature::memory_peak, "memory-peak", "5.19", "memory.peak of a cgroup",
     "usage says nothing of it", "memory.peak"},
    {Feature::pids_peak, "pids-peak", "6.1", "pids.peak of a cgroup", "usage says nothing of it",
     "pids.peak"},
    {Feature::peer_pidfd,
     "peer-pidfd",
     "6.5",
     "the pidfd of a socket's peer, SO_PEERPIDFD",
     "its pid is opened as soon as it has connected",
     {}},
    {Feature::pidfs,
     "pidfs",
     "6.9",
     "a number for each process that is unique until reboot",
     "its start time tells it from a later one",
     {}},
    {Feature::pidfd_hangup,
     "pidfd-hangup",
     "6.9",
     "POLLHUP of a pidfd when it is reaped",
     "reaping is looked for at growing intervals",
     {}},
    {Feature::pidfd_info,
     "pidfd-info",
     "6.13",
     "credentials of a process, PIDFD_GET_INFO",
     "from /proc, verified by the pidfd",
     {}},
    {Feature::pidfd_exit,
     "pidfd-exit",
     "6.15",
     "exit status of a process, PIDFD_INFO_EXIT",
     "the cause of an exit is unknown, but of workers that reeved started",
     {}},
}};

Result<FeatureSet, std::string> features_named(std::string_view text) {
  FeatureSet named;
  if (text == "all") return named.set();
  for (const auto word : split(text, ',')) {
    const auto name = trim(word);
    if (name.empty()) continue;
    const auto found = std::find_if(features.begin(), features.end(),
                                    [&](const auto& each) { return each.name == name; });
    if (found == features.end()) return std::string(name);
    named.set(static_cast<std::size_t>(found->feature));
  }
  return named;
}

std::string names_of(const FeatureSet& set) {
  std::string names;
  for (const auto& feature : features) {
    if (!set.test(static_cast<std::size_t>(feature.feature))) continue;
    if (!names.empty()) names += ", ";
    names += feature.name;
  }
  return names;
}

const Result<FeatureSet, std::string>& features_switched_off() {
  static const auto switched_off = [] {
    const char* text = std::getenv("REEVE_WITHOUT");
    return features_named(text != nullptr ? text : "");
  }();
  return switched_off;
}

bool is_switched_off(Feature feature) {
  const auto& switched_off = features_switched_off();
  return switched_off.ok() && switched_off->test(static_cast<std::size_t>(feature));
}

bool is_file_switched_off(std::string_view path) {
  const auto& switched_off = features_switched_off();
  if (!switched_off.ok() || switched_off->none()) return false;
  const auto file = path.substr(path.rfind('/') + 1);
  return std::any_of(features.begin(), features.end(), [&](const auto& each) {
    return each.file == file && is_switched_off(each.feature);
  });
}

}  // namespace reeve::sys
