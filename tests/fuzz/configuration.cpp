// Whatever reeve.toml says: it is taken, or every fault is told with its place.
#include <algorithm>

#include "config/config.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const std::string text(fuzz::text_of(data, size));
  const auto config = config::parse(text, "reeve.toml");
  if (config.ok()) {
    for (const auto& path : {config->socket, config->root})
      fuzz::require(!path || path->starts_with('/'), "a path is absolute");
    return 0;
  }
  const auto& faults = config.error().messages;
  fuzz::require(!faults.empty(), "what is refused is told why");
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  for (const auto& fault : faults) {
    fuzz::require(fault.starts_with("reeve.toml:"), "a fault names the file");
    const auto line = std::strtol(fault.c_str() + sizeof "reeve.toml", nullptr, 10);
    fuzz::require(line >= 1 && line <= lines, "a fault names its line");
  }
  return 0;
}
