// What the service manager that started reeved is told, as sd_notify(3) says. Without a manager,
// nothing happens. Nothing here waits for it: what finds its socket full is told the next time.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "loop/loop.hpp"
#include "registry/registry.hpp"

namespace reeve::daemon {

// The name under which the events of a reeved that ends are kept by the manager, for the next one.
inline constexpr const char* stored_events = "events";
// The socket of the notifications of pools' workers: what is said while no reeved runs waits in it.
inline constexpr const char* stored_notifications = "notifications";

class Notifier {
 public:
  Notifier(loop::Loop& loop, registry::Registry& registry);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Before anything is announced.
  void resume_events(FileDescriptor stored);
  // From now on the manager hears of runs and workers, and that the loop turns.
  void tell_ready();
  void tell_reloading();
  void tell_reloaded() { send("READY=1"); }
  // The manager keeps a copy for the next reeved; -1 for nothing.
  void keep_notifications(int socket);
  // With the events, from which the next reeved goes on.
  void tell_stopping();

 private:
  void send(const std::string& message, const std::vector<int>& descriptors = {}) const;
  void tell_status();
  void tell_soon();
  void feed_watchdog();

  loop::Loop& loop_;
  registry::Registry& registry_;
  FileDescriptor socket_;
  registry::EventLog::Token listening_;
  loop::Timer telling_;
  bool is_to_be_told_ = false;
  bool are_notifications_kept_ = false;
  loop::Timer watchdog_;
  Microseconds watchdog_interval_{};
};

}  // namespace reeve::daemon
