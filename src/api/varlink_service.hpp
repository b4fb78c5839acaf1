// org.varlink.service: what every varlink service answers, and the errors of the protocol itself,
// as in its specification (https://varlink.org/Service), with PermissionDenied as systemd added it,
// and with reasons.
#pragma once

#include "api/types.hpp"

namespace reeve::api {

struct GetInfo {
  static constexpr std::string_view name = "GetInfo";
  static constexpr std::string_view text = "";

  struct Input {
    friend constexpr auto describe(Of<Input>) { return members(); }
  };

  struct Output {
    std::string vendor;
    std::string product;
    std::string version;
    std::string url;
    std::vector<std::string> interfaces;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::vendor>("vendor"), member<&Output::product>("product"),
                     member<&Output::version>("version"), member<&Output::url>("url"),
                     member<&Output::interfaces>("interfaces"));
    }
  };
};

struct GetInterfaceDescription {
  static constexpr std::string_view name = "GetInterfaceDescription";
  static constexpr std::string_view text = "";

  struct Input {
    std::string interface;

    friend constexpr auto describe(Of<Input>) {
      return members(member<&Input::interface>("interface"));
    }
  };

  struct Output {
    std::string description;

    friend constexpr auto describe(Of<Output>) {
      return members(member<&Output::description>("description"));
    }
  };
};

struct InterfaceNotFound {
  std::string interface;

  friend constexpr auto describe(Of<InterfaceNotFound>) {
    return structure("InterfaceNotFound", "", member<&InterfaceNotFound::interface>("interface"));
  }
};

struct MethodNotFound {
  std::string method;

  friend constexpr auto describe(Of<MethodNotFound>) {
    return structure("MethodNotFound", "", member<&MethodNotFound::method>("method"));
  }
};

struct MethodNotImplemented {
  std::string method;

  friend constexpr auto describe(Of<MethodNotImplemented>) {
    return structure("MethodNotImplemented", "", member<&MethodNotImplemented::method>("method"));
  }
};

struct InvalidParameter {
  std::string parameter;
  std::optional<std::string> reason;

  friend constexpr auto describe(Of<InvalidParameter>) {
    return structure("InvalidParameter", "", member<&InvalidParameter::parameter>("parameter"),
                     member<&InvalidParameter::reason>("reason"));
  }
};

struct PermissionDenied {
  std::optional<std::string> reason;

  friend constexpr auto describe(Of<PermissionDenied>) {
    return structure("PermissionDenied", "", member<&PermissionDenied::reason>("reason"));
  }
};

struct ExpectedMore {
  friend constexpr auto describe(Of<ExpectedMore>) { return structure("ExpectedMore", ""); }
};

}  // namespace reeve::api
