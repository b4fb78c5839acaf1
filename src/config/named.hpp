#pragma once

#include <string>

namespace reeve::config {

// The name of something, and where the configuration says it: "FILE:LINE:COLUMN".
struct Named {
  std::string name;
  std::string where;
};

}  // namespace reeve::config
