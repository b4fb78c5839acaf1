// The description of io.reeve.Pools.
#pragma once

#include "api/types.hpp"
#include "reeve/pools.hpp"

namespace reeve {

constexpr auto describe(Of<SlotState>) {
  return enumeration(
      "SlotState",
      "waiting is for the time of its next start; held, until somebody restarts the\n"
      "pool, as it was started too often; finished, as its worker is not restarted.",
      "empty", "starting", "ready", "stopping", "replacing", "waiting", "held", "finished");
}

constexpr auto describe(Of<Slot>) {
  return structure("Slot", "A place for one worker of a pool.", member<&Slot::worker>("worker"),
                   member<&Slot::slot>("slot"), member<&Slot::state>("state"),
                   member<&Slot::process>("process"),
                   member<&Slot::generation>("generation", "Of what its worker was started with."),
                   member<&Slot::restarts>("restarts"), member<&Slot::started_at>("startedAt"),
                   member<&Slot::next_start>("nextStartUSec", "On CLOCK_MONOTONIC."),
                   member<&Slot::reason>("reason", "Why it is not ready, or ended last."),
                   member<&Slot::status_text>("statusText", "What its worker said last."));
}

constexpr auto describe(Of<EndedWorker>) {
  return structure(
      "EndedWorker", "A worker of a pool that is no more.", member<&EndedWorker::worker>("worker"),
      member<&EndedWorker::process>("process"), member<&EndedWorker::started_at>("startedAt"),
      member<&EndedWorker::exit>("exit"),
      member<&EndedWorker::reason>("reason", "Why it was ended, if its pool did that."),
      member<&EndedWorker::usage>("usage"),
      member<&EndedWorker::status_text>("statusText", "What it said last."));
}

constexpr auto describe(Of<PoolState>) {
  return enumeration(
      "PoolState",
      "halted: the change was stopped by the first worker that failed; waiting: for\n"
      "the pools that it comes after.",
      "settled", "changing", "halted", "waiting");
}

constexpr auto describe(Of<Pool>) {
  return structure("Pool", "", member<&Pool::pool>("pool"), member<&Pool::state>("state"),
                   member<&Pool::size>("size"), member<&Pool::configured_size>("configuredSize"),
                   member<&Pool::ready>("ready"), member<&Pool::held>("held"),
                   member<&Pool::to_change>(
                       "toChange", "How many slots are still to be filled, replaced or dropped."),
                   member<&Pool::generation>("generation", "Grows with each restart or change."),
                   member<&Pool::restarts>("restarts", "Of its workers, by themselves."),
                   member<&Pool::run>("run"), member<&Pool::reason>("reason"),
                   member<&Pool::command>("command"));
}

constexpr auto describe(Of<ListPools::Input>) {
  return members();
}
constexpr auto describe(Of<ListPools::Output>) {
  return members(member<&ListPools::Output::pools>("pools"));
}
constexpr auto describe(Of<GetPool::Input>) {
  return members(member<&GetPool::Input::pool>("pool"));
}
constexpr auto describe(Of<GetPool::Output>) {
  return members(member<&GetPool::Output::pool>("pool"), member<&GetPool::Output::slots>("slots"),
                 member<&GetPool::Output::exits>("exits"));
}
constexpr auto describe(Of<WatchPools::Input>) {
  return members();
}
constexpr auto describe(Of<WatchPools::Output>) {
  return members(member<&WatchPools::Output::pools>("pools"));
}
constexpr auto describe(Of<ScalePool::Input>) {
  return members(member<&ScalePool::Input::pool>("pool"), member<&ScalePool::Input::size>("size"));
}
constexpr auto describe(Of<ScalePool::Output>) {
  return members(member<&ScalePool::Output::pool>("pool"));
}
constexpr auto describe(Of<RestartPool::Input>) {
  return members(member<&RestartPool::Input::pool>("pool"));
}
constexpr auto describe(Of<RestartPool::Output>) {
  return members(member<&RestartPool::Output::pool>("pool"));
}
constexpr auto describe(Of<NoSuchPool>) {
  return structure(NoSuchPool::error, "", member<&NoSuchPool::pool>("pool"));
}
constexpr auto describe(Of<PoolHalted>) {
  return structure(PoolHalted::error, "", member<&PoolHalted::pool>("pool"),
                   member<&PoolHalted::worker>("worker"), member<&PoolHalted::reason>("reason"));
}

}  // namespace reeve
