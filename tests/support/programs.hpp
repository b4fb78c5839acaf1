// The programs under test: this build's, or those that $REEVED and $REEVECTL name, so that one
// build of the tests serves sanitized and mistaken ones, too.
#pragma once

#include <string>

namespace reeve::test {

std::string reeved();
std::string reevectl();

}  // namespace reeve::test
