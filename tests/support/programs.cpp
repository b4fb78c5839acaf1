#include "support/programs.hpp"

#include <cstdlib>

namespace reeve::test {

namespace {

std::string named(const char* variable, const char* built) {
  const char* named = std::getenv(variable);
  return named != nullptr && *named != '\0' ? named : built;
}

}  // namespace

std::string reeved() {
  return named("REEVED", REEVED_BUILT);
}

std::string reevectl() {
  return named("REEVECTL", REEVECTL_BUILT);
}

}  // namespace reeve::test
