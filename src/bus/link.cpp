#include "bus/link.hpp"

#include <poll.h>

#include <cstdint>

#include "base/log.hpp"
#include "base/result.hpp"

namespace reeve::bus {

namespace {
constexpr Microseconds before_it_is_tried_again{1'000'000};
// Then others have their turn.
constexpr int messages_at_once = 32;
}  // namespace

Link::Link(loop::Loop& loop, std::string address, std::function<void(sd_bus*)> connected,
           std::function<void()> lost)
    : loop_(loop),
      address_(std::move(address)),
      connected_(std::move(connected)),
      lost_(std::move(lost)) {
  connect();
}

void Link::connect() {
  sd_bus* bus = nullptr;
  int done = sd_bus_new(&bus);
  bus_.reset(bus);
  if (done >= 0) done = sd_bus_set_description(bus, "reeved");
  if (done >= 0) done = sd_bus_set_address(bus, address_.c_str());
  if (done >= 0) done = sd_bus_set_bus_client(bus, 1);
  // Waits, without polling, until somebody listens there.
  if (done >= 0) done = sd_bus_set_watch_bind(bus, 1);
  if (done >= 0) done = sd_bus_start(bus);
  if (done < 0) return lose(-done);
  connected_(bus);
  wait();
}

void Link::process() {
  for (int i = 0; i < messages_at_once; ++i) {
    const int done = sd_bus_process(bus_.get(), nullptr);
    if (done < 0) return lose(-done);
    if (done == 0) return wait();
  }
  readiness_.retire();
  soon_ = loop_.after(Microseconds{0}, [this] { process(); });
}

void Link::wait() {
  const int fd = sd_bus_get_fd(bus_.get());
  const int events = sd_bus_get_events(bus_.get());
  std::uint64_t deadline = UINT64_MAX;
  const int timed = sd_bus_get_timeout(bus_.get(), &deadline);
  if (fd < 0 || events < 0 || timed < 0) return lose(ENOTCONN);
  readiness_ = loop_.poll(fd, static_cast<short>(events), [this](int) { process(); });
  deadline_.disarm();
  if (deadline == UINT64_MAX) return;
  deadline_ = loop_.at(Microseconds(static_cast<std::int64_t>(deadline)), [this] { process(); });
}

void Link::attend() {
  soon_ = loop_.after(Microseconds{0}, [this] {
    if (bus_) process();
  });
}

void Link::lose(int error) {
  if (!std::exchange(is_told_, true))
    log::notice("no D-Bus at {}: {}; serving without it", address_, errno_name(error));
  readiness_.retire();
  deadline_.disarm();
  lost_();
  bus_.reset();
  soon_ = loop_.after(before_it_is_tried_again, [this] { connect(); });
}

}  // namespace reeve::bus
