#include "varlink/client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sys/calls.hpp"

namespace reeve::varlink {

namespace {

constexpr std::size_t longest_reply = 1U << 30;

std::string message_of(const std::string& method, const std::string& parameters, bool more) {
  std::string message = "{\"method\":";
  json::write_string(message, method);
  message += ",\"parameters\":" + parameters;
  if (more) message += ",\"more\":true";
  return message + "}";
}

}  // namespace

Result<Client> Client::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG, path, "connect to"};
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error{errno, path, "make a socket for"};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Error{errno, path, "connect to"};
  return Client(std::move(socket));
}

Status Client::send(const std::string& message, std::span<const int> descriptors) {
  std::string_view rest(message.c_str(), message.size() + 1);  // with the NUL that ends it
  while (!rest.empty()) {
    const auto sent = sys::send_bytes(socket_.get(), rest, descriptors);
    if (sent == -EAGAIN) {
      pollfd entry{socket_.get(), POLLOUT, 0};
      ::poll(&entry, 1, -1);
      continue;
    }
    if (sent < 0) return Error{static_cast<int>(-sent), {}, "send to reeved"};
    rest.remove_prefix(static_cast<std::size_t>(sent));
    descriptors = {};
  }
  return Done{};
}

Result<std::optional<Reply>> Client::receive_before(std::optional<Microseconds> deadline) {
  std::size_t end;
  std::size_t searched = 0;
  while ((end = input_.find('\0', searched)) == std::string::npos) {
    searched = input_.size();
    if (searched > longest_reply) return Error{EMSGSIZE, {}, "receive from reeved"};
    if (deadline && !sys::await_readable(socket_.get(), deadline)) return std::optional<Reply>();
    std::array<char, 65536> buffer;
    const auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Error{errno, {}, "receive from reeved"};
    if (length == 0) return Error{ENODATA, {}, "receive from reeved: it closed the connection"};
    input_.append(buffer.data(), static_cast<std::size_t>(length));
  }
  const auto text = input_.substr(0, end);
  input_.erase(0, end + 1);
  auto reply = read(text);
  if (!reply) return reply.error();
  return std::optional(std::move(*reply));
}

Result<Reply> Client::receive() {
  auto reply = receive_before(std::nullopt);
  if (!reply) return reply.error();
  return std::move(**reply);
}

Result<Reply> Client::read(const std::string& text) {
  const auto json = parser_.parse(text);
  const auto members = json.ok() ? json->members() : std::nullopt;
  if (!members) return Error{EBADMSG, {}, "understand reeved"};
  Reply reply;
  reply.parameters = "{}";
  for (const auto& [name, value] : *members) {
    if (name == "error") reply.error = value.string().value_or("");
    if (name == "parameters" && value.is_object()) reply.parameters = value.text();
    if (name == "continues") reply.continues = value.boolean().value_or(false);
  }
  return reply;
}

Status Client::ask(const std::string& method, const std::string& parameters, bool more,
                   std::span<const int> descriptors) {
  return send(message_of(method, parameters, more), descriptors);
}

Result<Reply> Client::call(const std::string& method, const std::string& parameters,
                           std::span<const int> descriptors) {
  if (const auto sent = ask(method, parameters, false, descriptors); !sent) return sent.error();
  return receive();
}

Status Client::call_more(const std::string& method, const std::string& parameters,
                         const std::function<bool(const Reply&)>& each) {
  if (const auto sent = ask(method, parameters, true); !sent) return sent.error();
  for (;;) {
    const auto reply = receive();
    if (!reply) return reply.error();
    if (!each(*reply) || !reply->continues) return Done{};
  }
}

}  // namespace reeve::varlink
