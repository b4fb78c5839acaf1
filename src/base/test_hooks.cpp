#include "base/test_hooks.hpp"

#ifdef REEVE_TEST_HOOKS

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace reeve {

namespace {

TestHooks* mapped_hooks() {
  const char* path = std::getenv("REEVE_TEST_HOOKS");
  if (path == nullptr) return nullptr;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* page = ::mmap(nullptr, sizeof(TestHooks), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return page == MAP_FAILED ? nullptr : static_cast<TestHooks*>(page);
}

TestHooks* hooks() {
  static TestHooks* const page = mapped_hooks();
  return page;
}

// Marsaglia's xorshift32.
std::uint32_t next_random(TestHooks& page) {
  std::uint32_t x = page.random_state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  page.random_state = x;
  return x;
}

}  // namespace

int injected_fault(std::initializer_list<int> errors) {
  TestHooks* const page = hooks();
  if (page == nullptr) return 0;
  const std::uint32_t one_in = page->fault_one_in;
  if (one_in == 0 || next_random(*page) % one_in != 0) return 0;
  ++page->faults;
  return -errors.begin()[next_random(*page) % errors.size()];
}

std::int64_t injected_realtime_offset() {
  TestHooks* const page = hooks();
  return page == nullptr ? 0 : page->realtime_offset.load();
}

bool mistaken(std::string_view name) {
  static const char* const mistake = std::getenv("REEVE_MISTAKE");
  return mistake != nullptr && name == mistake;
}

}  // namespace reeve

#endif
