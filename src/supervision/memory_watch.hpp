// Tells when a worker keeps more memory than it is to have: without looking again and again, by
// what the kernel says when it has to take back memory at memory.high (cgroup-v2.rst of the
// kernel).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cgroup/directory.hpp"
#include "loop/loop.hpp"

namespace reeve::supervision {

// What the kernel cannot take back from who uses `current` bytes, with this memory.stat: all but
// what can be read from disks again.
std::int64_t kept_memory(std::int64_t current, std::int64_t swapped, std::string_view stat);

class MemoryWatch {
 public:
  // Of a cgroup with a memory controller. Sets its memory.high to `most` bytes until it is lifted,
  // and to `otherwise` then, where nothing means no limit. `handler` is called once, and may
  // destroy this: what the worker has is slowed down no more by then.
  MemoryWatch(loop::Loop& loop, cgroup::Directory directory, std::int64_t most,
              std::optional<std::int64_t> otherwise, std::function<void()> handler);
  void lift();

 private:
  void look();
  void tell();
  [[nodiscard]] loop::Operation set_high(const std::string& value, loop::Loop::Handler handler);
  [[nodiscard]] bool is_reached() const;

  loop::Loop& loop_;
  cgroup::Directory directory_;
  std::int64_t most_;
  std::optional<std::int64_t> otherwise_;
  std::function<void()> handler_;
  FileDescriptor events_;
  loop::Operation setting_;
  loop::Operation change_;
  loop::Timer pause_;
};

}  // namespace reeve::supervision
