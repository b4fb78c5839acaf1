// ScopedRun, Reservation, Events and WorkerWatch.
#include <unistd.h>

#include <algorithm>

#include "api/failure.hpp"
#include "base/clock.hpp"
#include "client/stream.hpp"
#include "reeve/client.hpp"

namespace reeve {

// ---- ScopedRun

ScopedRun::ScopedRun(Client client, Run run)
    : client_(std::move(client)), run_(std::move(run)), process_(::getpid()) {}

ScopedRun::ScopedRun(ScopedRun&& other) noexcept
    : client_(other.client_),
      run_(std::move(other.run_)),
      process_(std::exchange(other.process_, 0)) {}

ScopedRun& ScopedRun::operator=(ScopedRun&& other) noexcept {
  if (this == &other) return *this;
  end();
  client_ = other.client_;
  run_ = std::move(other.run_);
  process_ = std::exchange(other.process_, 0);
  return *this;
}

ScopedRun::~ScopedRun() {
  end();
}

void ScopedRun::end() {
  if (process_ == ::getpid()) (void)close();
}

Outcome<CleanupReport> ScopedRun::close(std::optional<OwnerExitPolicy> policy) {
  auto closed = client_.call<CloseRun>({.run = run_.run, .on_owner_exit = policy});
  if (!closed) return closed.error();
  process_ = 0;
  return std::move(closed->report);
}

std::string ScopedRun::keep() {
  process_ = 0;
  return run_.run;
}

// ---- Reservation

namespace {

// A name may be reserved again by somebody else; the time of it tells them apart.
bool same_reservation(const Worker& one, const Worker& other) {
  return one.reserved_at.monotonic == other.reserved_at.monotonic;
}

}  // namespace

Reservation::Reservation(Client client, Worker worker)
    : client_(std::move(client)), worker_(std::move(worker)), process_(::getpid()) {}

Reservation::Reservation(Reservation&& other) noexcept
    : client_(other.client_),
      worker_(std::move(other.worker_)),
      process_(std::exchange(other.process_, 0)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  client_ = other.client_;
  worker_ = std::move(other.worker_);
  process_ = std::exchange(other.process_, 0);
  return *this;
}

Reservation::~Reservation() {
  give_back();
}

Outcome<Worker> Reservation::activate(int pidfd, const std::optional<std::string>& handle,
                                      const std::optional<std::string>& fingerprint) {
  auto activated = client_.call<Activate>({.worker = worker_.worker,
                                           .run = worker_.run,
                                           .process_file_descriptor = 0,
                                           .handle = handle,
                                           .fingerprint = fingerprint},
                                          {&pidfd, 1});
  if (!activated) return activated.error();
  process_ = 0;
  return std::move(activated->worker);
}

// Only what is still as it was: the activation's reply may have been lost, or the time was up and
// the name is another's.
void Reservation::give_back() {
  if (process_ != ::getpid()) return;
  process_ = 0;
  const NamedWorker named{worker_.worker, worker_.run};
  const auto now = client_.call<GetWorker>(named);
  if (now && now->worker.state == WorkerState::reserved && same_reservation(now->worker, worker_))
    (void)client_.call<Unregister>(named);
}

// ---- Events

Events::Events(std::unique_ptr<client::Stream> stream) : stream_(std::move(stream)) {}
Events::Events(Events&&) noexcept = default;
Events& Events::operator=(Events&&) noexcept = default;
Events::~Events() = default;

Outcome<std::optional<Event>> Events::next(std::optional<Microseconds> time) {
  return stream_->next(time);
}

int Events::descriptor() const {
  return stream_->descriptor();
}

std::optional<std::int64_t> Events::position() const {
  return stream_->position();
}

// ---- WorkerWatch

namespace {

// A worker never goes back: what is not further is old news.
int progress(const Worker& worker) {
  return 2 * static_cast<int>(worker.state) + (worker.exit && worker.exit->reaped ? 1 : 0);
}

}  // namespace

WorkerWatch::WorkerWatch(Client client, Worker worker, Events events)
    : client_(std::move(client)), events_(std::move(events)), last_(std::move(worker)) {}

WorkerWatch::News WorkerWatch::next(std::optional<Microseconds> time) {
  const auto deadline = time ? std::optional(monotonic_now() + *time) : std::nullopt;
  if (end_) return *end_;
  if (!std::exchange(begun_, true)) return std::optional(last_);
  for (;;) {
    auto news = look_is_due_ ? look() : News(std::nullopt);
    if (!news || *news) return news;
    const auto left = deadline
                          ? std::optional(std::max(*deadline - monotonic_now(), Microseconds{0}))
                          : std::nullopt;
    const auto event = events_.next(left);
    if (!event) return event.error().is<NoSuchRun>() ? end(event.error()) : event.error();
    if (!*event) return News(std::nullopt);
    news = news_in(**event);
    if (!news || *news) return news;
  }
}

WorkerWatch::News WorkerWatch::end(Failure failure) {
  end_ = std::move(failure);
  return *end_;
}

WorkerWatch::News WorkerWatch::look() {
  const auto got = client_.call<GetWorker>({last_.worker, last_.run});
  if (got) {
    look_is_due_ = false;
    return news_in(got->worker);
  }
  const auto& failure = got.error();
  return failure.is<NoSuchWorker>() || failure.is<NoSuchRun>() ? end(failure) : failure;
}

WorkerWatch::News WorkerWatch::news_in(const Event& event) {
  const auto gone = [&] { return end(api::failure(NoSuchWorker{last_.run, last_.worker})); };
  switch (event.kind) {
    // The head of a snapshot, which does not tell of what is no more; or some was missed.
    case EventKind::run_opened:
    case EventKind::gap:
      look_is_due_ = true;
      return std::optional<Worker>();
    case EventKind::run_closed:
      return end(api::failure(NoSuchRun{last_.run}));
    default:
      break;
  }
  if (!event.worker || event.worker->worker != last_.worker) return std::optional<Worker>();
  const bool ended =
      event.kind == EventKind::unregistered || event.kind == EventKind::reservation_expired;
  if (ended && same_reservation(*event.worker, last_)) return gone();
  return news_in(*event.worker);
}

WorkerWatch::News WorkerWatch::news_in(const Worker& worker) {
  if (!same_reservation(worker, last_)) {
    if (worker.reserved_at.monotonic < last_.reserved_at.monotonic) return std::optional<Worker>();
    return end(api::failure(NoSuchWorker{last_.run, last_.worker}));
  }
  if (progress(worker) <= progress(last_)) return std::optional<Worker>();
  last_ = worker;
  return std::optional(worker);
}

}  // namespace reeve
