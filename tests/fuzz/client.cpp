// A hostile server: whatever it answers, the calling side of varlink gets a reply that can be read,
// or an error, and so does who uses libreeve.
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "fuzz.hpp"
#include "reeve/client.hpp"
#include "varlink/client.hpp"

namespace reeve::fuzz {
namespace {

void can_be_read(const varlink::Reply& reply) {
  static json::Parser parser;
  const auto parameters = parser.parse(reply.parameters);
  require(parameters.ok() && parameters->is_object(), "a reply's parameters are an object");
}

// A socket with the whole answer in it, and the end of the connection behind that.
int connected_to(std::string_view answer) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) return -errno;
  const FileDescriptor server(ends[0]);
  (void)!::send(server.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  ::shutdown(server.get(), SHUT_WR);
  return ends[1];
}

void is_explained(const Failure& failure) {
  require(!failure.error.empty() || !failure.message().empty(), "a failure says something");
  if (const auto error = failure.as<RunAmbiguous>())
    require(failure.is<RunAmbiguous>(), "a failure is what it is read as");
}

void use_library(std::string_view answer) {
  auto client = Client::connect([&] { return connected_to(answer); }, "a hostile server");
  require(client.ok(), "it can be connected to");
  for (int calls = 0; calls < 3; ++calls) {
    const auto workers = client->call<ListWorkers>();
    if (!workers) is_explained(workers.error());
    const auto run = client->call<GetRun>();
    if (!run) is_explained(run.error());
  }
  auto events = client->follow();
  if (!events) return is_explained(events.error());
  for (int told = 0; told < 8; ++told) {
    const auto event = events->next(Microseconds{0});
    if (!event) return is_explained(event.error());
  }
}

}  // namespace
}  // namespace reeve::fuzz

// The first byte says how much more than one reply is asked for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  if (size == 0 || size > 65536) return 0;
  const auto answer = fuzz::text_of(data, size).substr(1);
  fuzz::use_library(answer);
  const int socket = fuzz::connected_to(answer);
  if (socket < 0) return 0;
  varlink::Client client{FileDescriptor(socket)};
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
