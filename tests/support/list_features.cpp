// The names for REEVE_WITHOUT, one in each line.
#include <cstdio>

#include "sys/features.hpp"

int main() {
  for (const auto& feature : reeve::sys::features)
    std::printf("%.*s\n", static_cast<int>(feature.name.size()), feature.name.data());
}
