#include "registry/reaping.hpp"

#include <algorithm>
#include <utility>

#include "sys/calls.hpp"

namespace reeve::registry {

namespace {

constexpr Microseconds first_interval{1'000};
constexpr Microseconds longest_interval{5'000'000};

}  // namespace

Reaping::Reaping(loop::Loop& loop, const process::Process& process, std::function<void()> handler)
    : loop_(loop), process_(process), handler_(std::move(handler)), interval_(first_interval) {
  if (sys::pidfd_tells_reaping(process.pidfd()))
    hangup_ = loop_.poll(process.pidfd(), 0, [this](int) { finish(); });
  else
    next_look_ = loop_.after(interval_, [this] { look(); });
}

void Reaping::look() {
  if (!process_.is_unreaped()) return finish();
  interval_ = std::min(2 * interval_, longest_interval);
  next_look_ = loop_.after(interval_, [this] { look(); });
}

void Reaping::finish() {
  const auto handler = std::move(handler_);
  handler();  // may destroy this
}

}  // namespace reeve::registry
