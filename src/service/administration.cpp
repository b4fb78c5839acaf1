// io.systemd.service: for the administrator.
#include <unistd.h>

#include "base/log.hpp"
#include "service/service.hpp"

namespace reeve::service {

std::optional<api::Failure> Service::objection_to_administering(const Caller& caller) const {
  if (is_privileged(rules_, caller)) return std::nullopt;
  return api::permission_denied("only root, and the user that runs reeved, administer it");
}

void Service::ping(api::Ping::Input, Responder<api::Ping> respond) {
  respond.reply({});
}

void Service::reload(api::Reload::Input, Responder<api::Reload> respond) {
  if (const auto objection = objection_to_administering(respond.caller()))
    return respond.fail(*objection);
  if (auto faults = reload_ ? reload_() : Faults(); !faults.empty())
    return respond.fail(api::failure(api::ConfigurationInvalid{std::move(faults)}));
  respond.reply({});
}

void Service::set_log_level(api::SetLogLevel::Input input, Responder<api::SetLogLevel> respond) {
  if (const auto objection = objection_to_administering(respond.caller()))
    return respond.fail(*objection);
  constexpr std::int64_t least = 0, most = static_cast<std::int64_t>(log::Level::debug);
  if (input.level < least || input.level > most)
    return respond.fail(api::invalid_parameter("level", "must be between 0 and 7"));
  log::set_threshold(static_cast<log::Level>(input.level));
  respond.reply({});
}

void Service::get_environment(api::GetEnvironment::Input, Responder<api::GetEnvironment> respond) {
  if (const auto objection = objection_to_administering(respond.caller()))
    return respond.fail(*objection);
  std::vector<std::string> environment;
  for (char** each = environ; *each != nullptr; ++each)
    environment.emplace_back(*each);
  respond.reply({std::move(environment)});
}

}  // namespace reeve::service
