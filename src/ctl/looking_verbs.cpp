#include <time.h>

#include <algorithm>

#include "api/interface.hpp"
#include "api/interfaces.hpp"
#include "base/quantities.hpp"
#include "ctl/output.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"

namespace reeve::ctl {

namespace {

void print_workers(const Options& options, const std::vector<Worker>& workers) {
  Table table(options, {{"RUN"},
                        {"WORKER", Table::Column::wide},
                        {"STATE"},
                        {"PID", Table::Column::right},
                        {"HANDLE", Table::Column::wide},
                        {"FINGERPRINT", Table::Column::wide},
                        {"AGE"}});
  for (const auto& worker : workers)
    table.add({brief(worker.run), worker.worker, told_state(worker), pid_of(worker.process),
               worker.handle.value_or("-"), worker.fingerprint.value_or("-"),
               age(options, worker.activated_at.value_or(worker.reserved_at))});
  table.print();
}

std::string clock_time(const Timestamp& at) {
  const time_t seconds = at.realtime.count() / 1'000'000;
  tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                     at.realtime.count() % 1'000'000);
}

void print_event(const Options& options, const Event& event) {
  if (printed_as_json(options, Subscribe::Output{event})) return;
  std::string text = fmt::format("{} {} {:<18}", clock_time(event.at), event.sequence,
                                 schema::name_of(event.kind));
  if (event.run) text += " run " + brief(*event.run);
  if (event.worker) {
    text += fmt::format(" worker {}", event.worker->worker);
    if (event.worker->process) text += " pid " + pid_of(event.worker->process);
    // At the moment of death hardly any process is reaped: only later is that worth a word.
    const bool at_death = event.kind == EventKind::exited && !event.worker->exit->reaped;
    if (event.worker->exit && !at_death) text += " " + told(*event.worker->exit);
  }
  if (event.report) text += fmt::format(" {} processes killed", event.report->processes_killed);
  if (event.kind == EventKind::gap)
    text += event.missed ? fmt::format(" {} events missed", *event.missed)
                         : " events of before are not known";
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

// Of its slot, if it is a worker of a pool.
std::vector<EndedWorker> exits_before(Client& client, const Worker& worker) {
  const auto pool = client.call<GetPool>({worker.worker.substr(0, worker.worker.rfind('@'))});
  if (!pool || pool->pool.run != worker.run) return {};
  auto exits = pool->exits;
  std::erase_if(exits, [&](const auto& each) { return each.worker != worker.worker; });
  return exits;
}

}  // namespace

ExitCode verb_status(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto runs = session->call<api::ListRuns>({});
  if (!runs) return runs.error();
  const auto output = session->call<api::GetStatistics>({options.run});
  if (!output) return output.error();
  if (printed_as_json(options, *output)) return exit_ok;
  const auto& statistics = output->statistics;
  print_field("Socket", options.socket);
  print_field("Runs", fmt::format("{}", runs->runs.size()));
  print_field("Workers",
              fmt::format("{} active, {} reserved, {} stopping, {} exited", statistics.active,
                          statistics.reserved, statistics.stopping, statistics.exited));
  print_field("Since start",
              fmt::format("{} activated, {} exited, {} orphans killed", statistics.activated_total,
                          statistics.exited_total, statistics.orphans_killed_total));
  for (const auto& run : runs->runs)
    print_field("Run", fmt::format("{} {} {}, owner {}, {} workers, for {}", brief(run.run),
                                   run.name.value_or("(no name)"), schema::name_of(run.state),
                                   run.owner.pid, run.workers, age(options, run.opened_at)));
  return exit_ok;
}

ExitCode verb_list(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output =
      session->call<api::ListWorkers>({options.run, options.state, options.fingerprint});
  if (!output) return output.error();
  if (!printed_as_json(options, *output)) print_workers(options, output->workers);
  return exit_ok;
}

ExitCode verb_show(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::GetWorker>({options.arguments.front(), options.run});
  if (!output) return output.error();
  if (printed_as_json(options, *output)) return exit_ok;
  const auto& worker = output->worker;
  print_field("Worker", worker.worker);
  print_field("Run", worker.run);
  print_field("State", told_state(worker));
  if (worker.process) print_field("Process", pid_of(worker.process));
  if (worker.handle) print_field("Handle", *worker.handle);
  if (worker.fingerprint) print_field("Fingerprint", *worker.fingerprint);
  print_field("Control group", worker.control_group);
  print_field("Reserved", fmt::format("{} ago", age(options, worker.reserved_at)));
  if (worker.activated_at)
    print_field("Activated", fmt::format("{} ago", age(options, *worker.activated_at)));
  if (worker.exit) print_field("Ended", fmt::format("{} ago", age(options, worker.exit->at)));
  if (const auto& usage = worker.usage) {
    if (usage->processor_user)
      print_field("Processor",
                  fmt::format("{} user, {} system", format_duration(*usage->processor_user),
                              format_duration(usage->processor_system.value_or(Microseconds{}))));
    if (usage->memory_current_bytes) print_field("Memory", bytes(*usage->memory_current_bytes));
    if (usage->memory_peak_bytes) print_field("Memory peak", bytes(*usage->memory_peak_bytes));
    if (usage->tasks_peak) print_field("Tasks peak", std::to_string(*usage->tasks_peak));
    if (usage->out_of_memory_kills)
      print_field("OOM kills", std::to_string(*usage->out_of_memory_kills));
  }
  for (const auto& [key, value] : worker.metadata.value_or(Metadata{}))
    print_field("Metadata", key + "=" + value);
  if (worker.status_text) print_field("Status", *worker.status_text);
  print_exits(options, exits_before(session->client(), worker));
  return exit_ok;
}

ExitCode verb_events(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  auto events = told(session->client().follow({.run = options.run, .after = options.after}));
  if (!events) return events.error();
  for (;;) {
    const auto event = told(events->next());
    if (!event) return event.error();
    print_event(options, **event);
  }
}
ExitCode verb_pids(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::ListProcesses>({options.run, options.all});
  if (!output) return output.error();
  if (printed_as_json(options, *output)) return exit_ok;
  for (const auto& process : output->processes)
    fmt::print("{}\n", process.pid);
  return exit_ok;
}

ExitCode verb_is_registered(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::IsRegistered>({options.arguments.front(), options.run});
  if (!output) return output.error();
  if (!printed_as_json(options, *output)) fmt::print("{}\n", output->registered ? "yes" : "no");
  return output->registered ? exit_ok : exit_negative;
}

ExitCode verb_stats(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::GetStatistics>({options.run});
  if (!output) return output.error();
  if (printed_as_json(options, *output)) return exit_ok;
  Table table(options, {{"STATISTIC"}, {"VALUE", Table::Column::right}});
  for (const auto& member : schema::type<Statistics>.members)
    table.add({std::string(member.name),
               std::to_string(member.type->number(member.in(&output->statistics)))});
  table.print();
  return exit_ok;
}

ExitCode verb_entries(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  if (options.count) {
    const auto output = session->call<api::CountEntries>({});
    if (!output) return output.error();
    if (!printed_as_json(options, *output)) fmt::print("{}\n", output->count);
    return exit_ok;
  }
  const auto output = session->call<api::ListEntries>({});
  if (!output) return output.error();
  if (printed_as_json(options, *output)) return exit_ok;
  Table table(options, {{"RUN"},
                        {"WORKER", Table::Column::wide},
                        {"STATE"},
                        {"PID", Table::Column::right},
                        {"ALIVE"},
                        {"CONTROL GROUP", Table::Column::wide}});
  for (const auto& entry : output->entries)
    table.add({brief(entry.run), entry.worker.value_or("-"),
               entry.state ? std::string(schema::name_of(*entry.state)) : "-",
               pid_of(entry.process), entry.process_is_alive ? "yes" : "no", entry.control_group});
  table.print();
  return exit_ok;
}

ExitCode verb_validate(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::ValidateWorkers>({options.run});
  if (!output) return output.error();
  if (!printed_as_json(options, *output)) {
    if (output->dead.empty())
      fmt::print("all workers are alive\n");
    else
      print_workers(options, output->dead);
  }
  return output->dead.empty() ? exit_ok : exit_negative;
}

ExitCode verb_cleanup_dead(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::CleanupDeadWorkers>({options.run});
  if (!output) return output.error();
  if (!printed_as_json(options, *output)) fmt::print("{} removed\n", output->removed);
  return exit_ok;
}

ExitCode verb_cleanup_orphans(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto output = session->call<api::CleanupOrphans>({});
  if (!output) return output.error();
  const auto& report = output->report;
  if (!printed_as_json(options, *output)) {
    fmt::print("{} runs, {} workers and {} reservations removed, {} processes killed\n",
               report.runs_removed, report.workers_removed, report.reservations_removed,
               report.processes_killed);
    for (const auto& path : report.stuck)
      fmt::print("stuck: {} (a process in it is stuck in the kernel; reeved tries on)\n", path);
    for (const auto& path : report.foreign)
      fmt::print("foreign: {} (not made by reeve; left alone)\n", path);
  }
  return report.stuck.empty() ? exit_ok : exit_failure;
}

namespace {

// The parameters with the run that the options name, where the method takes one and none is given.
std::string with_run(const Options& options, const std::string& method,
                     const json::Value& parameters) {
  const auto text = parameters.text();
  const auto dot = method.rfind('.');
  const auto* interface = api::find_interface(method.substr(0, dot));
  const auto* found = interface != nullptr ? interface->find(method.substr(dot + 1)) : nullptr;
  if (!options.run || found == nullptr) return text;
  const auto takes = found->input->members;
  const auto given = *parameters.members();
  const auto is_run = [](const auto& member) { return member.name == "run"; };
  const auto is_given = [](const auto& member) { return member.first == "run"; };
  if (std::none_of(takes.begin(), takes.end(), is_run) ||
      std::any_of(given.begin(), given.end(), is_given))
    return text;
  std::string out = "{\"run\":";
  json::write_string(out, *options.run);
  return out + (given.empty() ? "" : ",") + text.substr(1);
}

}  // namespace

ExitCode verb_call(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  auto method = options.arguments[0];
  if (method.find('.') == std::string::npos) method = api::full_name(api::Registry::name, method);
  const auto parameters = options.arguments.size() > 1 ? options.arguments[1] : "{}";
  json::Parser parser;
  const auto parsed = parser.parse(parameters);
  if (!parsed.ok() || !parsed->is_object()) {
    fmt::print(stderr, "reevectl: the parameters must be a JSON object: {}\n", parameters);
    return exit_usage;
  }
  auto pretty = options;
  if (pretty.json == Json::off) pretty.json = Json::pretty;
  const auto called = told(session->client().call_json(method, with_run(options, method, *parsed),
                                                       [&](const std::string& output) {
                                                         print_json(pretty, output);
                                                         return true;
                                                       }));
  return called ? exit_ok : called.error();
}

}  // namespace reeve::ctl
