// The tree of runs, workers and processes, with what /proc says of the processes.
#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>

#include "base/text.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"
#include "sys/calls.hpp"

namespace reeve::ctl {

namespace {

struct Branch {
  std::string text;
  std::vector<Branch> branches;
};

void print(const Branch& branch, const std::string& indent) {
  for (const auto& each : branch.branches) {
    const bool last = &each == &branch.branches.back();
    fmt::print("{}{}{}\n", indent, last ? "└─" : "├─", each.text);
    print(each, indent + (last ? "  " : "│ "));
  }
}

// The command line with its blanks, or the name in brackets where there is none.
std::string command_of(pid_t pid) {
  auto command = sys::read_file_at(AT_FDCWD, fmt::format("/proc/{}/cmdline", pid));
  if (command.ok() && !command->empty()) {
    std::replace(command->begin(), command->end(), '\0', ' ');
    auto text = std::string(trim(*command));
    constexpr std::size_t longest = 100;
    if (text.size() > longest) text.replace(longest, std::string::npos, "…");
    return is_printable(text) ? text : "(unprintable)";
  }
  const auto name = sys::read_file_at(AT_FDCWD, fmt::format("/proc/{}/comm", pid));
  return name.ok() ? fmt::format("[{}]", trim(*name)) : "";
}

std::vector<Branch> processes_in(const cgroup::Mount* mount, const std::string& path) {
  std::vector<Branch> branches;
  if (mount == nullptr) return branches;
  const auto directory = cgroup::Directory::open(mount->point, path);
  if (!directory) return branches;
  auto pids = directory->processes_in_tree();
  std::sort(pids.begin(), pids.end());
  for (const pid_t pid : pids)
    branches.push_back({fmt::format("{} {}", pid, command_of(pid)), {}});
  return branches;
}

Branch branch_of(const cgroup::Mount* mount, const Worker& worker) {
  auto text = fmt::format("worker {} {}", worker.worker, told_state(worker));
  if (worker.process) text += fmt::format(", process {}", worker.process->pid);
  if (worker.handle) text += fmt::format(", handle {}", *worker.handle);
  return {std::move(text), processes_in(mount, worker.control_group)};
}

}  // namespace

ExitCode verb_tree(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto runs = session->call<api::ListRuns>({});
  if (!runs) return runs.error();
  const auto workers = session->call<api::ListWorkers>({options.run, {}, {}});
  if (!workers) return workers.error();
  if (options.json != Json::off) {
    print_json(options, "{\"runs\":" + json::encoded(runs->runs) +
                            ",\"workers\":" + json::encoded(workers->workers) + "}");
    return exit_ok;
  }
  const auto found = cgroup::find_mount();
  if (!found && !options.host) {
    fmt::print(stderr, "reevectl: {}\n", found.error().message());
    return exit_failure;
  }
  // Another host's processes cannot be seen from here.
  const auto* mount = options.host ? nullptr : &*found;
  for (const auto& run : runs->runs) {
    if (options.run && !run.run.starts_with(*options.run)) continue;
    Branch root;
    auto entered = processes_in(mount, run.control_group + "/entered");
    if (!entered.empty()) root.branches.push_back({"entered", std::move(entered)});
    for (const auto& worker : workers->workers)
      if (worker.run == run.run) root.branches.push_back(branch_of(mount, worker));
    fmt::print("run {} {} {}, owner {}\n", brief(run.run), run.name.value_or("(no name)"),
               schema::name_of(run.state), run.owner.pid);
    print(root, "");
  }
  return exit_ok;
}

}  // namespace reeve::ctl
