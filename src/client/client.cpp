#include "reeve/client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "api/failure.hpp"
#include "api/interface.hpp"
#include "base/paths.hpp"
#include "client/link.hpp"
#include "client/stream.hpp"

namespace reeve {

namespace {

// A method by the name that its structure has, with the interface that it is of.
struct Found {
  std::string full_name;
  const api::Method* method = nullptr;
};

Found find_method(std::string_view name) {
  for (const auto& interface : api::interfaces())
    if (const auto* method = interface.find(name))
      return {api::full_name(interface.name, name), method};
  return {};
}

}  // namespace

Outcome<Client> Client::connect() {
  const char* given = environment("REEVE_SOCKET");
  return connect(given != nullptr ? given : usual_socket_to_call());
}

Outcome<Client> Client::connect(const std::string& socket, Microseconds patience) {
  const auto connector = [socket] {
    auto client = varlink::Client::connect(socket);
    return client ? client->release() : -client.error().number;
  };
  return connect(std::make_shared<client::Link>(connector, socket, patience));
}

Outcome<Client> Client::connect(Connector connector, const std::string& place,
                                Microseconds patience) {
  return connect(std::make_shared<client::Link>(std::move(connector), place, patience));
}

Outcome<Client> Client::connect(std::shared_ptr<client::Link> link) {
  const auto connected = link->connect();
  if (!connected) return connected.error();
  return Client(std::move(link));
}

Outcome<Done> Client::call(std::string_view name, const void* input, void* output,
                           const Manner& manner) {
  const auto found = find_method(name);
  if (found.method == nullptr) return api::failure(MethodNotFound{std::string(name)});
  client::Message message{
      found.full_name, {}, manner.descriptors, manner.each != nullptr, manner.repeatable};
  json::encode(message.parameters, *found.method->input, input);
  Outcome<Done> understood = Done{};
  const auto called = link_->call(message, [&](const varlink::Reply& reply) {
    understood = client::read(reply, message.method, *found.method->output, output);
    return understood.ok() && (manner.each == nullptr || manner.each());
  });
  return called.ok() ? understood : called;
}

Outcome<Done> Client::call_json(const std::string& method, const std::string& parameters,
                                const std::function<bool(const std::string&)>& each) {
  return link_->call({method, parameters, {}, true, false},
                     [&](const varlink::Reply& reply) { return each(reply.parameters); });
}

Outcome<ScopedRun> Client::open_run(const OpenRun::Input& input) {
  auto opened = call<OpenRun>(input);
  if (!opened) return opened.error();
  return ScopedRun(*this, std::move(opened->run));
}

Outcome<Reservation> Client::reserve(const Reserve::Input& input) {
  auto reserved = call<Reserve>(input);
  if (!reserved) return reserved.error();
  return Reservation(*this, std::move(reserved->worker));
}

Outcome<Events> Client::follow(const Subscribe::Input& input) {
  auto stream = std::make_unique<client::Stream>(link_, input);
  const auto started = stream->start();
  if (!started) return started.error();
  return Events(std::move(stream));
}

Outcome<WorkerWatch> Client::watch(const NamedWorker& named) {
  auto got = call<GetWorker>(named);
  if (!got) return got.error();
  auto events = follow({.run = got->worker.run});
  if (!events) return events.error();
  return WorkerWatch(*this, std::move(got->worker), std::move(*events));
}

}  // namespace reeve
