// What the fuzz targets share. A target is one file with one function, LLVMFuzzerTestOneInput,
// which takes its input apart and states what must hold. libFuzzer runs it (./dev fuzz), or
// replay.cpp does with the seeds of corpus/TARGET.txt.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Called once before the first input; not every target has it.
extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments);

namespace reeve::fuzz {

// What does not hold ends the program: that is how a fuzzer learns of it.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A stream as it is sent: byte 0xFF, which no UTF-8 holds, ends a chunk, and the byte behind it is
// an order to the target.
struct Chunk {
  std::string_view bytes;
  std::uint8_t order = 0;
};

inline std::vector<Chunk> chunks_of(std::string_view stream) {
  std::vector<Chunk> chunks;
  while (!stream.empty()) {
    const auto end = stream.find('\xFF');
    if (end == std::string_view::npos || end + 1 == stream.size()) {
      chunks.push_back({stream.substr(0, end), 0});
      break;
    }
    chunks.push_back({stream.substr(0, end), static_cast<std::uint8_t>(stream[end + 1])});
    stream.remove_prefix(end + 2);
  }
  return chunks;
}

}  // namespace reeve::fuzz
