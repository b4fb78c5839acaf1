// Where reeve's files are when nobody says otherwise.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace reeve {

// /run/reeve for root, $XDG_RUNTIME_DIR/reeve for a user; empty for a user who has none.
inline std::string runtime_directory() {
  if (::geteuid() == 0) return "/run/reeve";
  const char* directory = std::getenv("XDG_RUNTIME_DIR");
  return directory != nullptr && *directory == '/' ? std::string(directory) + "/reeve" : "";
}

inline std::string usual_socket() {
  const auto directory = runtime_directory();
  return directory.empty() ? "" : directory + "/io.reeve.Registry";
}

}  // namespace reeve
