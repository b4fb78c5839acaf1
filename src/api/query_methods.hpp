// How the methods that look, and those that clean up what is dead, are described.
#pragma once

#include "api/types.hpp"

namespace reeve {

constexpr auto describe(Of<IsRegistered::Output>) {
  return members(member<&IsRegistered::Output::registered>("registered"));
}

constexpr auto describe(Of<GetWorker::Output>) {
  return members(member<&GetWorker::Output::worker>("worker"));
}

constexpr auto describe(Of<ListWorkers::Input>) {
  return members(member<&ListWorkers::Input::run>("run"),
                 member<&ListWorkers::Input::state>("state"),
                 member<&ListWorkers::Input::fingerprint>("fingerprint"));
}

constexpr auto describe(Of<ListWorkers::Output>) {
  return members(member<&ListWorkers::Output::workers>("workers"));
}

constexpr auto describe(Of<ListProcesses::Input>) {
  return members(member<&ListProcesses::Input::run>("run"),
                 member<&ListProcesses::Input::all>("all"));
}

constexpr auto describe(Of<ListProcesses::Output>) {
  return members(member<&ListProcesses::Output::processes>("processes"));
}

constexpr auto describe(Of<ValidateWorkers::Output>) {
  return members(member<&ValidateWorkers::Output::dead>("dead"));
}

constexpr auto describe(Of<CleanupDeadWorkers::Output>) {
  return members(member<&CleanupDeadWorkers::Output::removed>("removed"));
}

constexpr auto describe(Of<CleanupOrphans::Input>) {
  return members();
}

constexpr auto describe(Of<CleanupOrphans::Output>) {
  return members(member<&CleanupOrphans::Output::report>("report"));
}

constexpr auto describe(Of<GetStatistics::Output>) {
  return members(member<&GetStatistics::Output::statistics>("statistics"));
}

constexpr auto describe(Of<ListEntries::Input>) {
  return members();
}

constexpr auto describe(Of<ListEntries::Output>) {
  return members(member<&ListEntries::Output::entries>("entries"));
}

constexpr auto describe(Of<CountEntries::Input>) {
  return members();
}

constexpr auto describe(Of<CountEntries::Output>) {
  return members(member<&CountEntries::Output::count>("count"));
}

constexpr auto describe(Of<Subscribe::Input>) {
  return members(member<&Subscribe::Input::run>("run"), member<&Subscribe::Input::after>("after"));
}

constexpr auto describe(Of<Subscribe::Output>) {
  return members(member<&Subscribe::Output::event>("event"));
}

}  // namespace reeve
