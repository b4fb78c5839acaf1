// Calls whose failures are told to the user.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "ctl/options.hpp"
#include "reeve/client.hpp"

namespace reeve::ctl {

// Either what was asked for, or the exit status after the user was told why not.
template <class T>
using Told = Result<T, ExitCode>;

ExitCode tell(const Failure& failure);

template <class T>
Told<T> told(Outcome<T> outcome) {
  if (!outcome) return tell(outcome.error());
  return std::move(*outcome);
}

class Session {
 public:
  // Connects as the options say.
  static Told<Session> open(const Options& options);
  explicit Session(Client client) : client_(std::move(client)) {}

  template <class Method>
  Told<typename Method::Output> call(const typename Method::Input& input = {},
                                     std::span<const int> descriptors = {}) {
    auto outcome = client_.call<Method>(input, descriptors);
    if constexpr (requires { input.worker, input.run; })
      if (!outcome && is_without_run(outcome.error()))
        if (auto run = run_of_pool_of(input.worker)) {
          auto again = input;
          again.run = std::move(run);
          outcome = client_.call<Method>(again, descriptors);
        }
    return told(std::move(outcome));
  }

  [[nodiscard]] Client& client() { return client_; }

 private:
  static bool is_without_run(const Failure& failure);
  // Who has no run of their own, and names none, means the worker of a pool by its name.
  std::optional<std::string> run_of_pool_of(const std::string& worker);

  Client client_;
};

// Reserves and activates at once, as the options say: the worker is the first argument.
Told<Worker> register_process(Session& session, const Options& options,
                              std::optional<ProcessId> process, std::span<const int> pidfd);

}  // namespace reeve::ctl
