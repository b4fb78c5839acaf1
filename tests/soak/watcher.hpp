// A subscriber that checks what it is told: numbers that rise, no event missed unless a gap is
// told, and for each worker its events complete and in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "json/value.hpp"
#include "support/world.hpp"

namespace reeve::test {

class Watcher {
 public:
  // Of one run, or of all.
  Watcher(const World& world, std::optional<std::string> run);

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  // What is there to read; false at the end of the connection.
  bool read();
  // The event that is awaited last came: the unregistration of a worker of that name.
  static constexpr std::string_view last_worker = "last";
  [[nodiscard]] bool has_seen_last() const { return seen_last_; }

  [[nodiscard]] std::int64_t events() const { return events_; }
  [[nodiscard]] std::int64_t ended() const { return ended_; }
  [[nodiscard]] std::int64_t reaped() const { return reaped_; }
  [[nodiscard]] std::int64_t gaps() const { return gaps_; }
  [[nodiscard]] std::size_t present() const { return workers_.size(); }
  // Broken promises, the first few.
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }

 private:
  void take(const std::string& message);
  void check_sequence(std::int64_t sequence, EventKind kind, std::int64_t missed);
  void check_worker(EventKind kind, const std::string& run, const std::string& worker);
  void fault(const std::string& what);

  bool all_;  // of all runs: every number is expected
  FileDescriptor socket_;
  std::string input_;
  json::Parser parser_;
  std::int64_t last_ = 0;
  bool in_snapshot_ = true;
  bool seen_last_ = false;
  std::unordered_map<std::string, unsigned> workers_;  // the kinds each was told of, as bits
  std::int64_t events_ = 0, ended_ = 0, reaped_ = 0, gaps_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace reeve::test
