// What of reeve can work on this host, and what it does without what is not there.
#include <sys/utsname.h>

#include <algorithm>

#include "base/text.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"
#include "sys/calls.hpp"
#include "sys/features.hpp"
#include "sys/probes.hpp"

namespace reeve::ctl {

namespace {

struct Finding {
  std::string what;
  std::string since;
  std::string here;
  std::string otherwise;
  bool is_missed = false;

  friend constexpr auto describe(schema::Of<Finding>) {
    using schema::member;
    return schema::members(member<&Finding::what>("what"), member<&Finding::since>("since"),
                           member<&Finding::here>("here"), member<&Finding::otherwise>("otherwise"),
                           member<&Finding::is_missed>("isMissed"));
  }
};

struct Findings {
  std::string kernel;
  std::vector<Finding> findings;

  friend constexpr auto describe(schema::Of<Findings>) {
    using schema::member;
    return schema::members(member<&Findings::kernel>("kernel"),
                           member<&Findings::findings>("findings"));
  }
};

Finding required(const char* what, const char* since, int error) {
  const bool is_missed = error != 0;
  return {what, since, is_missed ? errno_name(error) : "yes",
          is_missed ? "reeved does not work here" : "", is_missed};
}

Finding optional(const sys::FeatureDescription& feature) {
  const auto offered = sys::is_offered(feature.feature);
  const bool is_there = offered.value_or(false);
  return {std::string(feature.text), std::string(feature.since),
          !offered   ? "not known: no controller"
          : is_there ? "yes"
                     : "no",
          is_there ? "" : std::string(feature.otherwise), false};
}

Finding controllers_of(const cgroup::Mount& mount) {
  const auto root = cgroup::Directory::open(mount.point, "");
  const auto names = root.ok() ? sys::read_file_at(root->descriptor(), "cgroup.controllers")
                               : Result<std::string>(root.error());
  const std::string present(names.ok() ? trim(*names) : "");
  const bool has_all = present.find("memory") != std::string::npos &&
                       present.find("cpu") != std::string::npos &&
                       present.find("pids") != std::string::npos;
  return {"controllers in cgroup v2: cpu, memory, pids", "4.15", has_all ? "yes" : present,
          has_all ? "" : "workers have no limits of those that are missing", false};
}

Findings examine() {
  utsname name{};
  ::uname(&name);
  Findings found{name.release, {}};
  const auto mount = cgroup::find_mount();
  found.findings.push_back(
      required("a cgroup2 mount", "5.14", mount.ok() ? 0 : mount.error().number));
  found.findings.push_back(required("io_uring with DEFER_TASKRUN", "6.1", sys::try_io_uring()));
  found.findings.push_back(required("pidfds", "5.3", sys::try_pidfd()));
  found.findings.push_back(required("clone3", "5.7", sys::try_clone3()));
  if (mount.ok()) found.findings.push_back(controllers_of(*mount));
  for (const auto& feature : sys::features)
    found.findings.push_back(optional(feature));
  return found;
}

}  // namespace

ExitCode verb_doctor(const Options& options) {
  const auto found = examine();
  const bool is_well = std::none_of(found.findings.begin(), found.findings.end(),
                                    [](const auto& each) { return each.is_missed; });
  const auto status = is_well ? exit_ok : exit_negative;
  if (printed_as_json(options, found)) return status;
  if (options.legend) fmt::print("Linux {}\n", found.kernel);
  Table table(options, {{"WHAT", Table::Column::wide}, {"LINUX"}, {"HERE"}, {"WITHOUT IT"}});
  for (const auto& each : found.findings)
    table.add({each.what, each.since, each.here, each.otherwise});
  table.print();
  if (!options.legend) return status;
  const auto client = Client::connect(options.socket, Microseconds{0});
  fmt::print("{}\n", client.ok() ? "reeved serves at " + options.socket : client.error().message());
  return status;
}

}  // namespace reeve::ctl
