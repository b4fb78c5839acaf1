#include "soak/figures.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/text.hpp"

namespace reeve::test {

namespace {

namespace fs = std::filesystem;

std::string directory_of(const World& world) {
  return fmt::format("/proc/{}", world.daemon_pid());
}

// The number behind "KEY:" or "KEY ".
std::int64_t number_of(const std::string& text, std::string_view key) {
  for (auto line : split(text, '\n')) {
    if (!line.starts_with(key)) continue;
    line = trim(line.substr(key.size() + 1));
    return parse_number<std::int64_t>(line.substr(0, line.find(' '))).value_or(-1);
  }
  return -1;
}

// Requests of the form "  op=6, task_works=0" below "PollList:".
std::int64_t armed_polls(const World& world) {
  std::int64_t count = 0;
  for (const auto& entry : fs::directory_iterator(directory_of(world) + "/fd")) {
    std::error_code gone;
    if (fs::read_symlink(entry.path(), gone) != "anon_inode:[io_uring]") continue;
    const auto text =
        read_file(directory_of(world) + "/fdinfo/" + entry.path().filename().string());
    for (const auto line : split(text, '\n'))
      if (trim(line).starts_with("op=")) ++count;
  }
  return count;
}

}  // namespace

Figures figures_of(const World& world) {
  const auto status = read_file(directory_of(world) + "/status");
  const auto tree = read_file(world.directory_of(world.root()) + "/cgroup.stat");
  Figures figures;
  figures.resident_kilobytes = number_of(status, "VmRSS");
  figures.threads = number_of(status, "Threads");
  const fs::directory_iterator descriptors(directory_of(world) + "/fd");
  figures.descriptors = std::distance(begin(descriptors), end(descriptors));
  figures.polls = armed_polls(world);
  figures.cgroups = number_of(tree, "nr_descendants");
  figures.dying_cgroups = number_of(tree, "nr_dying_descendants");
  return figures;
}

std::ostream& operator<<(std::ostream& out, const Figures& figures) {
  return out << fmt::format(
             "{} KiB resident, {} descriptors, {} threads, {} polls, {} cgroups, {} dying",
             figures.resident_kilobytes, figures.descriptors, figures.threads, figures.polls,
             figures.cgroups, figures.dying_cgroups);
}

std::int64_t context_switches_of(const World& world) {
  const auto status = read_file(directory_of(world) + "/status");
  return number_of(status, "voluntary_ctxt_switches") +
         number_of(status, "nonvoluntary_ctxt_switches");
}

bool is_asleep(const World& world) {
  return read_file(directory_of(world) + "/status").find("\nState:\tS") != std::string::npos;
}

double Latencies::microseconds(double quantile) const {
  auto sorted = all_;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[at].count()) / 1000;
}

void print_beside(const char* what, const Latencies& ours, const char* kernel_does,
                  const Latencies& kernel) {
  fmt::print("{:11} p50 {:7.0f} us, p99 {:7.0f} us; {}: p50 {:5.0f} us, p99 {:5.0f} us; ratio",
             what, ours.microseconds(.5), ours.microseconds(.99), kernel_does,
             kernel.microseconds(.5), kernel.microseconds(.99));
  fmt::print(" {:.1f} and {:.1f}\n", ours.microseconds(.5) / kernel.microseconds(.5),
             ours.microseconds(.99) / kernel.microseconds(.99));
}

}  // namespace reeve::test
