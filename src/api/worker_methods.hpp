// How the methods that change a worker, or wait for it, are described.
#pragma once

#include "api/types.hpp"

namespace reeve {

constexpr auto describe(Of<Reserve::Input>) {
  return members(member<&Reserve::Input::worker>("worker"), member<&Reserve::Input::run>("run"),
                 member<&Reserve::Input::timeout>("timeoutUSec"),
                 member<&Reserve::Input::fingerprint>("fingerprint"),
                 member<&Reserve::Input::limits>("limits"),
                 member<&Reserve::Input::metadata>("metadata"));
}

constexpr auto describe(Of<Reserve::Output>) {
  return members(member<&Reserve::Output::worker>("worker"));
}

constexpr auto describe(Of<Activate::Input>) {
  return members(
      member<&Activate::Input::worker>("worker"), member<&Activate::Input::run>("run"),
      member<&Activate::Input::process>("process"),
      descriptor_member<&Activate::Input::process_file_descriptor>("processFileDescriptor"),
      member<&Activate::Input::handle>("handle"),
      member<&Activate::Input::fingerprint>("fingerprint"));
}

constexpr auto describe(Of<Activate::Output>) {
  return members(member<&Activate::Output::worker>("worker"));
}

constexpr auto describe(Of<Register::Input>) {
  return members(
      member<&Register::Input::worker>("worker"), member<&Register::Input::run>("run"),
      member<&Register::Input::process>("process"),
      descriptor_member<&Register::Input::process_file_descriptor>("processFileDescriptor"),
      member<&Register::Input::handle>("handle"),
      member<&Register::Input::fingerprint>("fingerprint"),
      member<&Register::Input::limits>("limits"), member<&Register::Input::metadata>("metadata"));
}

constexpr auto describe(Of<Register::Output>) {
  return members(member<&Register::Output::worker>("worker"));
}

constexpr auto describe(Of<Spawn::Input>) {
  return members(
      member<&Spawn::Input::worker>("worker"), member<&Spawn::Input::command>("command"),
      member<&Spawn::Input::run>("run"), member<&Spawn::Input::environment>("environment"),
      member<&Spawn::Input::working_directory>("workingDirectory"),
      member<&Spawn::Input::user>("user"), member<&Spawn::Input::group>("group"),
      member<&Spawn::Input::supplementary_groups>("supplementaryGroups"),
      member<&Spawn::Input::file_mode_mask>("umask"), member<&Spawn::Input::nice>("nice"),
      member<&Spawn::Input::out_of_memory_score_adjust>("oomScoreAdjust"),
      member<&Spawn::Input::resource_limits>("resourceLimits"),
      descriptor_member<&Spawn::Input::input_file_descriptor>("inputFileDescriptor"),
      descriptor_member<&Spawn::Input::output_file_descriptor>("outputFileDescriptor"),
      descriptor_member<&Spawn::Input::error_file_descriptor>("errorFileDescriptor"),
      member<&Spawn::Input::handle>("handle"), member<&Spawn::Input::fingerprint>("fingerprint"),
      member<&Spawn::Input::limits>("limits"), member<&Spawn::Input::metadata>("metadata"));
}

constexpr auto describe(Of<Spawn::Output>) {
  return members(member<&Spawn::Output::worker>("worker"));
}

constexpr auto describe(Of<Unregister::Output>) {
  return members();
}

constexpr auto describe(Of<Signal::Input>) {
  return members(member<&Signal::Input::worker>("worker"), member<&Signal::Input::signal>("signal"),
                 member<&Signal::Input::run>("run"),
                 member<&Signal::Input::whole_tree>("wholeTree"));
}

constexpr auto describe(Of<Signal::Output>) {
  return members();
}

constexpr auto describe(Of<Stop::Input>) {
  return members(member<&Stop::Input::worker>("worker"), member<&Stop::Input::run>("run"),
                 member<&Stop::Input::grace>("graceUSec"));
}

constexpr auto describe(Of<Stop::Output>) {
  return members(member<&Stop::Output::worker>("worker"));
}

constexpr auto describe(Of<Freeze::Output>) {
  return members();
}

constexpr auto describe(Of<Thaw::Output>) {
  return members();
}

constexpr auto describe(Of<Wait::Output>) {
  return members(member<&Wait::Output::worker>("worker"));
}

}  // namespace reeve
