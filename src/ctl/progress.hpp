// How far a change of pools has come: one line, drawn again and again on the terminal that standard
// error is, and gone at the end. Where that is no terminal, nothing.
#pragma once

#include <map>
#include <string>

#include "ctl/options.hpp"
#include "reeve/pools.hpp"

namespace reeve::ctl {

using PoolsByName = std::map<std::string, Pool>;

// Settled or halted: no more becomes of it.
bool is_over(const Pool& pool);

class Progress {
 public:
  // `continuation` is what ^C says, once there is a change that goes on without reevectl.
  Progress(const Options& options, std::string continuation);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const PoolsByName& pools);

 private:
  void draw(const std::string& line);

  std::string continuation_;
  bool is_shown_;
  bool is_interruptible_ = false;
  std::map<std::string, std::int64_t> totals_;
  std::string drawn_;
};

}  // namespace reeve::ctl
