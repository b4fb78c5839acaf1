#include "service/subscription.hpp"

#include "registry/records.hpp"

namespace reeve::service {

namespace {

EventKind kind_of(WorkerState state) {
  switch (state) {
    case WorkerState::reserved:
      return EventKind::reserved;
    case WorkerState::active:
    case WorkerState::stopping:
      return EventKind::activated;
    case WorkerState::exited:
      return EventKind::exited;
  }
  return EventKind::exited;
}

Event gap_before(std::int64_t sequence, std::optional<std::int64_t> missed) {
  Event gap;
  gap.sequence = sequence - 1;
  gap.at = registry::now();
  gap.kind = EventKind::gap;
  gap.missed = missed;
  return gap;
}

}  // namespace

Subscription::Subscription(registry::Registry& registry, std::optional<std::string> only,
                           Responder<api::Subscribe> respond)
    : registry_(registry),
      only_(std::move(only)),
      respond_(std::move(respond)),
      next_(registry.events().newest() + 1) {}

Subscription::~Subscription() {
  registry_.events().remove(token_);
}

void Subscription::start(registry::Registry& registry, std::optional<std::string> only,
                         std::optional<std::int64_t> after, Responder<api::Subscribe> respond) {
  auto self = std::make_shared<Subscription>(registry, std::move(only), respond);
  if (after)
    self->resume_after(*after);
  else
    self->take_snapshot();
  // The call holds the subscription; the log and the call's own handlers only know of it.
  std::weak_ptr<Subscription> weak = self;
  const auto send = [weak] {
    if (const auto subscription = weak.lock()) subscription->send_what_fits();
  };
  self->token_ = registry.events().listen(self->only_, [weak] {
    if (const auto subscription = weak.lock()) subscription->take_announced();
  });
  respond.call().on_room([weak] {
    const auto subscription = weak.lock();
    if (subscription && !subscription->caught_up_) subscription->send_what_fits();
  });
  respond.call().on_abandoned([self]() mutable { self.reset(); });
  send();
}

void Subscription::take_snapshot() {
  for (const auto& [id, run] : registry_.runs()) {
    if (run->phase() == registry::RunPhase::opening || (only_ && id != *only_)) continue;
    Event opened;
    opened.sequence = next_ - 1;
    opened.at = run->record().opened_at;
    opened.kind = EventKind::run_opened;
    opened.run = id;
    first_.push_back(std::move(opened));
    for (const auto& [name, worker] : run->listed()) {
      Event event;
      event.sequence = next_ - 1;
      const auto& record = worker->record();
      event.at = record.exit ? record.exit->at : record.activated_at.value_or(record.reserved_at);
      event.kind = kind_of(worker->state());
      event.run = id;
      event.worker = worker->described();
      first_.push_back(std::move(event));
    }
  }
}

void Subscription::resume_after(std::int64_t sequence) {
  const auto& log = registry_.events();
  if (sequence >= log.oldest() - 1 && sequence <= log.newest()) {
    next_ = sequence + 1;
    return;
  }
  // From a daemon before this one, or older than what is kept. How many were missed is known only
  // if the number is one of ours.
  next_ = log.oldest();
  const bool ours = sequence >= log.first_ever() - 1 && sequence < log.oldest();
  first_.push_back(
      gap_before(next_, ours ? std::optional(log.oldest() - 1 - sequence) : std::nullopt));
}

// Of other runs nothing is heard. Whoever had all there was has missed none of its own since, be
// the log as far ahead as it may.
void Subscription::take_announced() {
  if (caught_up_) next_ = registry_.events().newest();
  send_what_fits();
}

void Subscription::send_what_fits() {
  const auto& log = registry_.events();
  while (respond_.call().has_room()) {
    if (!first_.empty()) {
      auto event = std::move(first_.front());
      first_.pop_front();
      respond_.stream({std::move(event)});
    } else if (next_ > log.newest()) {
      break;
    } else if (next_ < log.oldest()) {
      first_.push_back(gap_before(log.oldest(), log.oldest() - next_));
      next_ = log.oldest();
    } else {
      const Event& event = log.at(next_++);
      if (!only_ || event.run == *only_) respond_.stream({event});
    }
  }
  caught_up_ = first_.empty() && next_ > log.newest();
}

}  // namespace reeve::service
