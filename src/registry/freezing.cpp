#include "registry/freezing.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "sys/calls.hpp"

namespace reeve::registry {

namespace {
constexpr Microseconds look_again_after{100'000};
}

void Freezing::want(State state, Answer<Done> answer) {
  if (state != wanted_ && !answers_.empty())
    // From the loop: whoever hears of it may go on with another wish at once.
    loop_.defer([overtaken = std::exchange(answers_, {})] {
      const auto reversed =
          api::system_failed({ECANCELED, "cgroup", "freeze or thaw, which was then reversed,"});
      for (const auto& each : overtaken)
        each(reversed);
    });
  wanted_ = state;
  answers_.push_back(std::move(answer));
  change_.retire();
  // A write under way cannot be taken back: what was asked for last has to be written last.
  if (!write_.pending()) soon_ = loop_.after(Microseconds{0}, [this] { write(); });
}

// All that may be refused comes before the write, so that what fails has changed nothing.
void Freezing::write() {
  auto directory = open_();
  if (!directory) return answer(api::system_failed(directory.error()));
  auto events = directory->open_file("cgroup.events", O_RDONLY);
  if (!events) return answer(api::system_failed(events.error()));
  auto file = directory->open_file("cgroup.freeze", O_WRONLY);
  if (!file) return answer(api::system_failed(file.error()));
  events_ = std::move(*events);
  writing_ = wanted_;
  write_ = loop_.write(std::move(*file), wanted_ == State::frozen ? "1" : "0",
                       [this](int result) { written(result); });
}

void Freezing::written(int result) {
  if (writing_ != wanted_) return write();
  if (result < 0) return answer(api::system_failed({-result, "cgroup.freeze", "write"}));
  look();
}

// Reading resets what POLLPRI reports, so: read, then wait.
void Freezing::look() {
  const auto events = sys::read_all(events_.get());
  if (!events && events.error().number != ENODEV) {
    soon_ = loop_.after(look_again_after, [this] { look(); });
    return;
  }
  if (!events) return answer(api::system_failed(events.error()));
  const bool frozen = cgroup::flat_value(*events, "frozen") == 1;
  if (frozen == (wanted_ == State::frozen)) return answer(Done{});
  change_ = loop_.poll(events_.get(), POLLPRI, [this](int) { look(); });
}

void Freezing::answer(const api::Outcome<Done>& outcome) {
  events_.reset();
  for (const auto& each : std::exchange(answers_, {}))
    each(outcome);
}

}  // namespace reeve::registry
