// However a stream is cut into reads, the same messages come out, with their descriptors, and none
// is longer than allowed.
#include <fcntl.h>

#include <algorithm>

#include "fuzz.hpp"
#include "varlink/framer.hpp"

namespace reeve::fuzz {
namespace {

constexpr std::size_t longest = 40;
constexpr std::size_t descriptors_at_most = 3;

struct Expected {
  std::string_view text;
  std::size_t descriptors = 0;
};

// The same by the rule itself: a message is what stands before a NUL, and a descriptor belongs to
// the message that the last byte of its chunk is part of.
std::vector<Expected> expected_of(std::string_view stream, const std::vector<std::size_t>& owners) {
  std::vector<Expected> messages;
  for (std::size_t begin = 0; begin < stream.size();) {
    const auto end = stream.find('\0', begin);
    if (end == std::string_view::npos || end - begin > longest) break;
    const auto mine = std::count_if(owners.begin(), owners.end(), [&](std::size_t offset) {
      return offset >= begin && offset <= end;
    });
    messages.push_back({stream.substr(begin, end - begin), static_cast<std::size_t>(mine)});
    begin = end + 1;
  }
  return messages;
}

void take_all(varlink::Framer& framer, std::vector<varlink::Frame>& taken) {
  while (auto frame = framer.take())
    taken.push_back(std::move(*frame));
}

}  // namespace
}  // namespace reeve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  static const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::string stream;
  std::vector<std::size_t> owners;
  std::vector<varlink::Frame> taken;
  varlink::Framer framer(fuzz::longest);
  for (const auto& chunk : fuzz::chunks_of(fuzz::text_of(data, size))) {
    if (chunk.bytes.empty()) continue;  // a read that brings nothing brings no descriptors either
    stream += chunk.bytes;
    std::vector<FileDescriptor> descriptors;
    for (std::size_t i = 0; i < chunk.order % (fuzz::descriptors_at_most + 1); ++i) {
      descriptors.emplace_back(::dup(null.get()));
      owners.push_back(stream.size() - 1);
    }
    framer.add(chunk.bytes, std::move(descriptors));
    if ((chunk.order & 0x80) == 0) fuzz::take_all(framer, taken);
    if (framer.is_overrun()) break;
  }
  fuzz::take_all(framer, taken);

  const auto expected = fuzz::expected_of(stream, owners);
  fuzz::require(taken.size() == expected.size(), "as many messages as were sent");
  std::size_t descriptors = 0;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    fuzz::require(taken[i].text == expected[i].text, "each message is what was sent");
    fuzz::require(taken[i].descriptors.size() == expected[i].descriptors,
                  "each descriptor goes with its message");
    descriptors += taken[i].descriptors.size();
  }
  fuzz::require(descriptors + framer.descriptors_held() == owners.size(), "no descriptor is lost");
  const auto rest = expected.empty() ? std::string_view(stream)
                                     : std::string_view(stream).substr(expected.back().text.data() +
                                                                       expected.back().text.size() +
                                                                       1 - stream.data());
  fuzz::require(framer.is_overrun() == (std::min(rest.find('\0'), rest.size()) > fuzz::longest),
                "a message that is too long is told");
  return 0;
}
