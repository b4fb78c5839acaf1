// io.systemd.service: what a service under systemd lets its administrator do, as systemd describes
// it for its own (systemd-varlink, from 256 on).
#pragma once

#include "api/types.hpp"

namespace reeve {

struct Ping {
  static constexpr std::string_view name = "Ping";
  static constexpr std::string_view text = "Replies: the service is alive.";
  struct Input {};
  struct Output {};
};

struct Reload {
  static constexpr std::string_view name = "Reload";
  static constexpr std::string_view text =
      "Reads the configuration again, as SIGHUP does; replies once it is in force.";
  struct Input {};
  struct Output {};
};

struct SetLogLevel {
  static constexpr std::string_view name = "SetLogLevel";
  static constexpr std::string_view text = "";
  struct Input {
    std::int64_t level = 0;
  };
  struct Output {};
};

struct GetEnvironment {
  static constexpr std::string_view name = "GetEnvironment";
  static constexpr std::string_view text = "The environment of the service, as NAME=VALUE.";
  struct Input {};
  struct Output {
    std::optional<std::vector<std::string>> environment;
  };
};

struct InconsistentEnvironment {
  static constexpr std::string_view error = "InconsistentEnvironment";
};

constexpr auto describe(Of<Ping::Input>) {
  return members();
}
constexpr auto describe(Of<Ping::Output>) {
  return members();
}
constexpr auto describe(Of<Reload::Input>) {
  return members();
}
constexpr auto describe(Of<Reload::Output>) {
  return members();
}
constexpr auto describe(Of<SetLogLevel::Input>) {
  return members(
      member<&SetLogLevel::Input::level>("level", "As in syslog(3): 3 for errors, 7 for all."));
}
constexpr auto describe(Of<SetLogLevel::Output>) {
  return members();
}
constexpr auto describe(Of<GetEnvironment::Input>) {
  return members();
}
constexpr auto describe(Of<GetEnvironment::Output>) {
  return members(member<&GetEnvironment::Output::environment>("environment"));
}
constexpr auto describe(Of<InconsistentEnvironment>) {
  return structure(InconsistentEnvironment::error, "");
}

}  // namespace reeve
