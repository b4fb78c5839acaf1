// A connection to reeved with typed calls, whose failures are explained to the user.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "api/failure.hpp"
#include "api/interfaces.hpp"
#include "ctl/options.hpp"
#include "json/codec.hpp"
#include "varlink/client.hpp"

namespace reeve::ctl {

// Either what was asked for, or the exit status after the user was told why not.
template <class T>
using Told = Result<T, ExitCode>;

class Session {
 public:
  // Connects as the options say.
  static Told<Session> open(const Options& options);
  explicit Session(varlink::Client client) : client_(std::move(client)) {}

  template <class Method>
  Told<typename Method::Output> call(const typename Method::Input& input,
                                     std::span<const int> descriptors = {}) {
    const auto reply = client_.call(api::full_name<Method>(), json::encoded(input), descriptors);
    if (!reply) return tell(reply.error());
    if (!reply->error.empty()) return tell(*reply);
    return decode<typename Method::Output>(*reply);
  }

  // Replies until `each` returns false or there are no more.
  template <class Method>
  Told<Done> call_more(const typename Method::Input& input,
                       const std::function<bool(typename Method::Output)>& each) {
    ExitCode status = exit_ok;
    const auto called = client_.call_more(api::full_name<Method>(), json::encoded(input),
                                          [&](const varlink::Reply& reply) {
                                            if (!reply.error.empty()) {
                                              status = tell(reply);
                                              return false;
                                            }
                                            auto output = decode<typename Method::Output>(reply);
                                            if (!output) status = output.error();
                                            return output.ok() && each(std::move(*output));
                                          });
    if (!called) return tell(called.error());
    if (status != exit_ok) return status;
    return Done{};
  }

  [[nodiscard]] varlink::Client& client() { return client_; }

 private:
  // A newer reeved may say more than this reevectl knows.
  template <class Output>
  static Told<Output> decode(const varlink::Reply& reply) {
    json::Parser parser;
    Output output;
    const auto parsed = parser.parse(reply.parameters);
    if (!parsed.ok() || !json::decode(*parsed, output, json::UnknownMembers::ignored))
      return tell(Error{0, {}, "reeved answered what this reevectl does not understand"});
    return output;
  }
  static ExitCode tell(const Error& error);
  static ExitCode tell(const varlink::Reply& failure);

  varlink::Client client_;
};

// One line for the user: what went wrong, and what to do.
std::string explanation(const std::string& error, const std::string& parameters);

}  // namespace reeve::ctl
