#include "supervision/memory_watch.hpp"

#include <gtest/gtest.h>

namespace reeve::supervision {
namespace {

TEST(KeptMemory, IsAllButWhatCanBeReadFromDisksAgain) {
  struct Case {
    std::int64_t current, swapped;
    const char* stat;
    std::int64_t kept;
  };
  const Case cases[] = {
      {1000, 0, "", 1000},
      {1000, 0, "anon 400\nfile 600\ninactive_file 350\nactive_file 250\n", 400},
      {1000, 50, "anon 400\ninactive_file 600\n", 450},
      {1000, 0, "file 600\nshmem 600\ninactive_file 0\nactive_file 0\n", 1000},
      {1000, 0, "slab_reclaimable 100\nslab_unreclaimable 200\nslab 300\n", 900},
  };
  for (const auto& [current, swapped, stat, kept] : cases)
    EXPECT_EQ(kept_memory(current, swapped, stat), kept) << stat;
}

}  // namespace
}  // namespace reeve::supervision
