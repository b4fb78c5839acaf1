#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"

namespace reeve::ctl {

ExitCode verb_open(const Options& options) {
  if (!options.owner) {
    fmt::print(stderr, "reevectl: open needs --owner PID: the process whose death ends the run\n");
    return exit_usage;
  }
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<OpenRun>({.name = options.name,
                                              .owner = ProcessId{.pid = *options.owner},
                                              .on_owner_exit = options.policy,
                                              .grace = options.grace,
                                              .placement = options.placement,
                                              .metadata = options.metadata});
  if (!output) return output.error();
  if (!printed_as_json(options, *output)) fmt::print("{}\n", output->run.run);
  return exit_ok;
}

ExitCode verb_close(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto run = options.arguments.empty() ? options.run : options.arguments.front();
  const auto output = session->call<api::CloseRun>({run, options.policy});
  if (!output) return output.error();
  if (!printed_as_json(options, *output))
    fmt::print("{} workers and {} reservations removed, {} processes killed\n",
               output->report.workers_removed, output->report.reservations_removed,
               output->report.processes_killed);
  return exit_ok;
}

ExitCode verb_runs(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::ListRuns>({});
  if (!output) return output.error();
  if (printed_as_json(options, *output)) return exit_ok;
  Table table(options, {{"RUN"},
                        {"NAME", Table::Column::wide},
                        {"STATE"},
                        {"OWNER", Table::Column::right},
                        {"UID", Table::Column::right},
                        {"WORKERS", Table::Column::right},
                        {"POLICY"},
                        {"AGE"}});
  for (const auto& run : output->runs)
    table.add({brief(run.run), run.name.value_or("-"), std::string(schema::name_of(run.state)),
               std::to_string(run.owner.pid), std::to_string(run.owner_user_id),
               std::to_string(run.workers), std::string(schema::name_of(run.on_owner_exit)),
               age(options, run.opened_at)});
  table.print();
  return exit_ok;
}

}  // namespace reeve::ctl
