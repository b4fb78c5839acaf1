// A hostile server: whatever it answers, the calling side gets a reply that can be read, or an
// error.
#include <sys/socket.h>

#include <array>

#include "fuzz.hpp"
#include "varlink/client.hpp"

namespace reeve::fuzz {
namespace {

void can_be_read(const varlink::Reply& reply) {
  static json::Parser parser;
  const auto parameters = parser.parse(reply.parameters);
  require(parameters.ok() && parameters->is_object(), "a reply's parameters are an object");
}

}  // namespace
}  // namespace reeve::fuzz

// The first byte says how much more than one reply is asked for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  if (size == 0 || size > 65536) return 0;
  const auto answer = fuzz::text_of(data, size).substr(1);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) return 0;
  const FileDescriptor server(ends[0]);
  varlink::Client client{FileDescriptor(ends[1])};
  (void)!::send(server.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  ::shutdown(server.get(), SHUT_WR);
  for (unsigned calls = data[0] % 4; calls > 0; --calls) {
    const auto reply = client.call("io.reeve.Registry.GetRun", "{}");
    if (!reply) return 0;
    fuzz::can_be_read(*reply);
  }
  std::size_t replies = 0;
  const auto ended = client.call_more("io.reeve.Registry.Subscribe", "{}", [&](const auto& reply) {
    fuzz::can_be_read(reply);
    return ++replies < data[0];
  });
  fuzz::require(!ended || replies > 0, "a call that ends well had a reply");
  return 0;
}
