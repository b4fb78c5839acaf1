// io.reeve.Pools.
#include <fmt/core.h>

#include "registry/names.hpp"
#include "service/service.hpp"
#include "supervision/supervisor.hpp"

namespace reeve::service {

namespace {

// Tells of a pool again and again until its change is over. Lives as long as its call.
template <class Method>
class Progress : public std::enable_shared_from_this<Progress<Method>> {
 public:
  Progress(supervision::Supervisor& supervisor, Responder<Method> respond, std::string pool)
      : supervisor_(supervisor), respond_(std::move(respond)), pool_(std::move(pool)) {}
  ~Progress() { supervisor_.remove(token_); }

  static void follow(supervision::Supervisor& supervisor, const Responder<Method>& respond,
                     const supervision::Pool& pool) {
    const auto progress = std::make_shared<Progress>(supervisor, respond, pool.name());
    progress->token_ = supervisor.listen([progress](const supervision::Pool& changed) {
      if (changed.name() == progress->pool_) progress->tell(changed);
    });
    respond.call().on_abandoned([progress] { progress->supervisor_.remove(progress->token_); });
    progress->tell(pool);
  }

 private:
  void tell(const supervision::Pool& pool) {
    const auto described = pool.described();
    const bool is_over =
        described.state == PoolState::settled || described.state == PoolState::halted;
    // A caller that does not read misses some, and not the last.
    if (!is_over && respond_.call().has_room()) return respond_.stream({described});
    if (!is_over) return;
    supervisor_.remove(token_);
    if (described.state == PoolState::settled) return respond_.reply({described});
    const auto& halt = *pool.note().halt;
    respond_.fail(api::failure(
        api::PoolHalted{pool.name(), registry::worker_name(pool.name(), halt.slot), halt.reason}));
  }

  supervision::Supervisor& supervisor_;
  Responder<Method> respond_;
  std::string pool_;
  supervision::Supervisor::Token token_ = 0;
};

// Tells of all pools, and of each that changes. Held by its call.
class PoolWatch : public std::enable_shared_from_this<PoolWatch> {
 public:
  PoolWatch(supervision::Supervisor& supervisor, loop::Loop& loop,
            Responder<api::WatchPools> respond)
      : supervisor_(supervisor), loop_(loop), respond_(std::move(respond)) {}
  ~PoolWatch() { supervisor_.remove(token_); }

  void start() {
    const std::weak_ptr<PoolWatch> weak = shared_from_this();
    token_ = supervisor_.listen([weak](const supervision::Pool& changed) {
      if (const auto watch = weak.lock()) watch->take(changed);
    });
    respond_.call().on_room([weak] {
      if (const auto watch = weak.lock()) watch->send();
    });
    respond_.call().on_abandoned([self = shared_from_this()]() mutable { self.reset(); });
    begin_soon();
  }

 private:
  // A pool that was configured a moment ago is what it says only once it has looked at itself.
  void begin_soon() {
    loop_.defer([weak = weak_from_this()] {
      if (const auto watch = weak.lock()) watch->begin();
    });
  }

  void begin() {
    if (std::exchange(has_begun_, true)) return;
    api::WatchPools::Output output;
    for (const auto& [name, pool] : supervisor_.pools())
      output.pools.push_back(pool->described());
    respond_.stream(output);
  }

  void take(const supervision::Pool& changed) {
    if (!has_begun_) return begin_soon();
    unsent_[changed.name()] = changed.described();
    send();
  }

  // A caller that does not read is told of each pool as it was last.
  void send() {
    if (unsent_.empty() || !respond_.call().has_room()) return;
    api::WatchPools::Output output;
    for (auto& [name, pool] : std::exchange(unsent_, {}))
      output.pools.push_back(std::move(pool));
    respond_.stream(output);
  }

  supervision::Supervisor& supervisor_;
  loop::Loop& loop_;
  Responder<api::WatchPools> respond_;
  bool has_begun_ = false;
  std::map<std::string, Pool> unsent_;
  supervision::Supervisor::Token token_ = 0;
};

}  // namespace

std::optional<api::Failure> Service::objection_to_looking_at_pools(const Caller& caller) const {
  return objection_to_looking_at_all(rules_, caller);
}

api::Outcome<supervision::Pool*> Service::pool_named(const std::string& name) const {
  auto* pool = supervisor_ == nullptr ? nullptr : supervisor_->find(name);
  if (pool == nullptr) return api::failure(api::NoSuchPool{name});
  return pool;
}

void Service::list_pools(api::ListPools::Input, Responder<api::ListPools> respond) {
  if (const auto objection = objection_to_looking_at_pools(respond.caller()))
    return respond.fail(*objection);
  std::vector<Pool> pools;
  if (supervisor_ != nullptr)
    for (const auto& [name, pool] : supervisor_->pools())
      pools.push_back(pool->described());
  if (!respond.call().more() || pools.empty()) return respond.reply({std::move(pools)});
  for (std::size_t i = 0; i + 1 < pools.size(); ++i)
    respond.stream({{pools[i]}});
  respond.reply({{pools.back()}});
}

void Service::get_pool(api::GetPool::Input input, Responder<api::GetPool> respond) {
  if (const auto objection = objection_to_looking_at_pools(respond.caller()))
    return respond.fail(*objection);
  const auto pool = pool_named(input.pool);
  if (!pool) return respond.fail(pool.error());
  api::GetPool::Output output{(*pool)->described(), {}, (*pool)->exits()};
  for (const auto& slot : (*pool)->slots())
    output.slots.push_back(slot->described());
  respond.reply(output);
}

void Service::watch_pools(api::WatchPools::Input, Responder<api::WatchPools> respond) {
  if (!respond.call().more()) return respond.fail(api::failure(api::ExpectedMore{}));
  if (const auto objection = objection_to_looking_at_pools(respond.caller()))
    return respond.fail(*objection);
  if (supervisor_ == nullptr) return respond.reply({});
  std::make_shared<PoolWatch>(*supervisor_, loop_, respond)->start();
}

template <class Method, class Change>
void Service::change_pool(const std::string& name, const Responder<Method>& respond,
                          const Change& change) {
  if (const auto objection = objection_to_administering(respond.caller()))
    return respond.fail(*objection);
  const auto pool = pool_named(name);
  if (!pool) return respond.fail(pool.error());
  if ((*pool)->is_retired()) return respond.fail(api::failure(api::NoSuchPool{name}));
  change(**pool, [this, name, respond](const Status& noted) {
    if (!noted) return respond.fail(api::system_failed(noted.error()));
    const auto changed = pool_named(name);  // another, or none, if that took time
    if (!changed) return respond.fail(changed.error());
    if (!respond.call().more()) return respond.reply({(*changed)->described()});
    Progress<Method>::follow(*supervisor_, respond, **changed);
  });
}

void Service::scale_pool(api::ScalePool::Input input, Responder<api::ScalePool> respond) {
  if (input.size < 0 || input.size > config::largest_pool)
    return respond.fail(api::invalid_parameter(
        "size", fmt::format("must be between 0 and {}", config::largest_pool)));
  change_pool<api::ScalePool>(input.pool, respond, [&](supervision::Pool& pool, auto noted) {
    supervisor_->scale(pool, input.size, std::move(noted));
  });
}

void Service::restart_pool(api::RestartPool::Input input, Responder<api::RestartPool> respond) {
  change_pool<api::RestartPool>(input.pool, respond, [&](supervision::Pool& pool, auto noted) {
    supervisor_->restart(pool, std::move(noted));
  });
}

}  // namespace reeve::service
