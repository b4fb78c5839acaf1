// How the methods on runs are described: their members on the wire, in order.
#pragma once

#include "api/types.hpp"

namespace reeve {

constexpr auto describe(Of<OpenRun::Input>) {
  return members(member<&OpenRun::Input::name>("name"), member<&OpenRun::Input::owner>("owner"),
                 member<&OpenRun::Input::on_owner_exit>("onOwnerExit"),
                 member<&OpenRun::Input::grace>("graceUSec"),
                 member<&OpenRun::Input::placement>("placement"),
                 member<&OpenRun::Input::metadata>("metadata"));
}

constexpr auto describe(Of<OpenRun::Output>) {
  return members(member<&OpenRun::Output::run>("run"));
}

constexpr auto describe(Of<CloseRun::Input>) {
  return members(member<&CloseRun::Input::run>("run"),
                 member<&CloseRun::Input::on_owner_exit>("onOwnerExit"));
}

constexpr auto describe(Of<CloseRun::Output>) {
  return members(member<&CloseRun::Output::report>("report"));
}

constexpr auto describe(Of<EnterRun::Output>) {
  return members(member<&EnterRun::Output::run>("run"));
}

constexpr auto describe(Of<GetRun::Output>) {
  return members(member<&GetRun::Output::run>("run"));
}

constexpr auto describe(Of<ListRuns::Input>) {
  return members();
}

constexpr auto describe(Of<ListRuns::Output>) {
  return members(member<&ListRuns::Output::runs>("runs"));
}

}  // namespace reeve
