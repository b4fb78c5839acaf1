#include <fmt/format.h>

#include <algorithm>

#include "api/failure.hpp"
#include "api/interfaces.hpp"
#include "base/quantities.hpp"
#include "base/text.hpp"
#include "ctl/output.hpp"
#include "ctl/progress.hpp"
#include "ctl/session.hpp"
#include "ctl/verbs.hpp"

namespace reeve::ctl {

namespace {

std::string told_ready(const Pool& pool) {
  auto text = fmt::format("{} of {} workers ready", pool.ready, pool.size);
  if (pool.held > 0) text += fmt::format(", {} held", pool.held);
  if (pool.to_change > 0) text += fmt::format(", {} to change", pool.to_change);
  return text;
}

std::string told_command(const Pool& pool) {
  return fmt::format("{}", fmt::join(pool.command, " "));
}

// "waiting (2s)": for its next start.
std::string told_state(const Options& options, const Slot& slot) {
  std::string state(schema::name_of(slot.state));
  // Another host's monotonic clock says nothing here.
  if (!slot.next_start || options.host) return state;
  const auto left = std::max(*slot.next_start - monotonic_now(), Microseconds{});
  return fmt::format("{} ({})", state, format_duration(left));
}

void print_pools(const Options& options, const std::vector<Pool>& pools) {
  const bool has_reasons =
      std::any_of(pools.begin(), pools.end(), [](const Pool& pool) { return pool.reason; });
  std::vector<Table::Column> columns{{"POOL"},
                                     {"STATE"},
                                     {"READY", Table::Column::right},
                                     {"HELD", Table::Column::right},
                                     {"RESTARTS", Table::Column::right},
                                     {"COMMAND", Table::Column::wide}};
  if (has_reasons) columns.push_back({"REASON", Table::Column::wide});
  Table table(options, columns);
  for (const auto& pool : pools) {
    std::vector<std::string> cells{pool.pool,
                                   std::string(schema::name_of(pool.state)),
                                   fmt::format("{}/{}", pool.ready, pool.size),
                                   std::to_string(pool.held),
                                   std::to_string(pool.restarts),
                                   told_command(pool)};
    if (has_reasons) cells.push_back(pool.reason.value_or("-"));
    table.add(cells);
  }
  table.print();
}

void print_slots(const Options& options, const std::vector<Slot>& slots) {
  Table table(options, {{"SLOT", Table::Column::right},
                        {"WORKER"},
                        {"STATE"},
                        {"PID", Table::Column::right},
                        {"RESTARTS", Table::Column::right},
                        {"SINCE"},
                        {"REASON", Table::Column::wide}});
  for (const auto& slot : slots)
    table.add({std::to_string(slot.slot), slot.worker, told_state(options, slot),
               pid_of(slot.process), std::to_string(slot.restarts),
               slot.started_at ? age(options, *slot.started_at) : "-",
               slot.reason.value_or(slot.status_text.value_or("-"))});
  table.print();
}

ExitCode show_pool(const Options& options, Session& session, const std::string& name) {
  const auto output = session.call<GetPool>({name});
  if (!output) return output.error();
  if (printed_as_json(options, *output)) return exit_ok;
  const auto& pool = output->pool;
  print_field("Pool", pool.pool);
  print_field("State", std::string(schema::name_of(pool.state)));
  if (pool.reason) print_field("Reason", *pool.reason);
  print_field("Workers", told_ready(pool));
  if (pool.size != pool.configured_size)
    print_field("Configured", fmt::format("{} workers", pool.configured_size));
  print_field("Restarts", std::to_string(pool.restarts));
  if (pool.run) print_field("Run", *pool.run);
  print_field("Command", told_command(pool));
  if (!output->slots.empty()) {
    fmt::print("\n");
    std::fflush(stdout);
    print_slots(options, output->slots);
  }
  print_exits(options, output->exits);
  return exit_ok;
}

// ---- changes that are followed to their end

std::string continuation(const std::string& change, const std::string& verb) {
  return fmt::format("{} goes on: see reevectl {}", change, verb);
}

// Until nothing becomes of the pool any more, or of any; also over a restart of reeved.
Outcome<PoolsByName> settled(Client& client, const std::optional<std::string>& only,
                             Progress& progress) {
  for (;;) {
    PoolsByName pools;
    bool was_told = false;
    const auto watched = client.stream<WatchPools>({}, [&](const WatchPools::Output& output) {
      was_told = true;
      for (const auto& pool : output.pools)
        if (!only || pool.pool == *only) pools[pool.pool] = pool;
      progress.show(pools);
      return !std::all_of(pools.begin(), pools.end(),
                          [](const auto& each) { return is_over(each.second); });
    });
    if (watched.ok()) return pools;
    if (!was_told || !watched.error().is<ConnectionLost>()) return watched.error();
  }
}

void tell_halted(const Pool& pool) {
  fmt::print(stderr,
             "reevectl: the change of pool {} was stopped: {}; mend the configuration and "
             "`reevectl reload`, or `reevectl restart {}` if something else was wrong\n",
             pool.pool, pool.reason.value_or("a worker failed"), pool.pool);
}

void print_summary(const std::vector<Pool>& pools) {
  Pool all;
  for (const auto& pool : pools) {
    all.size += pool.size;
    all.ready += pool.ready;
    all.held += pool.held;
    all.to_change += pool.to_change;
  }
  fmt::print("the configuration is in force: {} pool{}, {}\n", pools.size(),
             pools.size() == 1 ? "" : "s", told_ready(all));
}

// Workers that are not tried again, which nobody had to say of it before.
bool has_lost_more(const Pool& pool, const std::vector<Pool>& before) {
  const auto earlier = std::find_if(before.begin(), before.end(),
                                    [&](const Pool& each) { return each.pool == pool.pool; });
  return pool.reason && (earlier == before.end() || earlier->reason != pool.reason);
}

template <class Method>
ExitCode show_changed(const Options& options, const typename Method::Output& output) {
  if (!printed_as_json(options, output))
    fmt::print("pool {}: {}\n", output.pool.pool, told_ready(output.pool));
  return exit_ok;
}

template <class Method>
ExitCode change(const Options& options, const typename Method::Input& input) {
  auto session = Session::open(options);
  if (!session) return session.error();
  if (!options.blocks) {
    const auto output = session->call<Method>(input);
    return output ? show_changed<Method>(options, *output) : output.error();
  }
  typename Method::Output last;
  bool has_begun = false;
  const auto follow = [&]() -> Outcome<Done> {
    Progress progress(options,
                      continuation("the change of pool " + input.pool, "pools " + input.pool));
    auto followed = session->client().template stream<Method>(input, [&](auto output) {
      has_begun = true;
      last = std::move(output);
      progress.show({{last.pool.pool, last.pool}});
      return true;
    });
    // It was written down: the reeved that follows goes on with it.
    if (followed.ok() || !has_begun || !followed.error().template is<ConnectionLost>())
      return followed;
    auto pools = settled(session->client(), input.pool, progress);
    if (!pools) return pools.error();
    if (pools->empty()) return api::failure(NoSuchPool{input.pool});
    last.pool = pools->begin()->second;
    return Done{};
  };
  if (const auto followed = follow(); !followed) return tell(followed.error());
  if (last.pool.state != PoolState::halted) return show_changed<Method>(options, last);
  tell_halted(last.pool);
  return exit_failure;
}

}  // namespace

ExitCode verb_pools(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  if (!options.arguments.empty()) return show_pool(options, *session, options.arguments.front());
  const auto output = session->call<ListPools>();
  if (!output) return output.error();
  if (!printed_as_json(options, *output)) print_pools(options, output->pools);
  return exit_ok;
}

ExitCode verb_scale(const Options& options) {
  const auto size = parse_number<std::int64_t>(options.arguments[1]);
  if (!size) {
    fmt::print(stderr, "reevectl: {} is no number of workers\n", options.arguments[1]);
    return exit_usage;
  }
  return change<ScalePool>(options, {options.arguments[0], *size});
}

ExitCode verb_restart(const Options& options) {
  return change<RestartPool>(options, {options.arguments[0]});
}

ExitCode verb_reload(const Options& options) {
  auto session = Session::open(options);
  if (!session) return session.error();
  const auto before = session->call<ListPools>();
  if (!before) return before.error();
  const auto reloaded = session->call<Reload>();
  if (!reloaded) return reloaded.error();
  if (!options.blocks) {
    if (!printed_as_json(options, *reloaded)) fmt::print("the configuration is in force\n");
    return exit_ok;
  }
  const auto followed = [&] {
    Progress progress(options, continuation("the change of the pools", "pools"));
    return told(settled(session->client(), {}, progress));
  }();
  if (!followed) return followed.error();
  // Without those that have gone.
  const auto output = session->call<ListPools>();
  if (!output) return output.error();
  if (!printed_as_json(options, *output)) print_summary(output->pools);
  auto status = exit_ok;
  for (const auto& pool : output->pools) {
    if (pool.state == PoolState::halted)
      tell_halted(pool);
    else if (has_lost_more(pool, before->pools))
      fmt::print(stderr, "reevectl: pool {}: {}\n", pool.pool, *pool.reason);
    else
      continue;
    status = exit_failure;
  }
  return status;
}

}  // namespace reeve::ctl
