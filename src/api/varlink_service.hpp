// org.varlink.service: what every varlink service answers, and the errors of the protocol itself,
// as in its specification (https://varlink.org/Service), with PermissionDenied as systemd added it,
// and with reasons.
#pragma once

#include "api/types.hpp"

namespace reeve {

struct GetInfo {
  static constexpr std::string_view name = "GetInfo";
  static constexpr std::string_view text = "";

  struct Input {};

  struct Output {
    std::string vendor;
    std::string product;
    std::string version;
    std::string url;
    std::vector<std::string> interfaces;
  };
};

struct GetInterfaceDescription {
  static constexpr std::string_view name = "GetInterfaceDescription";
  static constexpr std::string_view text = "";

  struct Input {
    std::string interface;
  };

  struct Output {
    std::string description;
  };
};

constexpr auto describe(Of<GetInfo::Input>) {
  return members();
}

constexpr auto describe(Of<GetInfo::Output>) {
  return members(member<&GetInfo::Output::vendor>("vendor"),
                 member<&GetInfo::Output::product>("product"),
                 member<&GetInfo::Output::version>("version"), member<&GetInfo::Output::url>("url"),
                 member<&GetInfo::Output::interfaces>("interfaces"));
}

constexpr auto describe(Of<GetInterfaceDescription::Input>) {
  return members(member<&GetInterfaceDescription::Input::interface>("interface"));
}

constexpr auto describe(Of<GetInterfaceDescription::Output>) {
  return members(member<&GetInterfaceDescription::Output::description>("description"));
}

}  // namespace reeve
