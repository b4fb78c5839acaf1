// What reeve uses of a kernel that has it, and does without on one that has not. Each can be
// switched off: reeve then sees a kernel without it, and what it does instead can be tested on any.
#pragma once

#include <array>
#include <bitset>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace reeve::sys {

// By age.
enum class Feature {
  children_files,
  bounded_workers,
  memory_peak,
  pids_peak,
  peer_pidfd,
  pidfs,
  pidfd_hangup,
  pidfd_info,
  pidfd_exit,
};
inline constexpr std::size_t feature_count = static_cast<std::size_t>(Feature::pidfd_exit) + 1;
using FeatureSet = std::bitset<feature_count>;

struct FeatureDescription {
  Feature feature;
  std::string_view name;       // in REEVE_WITHOUT
  std::string_view since;      // the first Linux that has it
  std::string_view text;       // what it is
  std::string_view otherwise;  // what reeve does without it
  std::string_view file;  // the name of the file that is missing without it; empty where it is none
};
// In the order of Feature.
extern const std::array<FeatureDescription, feature_count> features;

// "all", or names separated by commas; the error is a name that is none.
Result<FeatureSet, std::string> features_named(std::string_view text);
// Their names, separated by commas.
std::string names_of(const FeatureSet& set);

// What $REEVE_WITHOUT names, read once; the error is a name that is none.
const Result<FeatureSet, std::string>& features_switched_off();
bool is_switched_off(Feature feature);
// Whether a file of this path is what a feature that is switched off consists in.
bool is_file_switched_off(std::string_view path);

}  // namespace reeve::sys
