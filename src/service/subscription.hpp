// One subscriber: a cursor over the event log that moves as fast as the subscriber reads. What it
// is too slow for is not buffered but dropped from the log in time, and told as one gap.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "registry/registry.hpp"
#include "service/service.hpp"

namespace reeve::service {

class Subscription : public std::enable_shared_from_this<Subscription> {
 public:
  // Lives as long as the call. `only` is the run to tell of, all if empty. Without `after` it
  // begins with the present.
  static void start(registry::Registry& registry, std::optional<std::string> only,
                    std::optional<std::int64_t> after, Responder<api::Subscribe> respond);

  ~Subscription();

  Subscription(registry::Registry& registry, std::optional<std::string> only,
               Responder<api::Subscribe> respond);

 private:
  void take_snapshot();
  void resume_after(std::int64_t sequence);
  void take_announced();
  void send_what_fits();

  registry::Registry& registry_;
  std::optional<std::string> only_;
  Responder<api::Subscribe> respond_;
  std::deque<Event> first_;  // the snapshot, or a gap, still to be sent
  std::int64_t next_;
  bool caught_up_ = false;
  registry::EventLog::Token token_;
};

}  // namespace reeve::service
