// A real reeved on a throw-away cgroup root and socket, and clients for it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/interfaces.hpp"
#include "base/test_hooks.hpp"
#include "json/codec.hpp"
#include "registry/names.hpp"
#include "support/processes.hpp"
#include "varlink/client.hpp"

namespace reeve::test {

// What a call returned: its output, or the error's name without the interface's, and parameters.
template <class Output>
struct Answer {
  std::optional<Output> output;
  std::string error;
  std::string parameters;

  explicit operator bool() const { return output.has_value(); }
  const Output* operator->() const { return &*output; }
  [[nodiscard]] bool mentions(std::string_view text) const {
    return parameters.find(text) != std::string::npos;
  }
};

template <class Output>
std::ostream& operator<<(std::ostream& out, const Answer<Output>& answer) {
  return out << (answer ? "success" : answer.error + " " + answer.parameters);
}

template <class Method>
Answer<typename Method::Output> call_on(varlink::Client& client,
                                        const typename Method::Input& input,
                                        std::span<const int> descriptors = {}) {
  const auto name = api::full_name<Method>();
  const auto reply = client.call(name, json::encoded(input), descriptors);
  if (!reply) return {{}, "(" + reply.error().message() + ")", {}};
  if (!reply->error.empty())
    return {{}, reply->error.substr(reply->error.rfind('.') + 1), reply->parameters};
  json::Parser parser;
  typename Method::Output output;
  const auto parsed = parser.parse(reply->parameters);
  const auto decoded = json::decode(*parsed, output, json::UnknownMembers::refused);
  if (!decoded) return {{}, "(undecodable: " + decoded.error().member + ")", reply->parameters};
  return {std::move(output), {}, reply->parameters};
}

// The next message as it comes; nothing if the connection ends instead.
std::string next_message(const varlink::Client& client);

class World {
 public:
  enum class Daemon { started, not_started };
  // Whether the death of the daemon fails the test, or is for somebody else to notice.
  enum class Failures { told, tolerated };
  explicit World(Daemon daemon = Daemon::started, Failures failures = Failures::told);
  explicit World(Failures failures) : World(Daemon::started, failures) {}
  // Ends the daemon and everything in the root, and fails the test if the daemon had died by
  // itself.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // What its reeve.toml says from the next start on.
  void configure(const std::string& text) const;
  // The message bus to be on from the next start on; none otherwise.
  void join_bus(const std::string& address) { bus_ = address; }
  // Gives the root to a user, as a unit's Delegate=yes with User= does, with the right to move
  // there what the tests start.
  void delegate_to(uid_t user) const;
  // Until it is ready to serve.
  void start();
  // Runs the daemon in the process that was made for it, or under a tracer.
  using Runner = std::function<int(const std::function<int()>& daemon)>;
  void launch(const Runner& runner);
  // false: it ended, or time was up, before it was ready.
  bool await_ready();
  bool try_start(const Runner& runner) {
    launch(runner);
    return await_ready();
  }
  // Readable when it is ready.
  [[nodiscard]] int readiness() const { return readiness_.get(); }
  // SIGKILL.
  void kill_daemon();
  // SIGTERM; its exit status.
  int stop_daemon();
  int await_daemon_end();
  void restart() {
    kill_daemon();
    start();
  }
  [[nodiscard]] pid_t daemon_pid() const { return daemon_.pid(); }
  [[nodiscard]] int daemon_pidfd() const { return daemon_.pidfd(); }
  [[nodiscard]] bool daemon_is_alive() const { return daemon_.is_alive(); }
  struct Descriptors {
    std::size_t all = 0;
    std::size_t sockets = 0;
  };
  // Its listener, and those to its spawner and to the service manager.
  static constexpr std::size_t sockets_at_rest = 3;
  // What the daemon has open.
  [[nodiscard]] Descriptors daemon_descriptors() const;
  [[nodiscard]] std::string daemon_log() const { return read_file(files_ + "/log"); }

  [[nodiscard]] const std::string& socket() const { return socket_; }
  // Below the cgroup2 mount, and as a directory.
  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string directory_of(const std::string& control_group) const {
    return mount_ + control_group;
  }
  [[nodiscard]] const std::string& files() const { return files_; }
  // What a daemon built with -Dtest_hooks=true looks at, and any other does not.
  [[nodiscard]] TestHooks& hooks() const { return *hooks_; }
  // Sub-directories of the root.
  [[nodiscard]] std::vector<std::string> run_directories() const;
  [[nodiscard]] bool root_is_empty() const { return run_directories().empty(); }

  [[nodiscard]] varlink::Client connect() const;
  template <class Method>
  Answer<typename Method::Output> call(const typename Method::Input& input,
                                       std::span<const int> descriptors = {}) {
    auto client = connect();
    return call_on<Method>(client, input, descriptors);
  }

  // Steps that most tests begin with; a failure is the test's.
  std::string open_run(const Child& owner, OwnerExitPolicy policy = OwnerExitPolicy::kill,
                       Microseconds grace = std::chrono::seconds(10));
  Worker reserve(const std::string& run, const std::string& worker);
  Worker activate(const std::string& run, const std::string& worker, const Child& process);
  Answer<api::GetWorker::Output> get(const std::string& run, const std::string& worker) {
    return call<api::GetWorker>({worker, run});
  }
  // Until the worker is in that state.
  bool await_state(const std::string& run, const std::string& worker, WorkerState state);
  Worker await_reaped(const std::string& run, const std::string& worker);

 private:
  Failures failures_;
  std::string mount_;
  std::string root_;
  std::string files_;
  std::string socket_;
  std::string bus_ = "none";
  FileDescriptor readiness_;
  TestHooks* hooks_ = nullptr;
  Child daemon_;
};

// A connection on which calls are sent without waiting for their replies.
class Conversation {
 public:
  explicit Conversation(const World& world);
  enum class More { no, yes };
  template <class Method>
  void ask(const typename Method::Input& input, More more = More::no) {
    send(api::full_name<Method>(), json::encoded(input), more);
  }
  // The text of the next message; fails the test if none comes.
  std::optional<std::string> receive();
  // Readable when there is something to receive.
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  void send(const std::string& method, const std::string& parameters, More more);
  FileDescriptor socket_;
  std::string input_;
};

// Follows the events of a world from now on; the snapshot is taken off first.
class Follower {
 public:
  Follower(const World& world, std::optional<std::string> run,
           std::optional<std::int64_t> after = {});
  // The next event; fails the test if none comes.
  Event next();
  // The next event of that kind, others skipped.
  Event next(EventKind kind);

 private:
  Conversation conversation_;
};

}  // namespace reeve::test
