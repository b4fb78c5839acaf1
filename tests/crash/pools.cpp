// Pools: whatever was asked for is finished, or was never begun; no slot is lost or doubled.
#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "crash/story.hpp"
#include "supervision/notes.hpp"

namespace reeve::test::crash {

namespace {

constexpr const char* pool_name = "web";

// Of a program that every slot runs: `sleep SECONDS`.
std::string seconds_of(std::int64_t pid) {
  const auto command = read_file(fmt::format("/proc/{}/cmdline", pid));
  const auto begin = command.find('\0');
  if (begin == std::string::npos) return command;
  return command.substr(begin + 1, command.find('\0', begin + 1) - begin - 1);
}

}  // namespace

void StoryPools::write(int size) const {
  // With a short way from one start to the next, whatever this machine is doing.
  story_.world().configure(size < 0 ? ""
                                    : fmt::format("[pool.{}]\ncommand = ['sleep', '{}']\n"
                                                  "size = {}\nrestart = 'always'\n"
                                                  "backoff = {{ initial = '1ms', max = '1ms' }}\n"
                                                  "start-limit = {{ burst = 1000 }}\n"
                                                  "ready-after = '{}'\n",
                                                  pool_name, seconds_, size, ready_after_));
}

StoryPools& StoryPools::configure(int size, int seconds) {
  // The next start reads it in any case.
  seconds_ = seconds;
  sizes_ = {std::max(size, 0)};
  is_configured_ = size >= 0;
  before_.clear();
  write(size);
  (void)story_.ask<api::Reload>({});
  return *this;
}

StoryPools& StoryPools::ready_after(const std::string& time) {
  ready_after_ = time;
  return *this;
}

StoryPools& StoryPools::await_settled() {
  story_.await_rest();
  return *this;
}

StoryPools& StoryPools::scale(int size) {
  sizes_.insert(size);
  (void)story_.ask<api::ScalePool>({pool_name, size});
  sizes_ = {size};
  return *this;
}

StoryPools& StoryPools::restart() {
  before_ = pids();
  must_be_replaced_ = false;
  (void)story_.ask<api::RestartPool>({pool_name});
  must_be_replaced_ = true;
  return *this;
}

StoryPools& StoryPools::worker_dies(std::size_t slot) {
  const auto pid = static_cast<pid_t>(pids().at(slot));
  if (pid <= 0) throw Violation("a slot of a pool at rest has no process");
  ::kill(pid, SIGKILL);
  story_.await("another process in a slot", [&] {
    const auto now = pids();
    return slot < now.size() && now[slot] != 0 && now[slot] != pid;
  });
  return *this;
}

std::vector<std::int64_t> StoryPools::pids() {
  std::vector<std::int64_t> found;
  for (const auto& slot : story_.ask<api::GetPool>({pool_name}).slots)
    found.push_back(slot.process ? slot.process->pid : 0);
  return found;
}

std::vector<std::string> StoryPools::unrest(const std::string& note,
                                            const std::vector<std::string>& active) const {
  const auto pools = supervision::read_pools_note(note);
  if (!pools || pools->pools.empty()) return {"nothing is noted of pools"};
  const auto& pool = pools->pools.front();
  std::vector<std::string> found;
  if (pool.changing) found.push_back(fmt::format("slot {} is changing", *pool.changing));
  if (pool.filled != pool.size) found.emplace_back("the pool is growing");
  if (std::ssize(active) != pool.size)
    found.push_back(fmt::format("{} of {} slots are filled", active.size(), pool.size));
  for (const auto& text : active)
    if (const auto slot = supervision::read_slot_note(text);
        !slot || slot->generation != pool.generation)
      found.emplace_back("a worker is of another generation than the pool");
  return found;
}

std::vector<std::string> StoryPools::violations() {
  const auto listed = story_.ask<api::ListPools>({}).pools;
  if (!is_configured_)
    return listed.empty() ? std::vector<std::string>{}
                          : std::vector<std::string>{"a pool that is not configured is listed"};
  if (listed.size() != 1) return {"the pool is not listed"};
  std::vector<std::string> found;
  const auto& pool = listed.front();
  if (pool.state != PoolState::settled) found.emplace_back("the pool is not settled");
  if (pool.to_change != 0) found.emplace_back("the pool has slots that are to be changed");
  if (!sizes_.contains(static_cast<int>(pool.size)))
    found.push_back(fmt::format("the pool's size is {}", pool.size));
  const auto now = pids();
  if (std::ssize(now) != pool.size) found.emplace_back("a slot is lost, or doubled");
  std::size_t replaced = 0;
  for (std::size_t slot = 0; slot < now.size(); ++slot) {
    if (now[slot] == 0 || seconds_of(now[slot]) != std::to_string(seconds_))
      found.push_back(fmt::format("slot {} runs what it should not", slot));
    if (slot < before_.size() && now[slot] != before_[slot]) ++replaced;
  }
  if (!before_.empty() && replaced != before_.size() && (must_be_replaced_ || replaced != 0))
    found.push_back(fmt::format("{} of {} workers were replaced", replaced, before_.size()));
  return found;
}

}  // namespace reeve::test::crash
