// The interface description language of varlink, written from the descriptions.
#pragma once

#include <string>

namespace reeve::api {

// The whole of io.reeve.Registry, as GetInterfaceDescription returns it.
const std::string& registry_description();
// The whole of org.varlink.service.
const std::string& service_description();

}  // namespace reeve::api
