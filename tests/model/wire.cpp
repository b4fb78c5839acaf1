#include "model/wire.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "model/difference.hpp"
#include "sys/calls.hpp"

namespace reeve::model {

void Connection::send(const std::string& method, const std::string& parameters,
                      std::span<const int> descriptors, bool more) {
  std::string message = "{\"method\":\"io.reeve.Registry." + method +
                        "\",\"parameters\":" + parameters + (more ? ",\"more\":true}" : "}");
  std::string_view rest(message.c_str(), message.size() + 1);
  while (!rest.empty()) {
    const auto sent = sys::send_bytes(socket_.get(), rest, descriptors);
    if (sent == -EAGAIN) {
      pollfd entry{socket_.get(), POLLOUT, 0};
      ::poll(&entry, 1, -1);
      continue;
    }
    if (sent < 0) throw Difference("reeved does not take a call any more");
    rest.remove_prefix(static_cast<std::size_t>(sent));
    descriptors = {};
  }
}

bool Connection::is_read() const {
  int unread = 0;
  return ::ioctl(socket_.get(), SIOCOUTQ, &unread) < 0 || unread == 0;
}

bool Connection::receive() {
  for (;;) {
    std::array<char, 65536> buffer;
    const auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (length == 0) return false;
    if (length < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN;
    }
    input_.append(buffer.data(), static_cast<std::size_t>(length));
    std::size_t begin = 0;
    for (std::size_t end; (end = input_.find('\0', begin)) != std::string::npos; begin = end + 1)
      replies_.push_back(input_.substr(begin, end - begin));
    input_.erase(0, begin);
  }
}

std::optional<Reply> Connection::take() {
  if (replies_.empty()) return std::nullopt;
  static json::Parser parser;
  const auto parsed = parser.parse(replies_.front());
  const auto members = parsed.ok() ? parsed->members() : std::nullopt;
  if (!members) throw Difference("reeved sent what is no message: " + replies_.front());
  Reply reply{{}, "{}"};
  for (const auto& [name, value] : *members) {
    if (name == "error") reply.error = value.string().value_or("?");
    if (name == "parameters") reply.parameters = value.text();
  }
  reply.error.erase(0, reply.error.rfind('.') + 1);
  replies_.pop_front();
  return reply;
}

}  // namespace reeve::model
