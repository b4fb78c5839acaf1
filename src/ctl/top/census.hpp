// What reeved keeps, as it tells, and the rows that are made of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "reeve/client.hpp"
#include "reeve/methods.hpp"
#include "reeve/pools.hpp"

namespace reeve::ctl::top {

struct Census {
  std::vector<Run> runs;
  std::vector<Worker> workers;
  std::vector<GetPool::Output> pools;
};

// Of all runs, or of one.
Outcome<Census> take_census(Client& client, const std::optional<std::string>& run);

enum class RowKind { run, pool, worker };

struct Measurement;

struct Row {
  RowKind kind = RowKind::run;
  std::string name;
  std::string run, pool;  // the run's id, and the name of the pool, that it is or belongs to
  std::string owner;      // how the run is called
  std::string state;
  std::optional<std::int64_t> pid = {}, restarts = {};
  std::optional<Timestamp> since = {};
  std::string control_group = {};  // empty where it has none of its own
  std::vector<Row> rows = {};      // those beneath it
  const Measurement* measured = nullptr;

  // The same for what is the same thing at another time.
  [[nodiscard]] std::string identity() const;
};

// Runs, with their workers beneath them; between those, in the run of the pools, the pools. Times
// to come are told as seen at `now`.
std::vector<Row> rows_of(const Census& census, Microseconds now);

// Of one kind, also those beneath others.
std::size_t count(const std::vector<Row>& rows, RowKind kind);

}  // namespace reeve::ctl::top
