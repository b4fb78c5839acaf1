#include "ctl/top/census.hpp"

#include <algorithm>
#include <map>

#include "base/quantities.hpp"
#include "ctl/output.hpp"

namespace reeve::ctl::top {

namespace {

bool is_lost(const Failure& failure) {
  return failure.is<Unreachable>() || failure.is<ConnectionLost>();
}

// By their names.
using Workers = std::map<std::string, const Worker*>;

Row row_of(const Run& run) {
  Row row{RowKind::run, run.name.value_or(brief(run.run)),      run.run, {},
          {},           std::string(schema::name_of(run.state))};
  row.owner = row.name;
  row.pid = run.owner.pid > 0 ? std::optional(run.owner.pid) : std::nullopt;
  row.since = run.opened_at;
  row.control_group = run.control_group;
  return row;
}

Row row_of(const Worker& worker) {
  Row row{RowKind::worker, worker.worker, worker.run, {}, {}, told_state(worker)};
  if (worker.process) row.pid = worker.process->pid;
  row.since = worker.activated_at.value_or(worker.reserved_at);
  row.control_group = worker.control_group;
  return row;
}

std::string told_state(const Slot& slot, Microseconds now) {
  std::string state(schema::name_of(slot.state));
  if (!slot.next_start) return state;
  return fmt::format("{} ({})", state,
                     format_duration(std::max(*slot.next_start - now, Microseconds{})));
}

// The worker is nullptr where the slot has none.
Row row_of(const Slot& slot, const Worker* worker, Microseconds now) {
  Row row{RowKind::worker, slot.worker, {}, {}, {}, told_state(slot, now)};
  if (slot.process) row.pid = slot.process->pid;
  row.restarts = slot.restarts;
  row.since = slot.started_at;
  if (worker != nullptr) row.control_group = worker->control_group;
  if (worker != nullptr && worker->frozen.value_or(false)) row.state += " (frozen)";
  return row;
}

// Takes the workers that are in its slots.
Row row_of(const GetPool::Output& output, Workers& workers, Microseconds now) {
  const auto& pool = output.pool;
  Row row{RowKind::pool,
          pool.pool,
          pool.run.value_or(""),
          pool.pool,
          {},
          fmt::format("{} {}/{}", schema::name_of(pool.state), pool.ready, pool.size)};
  row.restarts = pool.restarts;
  for (const auto& slot : output.slots) {
    const auto found = workers.find(slot.worker);
    row.rows.push_back(row_of(slot, found != workers.end() ? found->second : nullptr, now));
    row.rows.back().pool = pool.pool;
    if (found != workers.end()) workers.erase(found);
  }
  return row;
}

void belong_to(const Row& run, std::vector<Row>& rows) {
  for (auto& row : rows) {
    row.run = run.run;
    row.owner = run.name;
    belong_to(run, row.rows);
  }
}

}  // namespace

Outcome<Census> take_census(Client& client, const std::optional<std::string>& run) {
  auto runs = client.call<ListRuns>();
  if (!runs) return runs.error();
  auto workers = client.call<ListWorkers>({.run = run});
  if (!workers) return workers.error();
  Census census{std::move(runs->runs), std::move(workers->workers), {}};
  if (run) std::erase_if(census.runs, [&](const Run& each) { return !each.run.starts_with(*run); });
  const auto pools = client.call<ListPools>();
  if (!pools && is_lost(pools.error())) return pools.error();
  if (!pools) return census;  // not everybody may look at them
  for (const auto& pool : pools->pools) {
    if (run && !pool.run.value_or("").starts_with(*run)) continue;
    auto got = client.call<GetPool>({pool.pool});
    if (got.ok())
      census.pools.push_back(std::move(*got));
    else if (is_lost(got.error()))
      return got.error();  // otherwise it has gone meanwhile
  }
  return census;
}

std::string Row::identity() const {
  switch (kind) {
    case RowKind::run:
      return run;
    case RowKind::pool:
      return "pool " + pool;
    case RowKind::worker:
      return run + " " + name;
  }
  return {};
}

std::vector<Row> rows_of(const Census& census, Microseconds now) {
  std::map<std::string, Workers> workers_of;
  for (const auto& worker : census.workers)
    workers_of[worker.run][worker.worker] = &worker;
  std::vector<Row> rows;
  for (const auto& run : census.runs) {
    auto row = row_of(run);
    auto& workers = workers_of[run.run];
    for (const auto& pool : census.pools)
      if (pool.pool.run == run.run) row.rows.push_back(row_of(pool, workers, now));
    for (const auto& [name, worker] : workers)
      row.rows.push_back(row_of(*worker));
    belong_to(row, row.rows);
    rows.push_back(std::move(row));
  }
  // Their run is yet to be opened.
  Workers none;
  for (const auto& pool : census.pools)
    if (!pool.pool.run) rows.push_back(row_of(pool, none, now));
  return rows;
}

std::size_t count(const std::vector<Row>& rows, RowKind kind) {
  std::size_t found = 0;
  for (const auto& row : rows)
    found += (row.kind == kind ? 1 : 0) + count(row.rows, kind);
  return found;
}

}  // namespace reeve::ctl::top
