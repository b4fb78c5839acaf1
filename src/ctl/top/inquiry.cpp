#include "ctl/top/inquiry.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "varlink/client.hpp"

namespace reeve::ctl::top {

namespace {

// Of the time at most one part in so many is spent with an answer.
constexpr int share = 20;
constexpr Microseconds longest_pause{5'000'000};

}  // namespace

Inquiry::Inquiry(const Options& options)
    : socket_(options.socket),
      run_(options.run),
      answered_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Inquiry::~Inquiry() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    // Whoever waits for an answer on it is told that none comes.
    if (connection_) ::shutdown(connection_.get(), SHUT_RDWR);
  }
  if (asked_.valid()) asked_.wait();
}

int Inquiry::connect() {
  auto connected = varlink::Client::connect(socket_);
  if (!connected) return -connected.error().number;
  const std::lock_guard lock(mutex_);
  if (is_over_) return -ECANCELED;
  connection_ = FileDescriptor(::fcntl(connected->descriptor(), F_DUPFD_CLOEXEC, 0));
  return connected->release();
}

Outcome<Census> Inquiry::ask() {
  if (!client_) {
    auto client = Client::connect([this] { return connect(); }, socket_);
    if (!client) return client.error();
    client_ = std::move(*client);
  }
  return take_census(*client_, run_);
}

void Inquiry::begin() {
  if (asked_.valid()) return;
  begun_ = monotonic_now();
  asked_ = std::async(std::launch::async, [this] {
    auto census = ask();
    ::eventfd_write(answered_.get(), 1);
    return census;
  });
}

Outcome<Census> Inquiry::answer() {
  eventfd_t count = 0;
  ::eventfd_read(answered_.get(), &count);
  due_ = begun_ + std::min((monotonic_now() - begun_) * share, longest_pause);
  return asked_.get();
}

}  // namespace reeve::ctl::top
