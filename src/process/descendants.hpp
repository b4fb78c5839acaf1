// All processes below one, found in /proc.
//
// With CONFIG_PROC_CHILDREN that is a walk over /proc/PID/task/*/children; a kernel without it
// needs one pass over every process of the system, done in slices so that the loop stays
// responsive. What is found is a guess until the pidfd opened for it has confirmed who its parent
// is.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "process/process.hpp"

struct __dirstream;

namespace reeve::process {

class DescendantScan {
 public:
  enum class Source { children_files, process_table };
  // What this kernel offers.
  static Source source_here();

  explicit DescendantScan(pid_t ancestor, Source source = source_here());
  ~DescendantScan();
  DescendantScan(const DescendantScan&) = delete;
  DescendantScan& operator=(const DescendantScan&) = delete;

  // Does a slice of the work; true when the scan is complete.
  bool advance();
  // The descendants found, each with its pidfd, the ancestor itself not among them. Fails where
  // something could not be read for another reason than that it is gone: there may be more. What
  // proc(5)'s hidepid keeps from a daemon that is no root is not seen in the process table.
  [[nodiscard]] Result<std::vector<Process>> take() const;

 private:
  void read_children_files();
  void read_process_table();
  pid_t ancestor_;
  Source source_;
  std::multimap<pid_t, pid_t> children_;  // by parent
  __dirstream* processes_ = nullptr;
  bool complete_ = false;
  std::optional<Error> failure_;
};

// Whether `ancestor` is `pid` or one of its ancestors, by a walk up from it. Fails where that
// cannot be read, which is not to be taken for a no.
Result<bool> is_ancestor_or_self(pid_t ancestor, pid_t pid);

}  // namespace reeve::process
