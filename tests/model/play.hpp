// Plays steps in the world and in the model, and compares.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/difference.hpp"
#include "model/model.hpp"
#include "model/troupe.hpp"
#include "model/wire.hpp"
#include "support/unit.hpp"
#include "support/world.hpp"

namespace reeve::model {

std::string to_text(const ExpectedEvent& event);

// What a daemon that goes on serving has done in earlier plays.
struct Past {
  bool is_none = true;
  std::int64_t activated = 0, exited = 0, orphans_killed = 0;
};

class Play {
 public:
  // On a world whose daemon runs and whose root is empty.
  explicit Play(test::World& world, const Past& past = {});
  [[nodiscard]] Past past() const;

  // Throws Difference. A step that makes no sense here does nothing.
  void run(const Step& step);
  // Ends all there is, and sees that nothing is left of it.
  void finish();

  Model model;
  Troupe troupe;
  int last_call = 0;

  // ---- for the kinds of steps

  // Calls; the answer is compared when it must be there. `learn` sees the output first.
  template <class Method>
  using Learn = std::function<void(const typename Method::Output&, Expected&)>;
  template <class Method>
  void call(const Step& step, const typename Method::Input& input, Expected expected,
            std::span<const int> descriptors = {}, Learn<Method> learn = {}) {
    model.answers[step.number("call")] = std::move(expected);
    call_pending<Method>(step, input, descriptors, std::move(learn));
  }
  // The same; the model says later how it ends.
  template <class Method>
  void call_pending(const Step& step, const typename Method::Input& input,
                    std::span<const int> descriptors = {}, Learn<Method> learn = {}) {
    send(step, std::string(Method::name), json::encoded(input), descriptors,
         [learn](const std::string& parameters, Expected& expected) {
           compare_output<Method>(parameters, expected, learn);
         });
  }
  [[nodiscard]] bool can_call(const Step& step) const;
  void hang_up(int call);
  void kill_daemon();
  void start_daemon();
  void subscribe_once(const Step& step);
  [[nodiscard]] bool has_litter() const { return has_litter_; }
  void jump_clock(Microseconds by) { world_.hooks().realtime_offset += by.count(); }
  // Directory of a worker's leaf, to be born in.
  [[nodiscard]] std::string directory_of_leaf(int leaf) const;
  [[nodiscard]] std::string directory_of_service() const { return service_.directory() + "/main"; }
  [[nodiscard]] const std::string& socket() const { return world_.socket(); }
  [[nodiscard]] pid_t daemon_pid() const { return world_.daemon_pid(); }

 private:
  using Compare = std::function<void(const std::string& parameters, Expected& expected)>;
  struct Call {
    int caller = 0;
    std::unique_ptr<Connection> connection;
    Compare compare;
    std::string text;
  };

  template <class Method>
  static void compare_output(const std::string& parameters, Expected& expected,
                             const Learn<Method>& learn) {
    static json::Parser parser;
    const auto parsed = parser.parse(parameters);
    typename Method::Output output;
    const auto decoded = json::decode(*parsed, output, json::UnknownMembers::refused);
    if (!decoded) throw Difference("an output that is none: " + parameters);
    if (learn) learn(output, expected);
    if constexpr (requires { output.report.processes_killed; })
      allow_killed(output.report.processes_killed, expected.killed_at_least,
                   expected.killed_at_most);
    scrub(output, expected.exits);
    compare_texts(json::encoded(output), expected.output);
  }
  static void compare_texts(const std::string& actual, const std::string& expected);
  // Made the least that is expected, if it is in the range.
  static void allow_killed(std::int64_t& killed, std::int64_t least, std::int64_t most);
  static void compare(const Reply& reply, Expected& expected, const Compare& compare_success);

  [[nodiscard]] bool makes_sense(const Step& step) const;
  // Whether it waits for somebody who is frozen.
  [[nodiscard]] bool is_for_frozen(const Step& step) const;
  [[nodiscard]] std::size_t descriptors_of_daemon() const;
  void send(const Step& step, const std::string& method, const std::string& parameters,
            std::span<const int> descriptors, Compare compare);
  std::unique_ptr<Connection> connection_of(int caller);
  enum class From { daemons_first_event, now };
  void subscribe(From from);

  // Until `done`; `what` tells what is missing if that does not come.
  void await(const std::function<bool()>& done, const std::function<std::string()>& what);
  bool await_for(std::chrono::milliseconds time, const std::function<bool()>& done);
  void pump();
  Reply next_reply(Connection& connection, const std::string& to);
  // `before` is what holds if a call fails because its system calls were made to.
  void settle(const Model* before = nullptr);
  void await_reading();
  void settle_answers(const Model* before);
  void settle_processes();
  void take_answers();
  void take_events();
  void take_event(const Event& event);
  void compare_event(const Event& told, const ExpectedEvent& expected);
  void check_unanswered();
  void check_quickly();
  void check_all();
  void check_places() const;
  template <class Method>
  void query(const typename Method::Input& input, const Expected& expected);

  test::World& world_;
  test::Unit service_;
  std::map<int, std::vector<std::unique_ptr<Connection>>> idle_;
  std::map<int, Call> calls_;
  std::unique_ptr<Connection> events_;
  std::unique_ptr<Connection> ask_;
  std::deque<ExpectedEvent> expected_events_;
  std::vector<Event> told_;            // since the daemon was started
  std::map<int, std::string> leaves_;  // their cgroups
  std::size_t descriptors_at_first_ = 0;
  std::size_t steps_ = 0;
  bool has_faults_ = false;  // system calls of the daemon were made to fail in this step
  bool has_failed_ = false;  // and it said so
  // A failed call may have made a directory that it could not remove either: it has no record, and
  // goes when orphans are cleaned up.
  bool has_litter_ = false;
};

}  // namespace reeve::model
