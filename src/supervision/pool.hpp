// A pool: its slots, and how it becomes what it should be. See convergence.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/pools.hpp"
#include "reeve/pools.hpp"
#include "supervision/context.hpp"
#include "supervision/notes.hpp"
#include "supervision/slot.hpp"

namespace reeve::supervision {

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  // Of the supervisor. Both are called from the loop.
  struct Owner {
    // Writes down what note() says, with that of all pools.
    std::function<Status()> save;
    // Something about this pool has changed.
    std::function<void(Pool&)> changed;
    // Whether those that it comes after are up.
    std::function<bool(const Pool&)> may_begin;
  };

  // `context` outlives it.
  Pool(const Context& context, config::Pool configuration, PoolNote note, Owner owner);

  [[nodiscard]] const std::string& name() const { return note_.pool; }
  [[nodiscard]] const Context& context() const { return context_; }
  [[nodiscard]] const config::Pool& configuration() const { return configuration_; }
  [[nodiscard]] const PoolNote& note() const { return note_; }
  [[nodiscard]] std::int64_t generation() const { return note_.generation; }
  [[nodiscard]] const std::vector<std::shared_ptr<Slot>>& slots() const { return slots_; }
  // Its workers are as they are to be, or nothing more is done about it.
  [[nodiscard]] bool is_settled() const;
  // Whether others that come after it may begin.
  [[nodiscard]] bool is_up() const;
  // Not configured any more: it goes once it is empty.
  [[nodiscard]] bool is_retired() const { return is_retired_; }
  [[nodiscard]] bool is_empty() const;
  [[nodiscard]] reeve::Pool described() const;
  // How its workers ended last, the latest first.
  [[nodiscard]] std::vector<EndedWorker> exits() const;

  // Before it begins: a worker that an earlier reeved had started.
  void adopt(std::int64_t slot, registry::LiveWorker& worker);
  // After that: one that fills no slot any more.
  void inherit(std::int64_t slot, const registry::LiveWorker& worker);
  // What it has to do is looked at again, soon.
  void slot_changed();
  // These write nothing down: the caller saves, and takes them back with restore() if that fails.
  void follow(config::Pool configuration);
  void retire();
  void resize(std::int64_t size);
  void renew();
  void restore(PoolNote note) { note_ = std::move(note); }

 private:
  void converge();
  void keep_filled();
  [[nodiscard]] Move next_move() const;
  void make(const Move& move);
  void begin(std::int64_t slot);
  void settle(std::int64_t slot);
  void halt(std::int64_t slot);
  void save() const;
  Slot& slot(std::int64_t number);
  [[nodiscard]] std::string told(std::int64_t slot, const std::string& reason) const;

  const Context& context_;
  config::Pool configuration_;
  PoolNote note_;
  Owner owner_;
  bool is_retired_ = false;
  std::vector<std::shared_ptr<Slot>> slots_;
  bool is_to_converge_ = false;
};

// What a pool that was not there before begins with: all of its slots at once.
PoolNote first_note(const config::Pool& configuration);
// Likewise, where what there was of it is gone.
PoolNote begun_again(PoolNote note);

}  // namespace reeve::supervision
