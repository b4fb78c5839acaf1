// The pools of the configuration: kept as it says, in a run that belongs to whichever reeved serves
// the root. What is asked for is written down on that run before it is begun, so a reeved that
// follows this one goes on with it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/pools.hpp"
#include "supervision/notify_socket.hpp"
#include "supervision/pool.hpp"

namespace reeve::supervision {

class Supervisor {
 public:
  // `registry` has been recovered.
  Supervisor(loop::Loop& loop, registry::Registry& registry, Host host);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Takes over the pools of an earlier reeved and makes them what the configuration says; called
  // again, with another one.
  Status follow(std::vector<config::Pool> pools);
  // Before that: the notify socket of an earlier reeved, if it was kept.
  void resume_notifications(FileDescriptor kept) { kept_notify_socket_ = std::move(kept); }
  // Where workers notify; -1 while there has been no pool.
  [[nodiscard]] int notify_descriptor() const {
    return notifications_ ? notifications_->descriptor() : -1;
  }
  // Ends all pools, and calls `then` once nothing is left of them.
  void end(std::function<void()> then);

  // By name.
  [[nodiscard]] const std::map<std::string, std::shared_ptr<Pool>>& pools() const { return pools_; }
  [[nodiscard]] Pool* find(const std::string& name) const;
  // `noted` is called once they are written down, which may be later: while the run of the pools is
  // being opened, or an earlier one is ending. What they ask for happens from then on.
  using Noted = std::function<void(const Status&)>;
  void scale(Pool& pool, std::int64_t size, Noted noted);
  void restart(Pool& pool, Noted noted);

  // Called, from the loop, whenever something about a pool has changed, until it is removed. It may
  // remove itself or another.
  using Token = std::uint64_t;
  Token listen(std::function<void(const Pool&)> listener);
  void remove(Token token) { listeners_.erase(token); }

 private:
  [[nodiscard]] Pool::Owner owner();
  [[nodiscard]] registry::LiveRun* open_run_left() const;
  void open_run();
  void run_failed(const std::string& reason);
  void run_opened(const std::string& id);
  Status take_over(registry::LiveRun& run);
  void retire_all();
  void close_run();
  void follow_configuration();
  Pool& add(config::Pool configuration, PoolNote note);
  void adopt_workers(const registry::LiveRun& run);
  void run_gone();
  void make_notify_socket();
  void hear(const process::Process& sender, std::string_view message);
  void pool_changed(Pool& pool);
  [[nodiscard]] bool may_begin(const Pool& pool) const;
  void look_at_all();
  [[nodiscard]] Status save() const;
  // What `change` does to a pool, unless it cannot be written down.
  void request(Pool& pool, const std::function<void()>& change, Noted noted);
  void tell_waiting(const Status& status);

  Context context_;
  FileDescriptor kept_notify_socket_;
  std::optional<NotifySocket> notifications_;
  std::vector<config::Pool> configured_;
  std::map<std::string, std::shared_ptr<Pool>> pools_;
  bool is_opening_ = false;
  std::vector<Noted> waiting_;  // for the run
  loop::Timer another_attempt_;
  bool is_ending_ = false;
  std::function<void()> ended_;
  std::map<Token, std::function<void(const Pool&)>> listeners_;
  Token last_listener_ = 0;
  // For callbacks that may come after it.
  std::shared_ptr<Supervisor*> self_ = std::make_shared<Supervisor*>(this);
};

}  // namespace reeve::supervision
