#include "supervision/supervisor.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "base/log.hpp"
#include "registry/live_run.hpp"
#include "registry/names.hpp"
#include "supervision/journal_stream.hpp"

namespace reeve::supervision {

namespace {

constexpr const char* run_name = "pools";
constexpr Microseconds before_another_attempt{5'000'000};

template <class T>
auto named(const std::vector<T>& all, const std::string& name) {
  return std::find_if(all.begin(), all.end(), [&](const T& each) { return each.name == name; });
}

Microseconds longest_stop(const std::vector<config::Pool>& pools) {
  Microseconds longest{0};
  for (const auto& pool : pools)
    longest = std::max(longest, pool.stop_timeout);
  return longest;
}

}  // namespace

double Context::chance() {
  static std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

Supervisor::Supervisor(loop::Loop& loop, registry::Registry& registry, Host host)
    : context_{loop, registry, std::move(host), {}} {
  context_.host.unit = unit_of(registry.root().path());
  context_.host.has_memory_controller = registry.has_controller("memory");
  registry.on_run_gone([this] { run_gone(); });
  registry.before_death([this] {
    if (notifications_) notifications_->hear_out();
  });
}

Supervisor::~Supervisor() {
  context_.registry.on_run_gone(nullptr);
  context_.registry.before_death(nullptr);
}

// ---- the run

Status Supervisor::follow(std::vector<config::Pool> pools) {
  configured_ = std::move(pools);
  if (!configured_.empty()) make_notify_socket();
  if (is_ending_) return Done{};
  if (context_.run_id.empty())
    if (auto* run = open_run_left(); run != nullptr) return take_over(*run);
  follow_configuration();
  if (context_.run() == nullptr) {
    open_run();
    if (configured_.empty()) tell_waiting(Done{});
    return Done{};
  }
  auto saved = save();
  look_at_all();
  return saved;
}

registry::LiveRun* Supervisor::open_run_left() const {
  for (const auto& [id, run] : context_.registry.runs())
    if (run->is_configured() && run->is_open() && run->phase() != registry::RunPhase::opening)
      return run.get();
  return nullptr;
}

// Not while an earlier one is closing: nothing of it may be left. See run_gone().
void Supervisor::open_run() {
  const auto& runs = context_.registry.runs();
  const bool is_there = std::any_of(runs.begin(), runs.end(),
                                    [](const auto& each) { return each.second->is_configured(); });
  if (configured_.empty() || is_there) return;
  auto self = process::Process::open(::getpid());
  if (!self) return run_failed(self.error().message());
  registry::OpenRequest request;
  request.owner = std::move(*self);
  request.user = ::geteuid();
  request.name = run_name;
  request.policy = OwnerExitPolicy::keep;
  request.grace = longest_stop(configured_);
  request.is_configured = true;
  is_opening_ = true;
  context_.registry.open_run(std::move(request),
                             while_alive(self_, [](Supervisor* supervisor, const auto& opened) {
                               supervisor->is_opening_ = false;
                               if (!opened.ok())
                                 return supervisor->run_failed(opened.error().message());
                               supervisor->run_opened(opened->run);
                             }));
}

void Supervisor::run_failed(const std::string& reason) {
  log::error("no pool can be run: {}; trying on", reason);
  if (is_ending_) return end(std::move(ended_));
  another_attempt_ = context_.loop.after(before_another_attempt, [this] { open_run(); });
}

void Supervisor::run_opened(const std::string& id) {
  context_.run_id = id;
  if (is_ending_) return end(std::move(ended_));
  const auto saved = save();
  if (!saved) log::error("{}", saved.error().message());
  look_at_all();
  tell_waiting(saved);
  if (pools_.empty()) close_run();
}

Status Supervisor::take_over(registry::LiveRun& run) {
  context_.run_id = run.id();
  PoolsNote note;
  if (const auto notes = run.notes(); notes.ok())
    if (const auto text = notes->find(pools_note); text != notes->end()) {
      if (auto read = read_pools_note(text->second))
        note = std::move(*read);
      else
        log::error(
            "what was written down of the pools cannot be read, they are taken as they "
            "are: {}",
            read.error().message());
    }
  for (auto& each : note.pools) {
    const auto configured = named(configured_, each.pool);
    config::Pool configuration;
    configuration.name = each.pool;
    add(configured == configured_.end() ? configuration : *configured, std::move(each));
  }
  adopt_workers(run);
  follow_configuration();
  auto saved = save();
  look_at_all();
  if (pools_.empty()) close_run();
  return saved;
}

// The run of a reeved that was upgraded may hold workers that are none of a pool's: they stay.
void Supervisor::adopt_workers(const registry::LiveRun& run) {
  // A copy: an empty reservation leaves the listing when it is looked at.
  const auto workers = run.listed();
  for (const auto& [name, worker] : workers) {
    const auto slot = registry::slot_of(name);
    if (!slot) continue;
    const auto& [pool, number] = *slot;
    if (!pools_.contains(pool)) {
      const auto configured = named(configured_, pool);
      config::Pool configuration;
      configuration.name = pool;
      if (configured != configured_.end()) configuration = *configured;
      auto note = first_note(configuration);
      add(std::move(configuration), std::move(note));
    }
    pools_.at(pool)->adopt(number, *worker);
  }
  for (const auto& [key, worker] : run.workers()) {
    const auto slot = registry::slot_of(worker->name());
    auto* pool = slot && run.find(worker->name()) != key ? find(slot->first) : nullptr;
    if (pool != nullptr) pool->inherit(slot->second, *worker);
  }
}

void Supervisor::follow_configuration() {
  for (const auto& configuration : configured_) {
    if (configuration.max_memory_bytes && !context_.host.has_memory_controller)
      log::warning("{}: pool {}: max-memory is not heeded: there is no memory controller below {}",
                   configuration.where, configuration.name, context_.registry.root().path());
    if (auto* known = find(configuration.name))
      known->follow(configuration);
    else
      add(configuration, first_note(configuration));
  }
  const auto known = pools_;
  for (const auto& [name, pool] : known) {
    if (named(configured_, name) != configured_.end()) continue;
    pool->retire();
    if (context_.run() == nullptr) pool_changed(*pool);  // it never had a worker, or all of them go
  }
  if (auto* run = context_.run(); run != nullptr && !configured_.empty())
    if (const auto set = run->set_grace(longest_stop(configured_)); !set)
      log::warning("{}", set.error().message());
}

Pool& Supervisor::add(config::Pool configuration, PoolNote note) {
  auto pool = std::make_shared<Pool>(
      context_, std::move(configuration), std::move(note),
      Pool::Owner{[this] { return save(); }, [this](Pool& changed) { pool_changed(changed); },
                  [this](const Pool& asking) { return may_begin(asking); }});
  return *pools_.emplace(pool->name(), pool).first->second;
}

// Told whenever any run is gone.
void Supervisor::run_gone() {
  std::map<std::string, std::shared_ptr<Pool>> gone;
  if (!context_.run_id.empty() && !context_.registry.runs().contains(context_.run_id)) {
    context_.run_id.clear();
    gone.swap(pools_);
    if (is_ending_ && ended_) return std::exchange(ended_, nullptr)();
  }
  if (is_ending_ || !context_.run_id.empty()) return;
  follow_configuration();
  // What was asked of a pool since it was configured holds for the next run, too.
  for (const auto& [name, pool] : pools_)
    if (const auto earlier = gone.find(name);
        earlier != gone.end() && !earlier->second->is_retired())
      pool->restore(begun_again(earlier->second->note()));
  open_run();
}

void Supervisor::end(std::function<void()> then) {
  is_ending_ = true;
  ended_ = std::move(then);
  tell_waiting(Error{ESHUTDOWN, "pools", "change"});
  if (is_opening_) return;
  if (context_.run() != nullptr)
    retire_all();
  else if (context_.run_id.empty())
    context_.loop.defer([this] { std::exchange(ended_, nullptr)(); });
}

// Each with its signal, and in its time; what is noted of them stays, for who comes if this reeved
// is killed meanwhile.
void Supervisor::retire_all() {
  for (const auto& [name, pool] : pools_)
    pool->retire();
  look_at_all();
  if (pools_.empty()) close_run();
}

void Supervisor::close_run() {
  if (auto* run = context_.run())
    (void)run->close(OwnerExitPolicy::terminate, [](const api::Outcome<CleanupReport>&) {});
}

// ---- what workers say

void Supervisor::make_notify_socket() {
  const auto& path = context_.host.notify_socket;
  if (notifications_ || path.empty()) return;
  auto socket = is_notify_socket(kept_notify_socket_, path)
                    ? Result<FileDescriptor>(std::move(kept_notify_socket_))
                    : supervision::make_notify_socket(path);
  if (!socket)
    return log::error("workers of pools cannot say how they are: {}", socket.error().message());
  notifications_.emplace(
      context_.loop, std::move(*socket),
      [this](const process::Process& sender, std::string_view message) { hear(sender, message); });
}

// Of the worker in whose cgroup the sender is, whatever it says it is. One that is gone sits in
// none: sd_notify_barrier(3) is for those.
void Supervisor::hear(const process::Process& sender, std::string_view message) {
  const auto* run = context_.run();
  const auto where = sender.control_group();
  if (run == nullptr || !where) return;
  const auto* worker = run->worker_around(context_.registry.mount().below(*where));
  const auto slot = worker == nullptr ? std::nullopt : registry::slot_of(worker->name());
  auto* pool = slot ? find(slot->first) : nullptr;
  if (pool == nullptr || slot->second >= std::ssize(pool->slots())) return;
  pool->slots()[static_cast<std::size_t>(slot->second)]->hear(parse_notification(message));
}

// ---- the pools

Pool* Supervisor::find(const std::string& name) const {
  const auto found = pools_.find(name);
  return found == pools_.end() ? nullptr : found->second.get();
}

void Supervisor::scale(Pool& pool, std::int64_t size, Noted noted) {
  request(
      pool, [&] { pool.resize(size); }, std::move(noted));
}

void Supervisor::restart(Pool& pool, Noted noted) {
  request(
      pool, [&] { pool.renew(); }, std::move(noted));
}

void Supervisor::request(Pool& pool, const std::function<void()>& change, Noted noted) {
  if (is_ending_) return noted(Error{ESHUTDOWN, "pool " + pool.name(), "change"});
  const auto before = pool.note();
  change();
  if (context_.run() == nullptr) return waiting_.push_back(std::move(noted));
  const auto saved = save();
  if (saved.ok())
    pool.slot_changed();
  else
    pool.restore(before);
  noted(saved);
}

void Supervisor::tell_waiting(const Status& status) {
  for (const auto& noted : std::exchange(waiting_, {}))
    noted(status);
}

Status Supervisor::save() const {
  const auto* run = context_.run();
  if (run == nullptr || is_ending_) return Done{};
  PoolsNote note;
  for (const auto& [name, pool] : pools_)
    note.pools.push_back(pool->note());
  return run->write_note(pools_note, written(note));
}

bool Supervisor::may_begin(const Pool& pool) const {
  // What comes after it goes before it.
  if (pool.is_retired())
    return std::none_of(pools_.begin(), pools_.end(), [&](const auto& each) {
      const auto& after = each.second->configuration().after;
      return each.second->is_retired() && named(after, pool.name()) != after.end();
    });
  const auto& after = pool.configuration().after;
  return std::all_of(after.begin(), after.end(), [this](const config::Named& earlier) {
    const auto* found = find(earlier.name);
    return found == nullptr || found->is_up();
  });
}

void Supervisor::look_at_all() {
  for (const auto& [name, pool] : pools_)
    pool->slot_changed();
}

void Supervisor::pool_changed(Pool& pool) {
  const auto listening = listeners_;
  for (const auto& [token, listener] : listening)
    if (listeners_.contains(token)) listener(pool);
  if (pool.is_retired() && pool.is_empty()) {
    pools_.erase(pool.name());
    if (const auto saved = save(); !saved) log::warning("{}", saved.error().message());
    if (pools_.empty()) close_run();
    return look_at_all();
  }
  if (!pool.is_up()) return;
  for (const auto& [name, other] : pools_) {
    const auto& after = other->configuration().after;
    if (named(after, pool.name()) != after.end()) other->slot_changed();
  }
}

Supervisor::Token Supervisor::listen(std::function<void(const Pool&)> listener) {
  listeners_.emplace(++last_listener_, std::move(listener));
  return last_listener_;
}

}  // namespace reeve::supervision
