#include "supervision/pool.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "api/pools.hpp"
#include "base/log.hpp"
#include "registry/live_run.hpp"
#include "registry/names.hpp"

namespace reeve::supervision {

PoolNote first_note(const config::Pool& configuration) {
  PoolNote note;
  note.pool = configuration.name;
  note.size = note.configured_size = note.filled = configuration.size;
  note.settings = settings_of(configuration);
  return note;
}

PoolNote begun_again(PoolNote note) {
  note.filled = note.size;
  note.changing.reset();
  note.halt.reset();
  return note;
}

Pool::Pool(const Context& context, config::Pool configuration, PoolNote note, Owner owner)
    : context_(context),
      configuration_(std::move(configuration)),
      note_(std::move(note)),
      owner_(std::move(owner)) {}

// ---- what is asked of it

void Pool::follow(config::Pool configuration) {
  configuration_ = std::move(configuration);
  is_retired_ = false;
  for (const auto& each : slots_)
    each->follow_configuration();
  // What somebody has scaled since stays so until the file says something else.
  if (note_.configured_size != configuration_.size) resize(configuration_.size);
  note_.configured_size = configuration_.size;
  const auto settings = settings_of(configuration_);
  if (note_.settings == settings) return;
  note_.settings = settings;
  renew();
}

void Pool::retire() {
  is_retired_ = true;
  note_.configured_size = 0;  // configured again meanwhile, it is filled again
  resize(0);
}

// Where a change was stopped, the slot that it was stopped at is judged again before any other is
// touched.
void Pool::resize(std::int64_t size) {
  note_.size = size;
  note_.filled = std::min(note_.filled, size);
  note_.changing.reset();
  if (note_.halt && note_.halt->slot < size) note_.changing = note_.halt->slot;
  note_.halt.reset();
}

void Pool::renew() {
  ++note_.generation;
  note_.changing.reset();
  note_.halt.reset();
}

// ---- how it stands

Move Pool::next_move() const {
  std::vector<SlotStand> stands;
  stands.reserve(slots_.size());
  for (const auto& each : slots_)
    stands.push_back(each->stand());
  return supervision::next_move(
      {note_.size, note_.filled, note_.generation, note_.changing, note_.halt.has_value()}, stands);
}

bool Pool::is_settled() const {
  if (next_move().kind != Move::Kind::none || std::ssize(slots_) < note_.filled) return false;
  return std::none_of(slots_.begin(), slots_.end(), [this](const auto& each) {
    const auto phase = each->phase();
    return (phase == SlotPhase::empty && each->number() < note_.filled) ||
           phase == SlotPhase::starting || phase == SlotPhase::leaving ||
           phase == SlotPhase::replacing;
  });
}

bool Pool::is_up() const {
  if (note_.halt) return true;
  return note_.filled == note_.size && std::ssize(slots_) >= note_.size &&
         std::all_of(slots_.begin(), slots_.begin() + note_.size, [](const auto& each) {
           const auto phase = each->phase();
           return phase == SlotPhase::ready || phase == SlotPhase::held || phase == SlotPhase::done;
         });
}

std::string Pool::told(std::int64_t slot, const std::string& reason) const {
  return fmt::format("worker {}: {}", registry::worker_name(name(), slot), reason);
}

reeve::Pool Pool::described() const {
  reeve::Pool pool;
  pool.pool = name();
  pool.size = note_.size;
  pool.configured_size = note_.configured_size;
  pool.generation = note_.generation;
  if (!context_.run_id.empty()) pool.run = context_.run_id;
  pool.command = configuration_.command;
  for (const auto& each : slots_) {
    const bool is_wanted = each->number() < note_.size;
    if (each->phase() == SlotPhase::ready) ++pool.ready;
    if (each->phase() == SlotPhase::held) ++pool.held;
    pool.restarts += each->restarts();
    if (is_wanted ? each->stand().generation != generation() : each->phase() != SlotPhase::empty)
      ++pool.to_change;
  }
  pool.to_change += std::max<std::int64_t>(0, note_.size - std::ssize(slots_));
  pool.state = note_.halt                 ? PoolState::halted
               : is_settled()             ? PoolState::settled
               : !owner_.may_begin(*this) ? PoolState::waiting
                                          : PoolState::changing;
  if (note_.halt) pool.reason = told(note_.halt->slot, note_.halt->reason);
  const auto lost = std::find_if(slots_.begin(), slots_.end(),
                                 [](const auto& each) { return each->is_given_up(); });
  if (!pool.reason && lost != slots_.end())
    pool.reason = told((*lost)->number(), (*lost)->reason());
  return pool;
}

std::vector<EndedWorker> Pool::exits() const {
  constexpr std::size_t told = 100;
  std::vector<EndedWorker> exits;
  for (const auto& each : slots_)
    exits.insert(exits.end(), each->exits().begin(), each->exits().end());
  std::stable_sort(exits.begin(), exits.end(), [](const auto& left, const auto& right) {
    return left.exit.at.monotonic > right.exit.at.monotonic;
  });
  exits.resize(std::min(exits.size(), told));
  return exits;
}

bool Pool::is_empty() const {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const auto& each) { return each->phase() == SlotPhase::empty; });
}

// ---- becoming what it should be

Slot& Pool::slot(std::int64_t number) {
  while (std::ssize(slots_) <= number)
    slots_.push_back(std::make_shared<Slot>(*this, std::ssize(slots_)));
  return *slots_[static_cast<std::size_t>(number)];
}

void Pool::adopt(std::int64_t number, registry::LiveWorker& worker) {
  slot(number).adopt(worker);
}

void Pool::inherit(std::int64_t number, const registry::LiveWorker& worker) {
  if (number < note_.size) slot(number).inherit(worker);
}

// Not at once: who has changed is in the middle of it. Many changes are looked at together.
void Pool::slot_changed() {
  if (std::exchange(is_to_converge_, true)) return;
  context_.loop.defer(while_alive(shared_from_this(), [](Pool& pool) {
    pool.is_to_converge_ = false;
    pool.converge();
  }));
}

void Pool::converge() {
  if (context_.run() == nullptr) return;
  if (owner_.may_begin(*this)) {
    keep_filled();
    for (auto move = next_move(); move.kind != Move::Kind::none && move.kind != Move::Kind::await;
         move = next_move())
      make(move);
    while (!slots_.empty() && slots_.back()->number() >= note_.size &&
           slots_.back()->phase() == SlotPhase::empty)
      slots_.pop_back();
  }
  owner_.changed(*this);
}

void Pool::keep_filled() {
  for (std::int64_t number = 0; number < note_.filled; ++number)
    if (slot(number).phase() == SlotPhase::empty) slot(number).apply(SlotEvent::fill);
}

void Pool::make(const Move& move) {
  switch (move.kind) {
    case Move::Kind::fill:
      begin(move.slot);
      return slot(move.slot).apply(SlotEvent::fill);
    case Move::Kind::replace:
      begin(move.slot);
      return slot(move.slot).replace();
    case Move::Kind::drop:
      // With nobody left to do the work there is no reason to let one go after the other.
      if (note_.size > 0) begin(move.slot);
      return slot(move.slot).apply(SlotEvent::drop);
    case Move::Kind::recycle:
      return slot(move.slot).recycle();
    case Move::Kind::settled:
      return settle(move.slot);
    case Move::Kind::halt:
      return halt(move.slot);
    default:
      return;
  }
}

// Written down before it is done: who comes after this reeved judges the slot as this one would.
void Pool::begin(std::int64_t number) {
  if (note_.changing == number) return;
  note_.changing = number;
  save();
}

void Pool::settle(std::int64_t number) {
  note_.changing.reset();
  if (number < note_.size) note_.filled = std::max(note_.filled, number + 1);
  save();
}

void Pool::halt(std::int64_t number) {
  note_.changing.reset();
  note_.halt = Halt{number, slot(number).reason()};
  save();
  const auto worker = registry::worker_name(name(), number);
  log::tell(log::Level::error, log::topic::pool_halted, {context_.run_id, worker, name()},
            "pool {}: the change is stopped: worker {} failed, {}; mend the configuration and "
            "reevectl reload, or reevectl restart {} if something else was wrong",
            name(), worker, note_.halt->reason, name());
}

void Pool::save() const {
  if (const auto saved = owner_.save(); !saved) log::warning("{}", saved.error().message());
}

}  // namespace reeve::supervision
