// The calling side of varlink: one connection, one call at a time, blocking.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "json/value.hpp"

namespace reeve::varlink {

struct Reply {
  std::string error;       // full name; empty for success
  std::string parameters;  // a JSON object
  bool continues = false;
};

class Client {
 public:
  // Connects to a socket by its path.
  static Result<Client> connect(const std::string& path);
  explicit Client(FileDescriptor socket) : socket_(std::move(socket)) {}

  // `parameters` is a JSON object; `descriptors` stay the caller's.
  Result<Reply> call(const std::string& method, const std::string& parameters,
                     std::span<const int> descriptors = {});
  // A call with "more": `each` gets every reply and says whether to go on.
  Status call_more(const std::string& method, const std::string& parameters,
                   const std::function<bool(const Reply&)>& each);

  // The two halves of a call, for whoever has to know how far it came.
  Status ask(const std::string& method, const std::string& parameters, bool more,
             std::span<const int> descriptors = {});
  // The next reply; nothing if none came before the deadline on CLOCK_MONOTONIC, if there is one.
  // ENODATA at the end of the connection.
  Result<std::optional<Reply>> receive_before(std::optional<Microseconds> deadline);
  // Whether something came that is no whole reply yet.
  [[nodiscard]] bool holds_part_of_reply() const { return !input_.empty(); }

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  // For another owner, before anything was asked; nothing can be any more then.
  [[nodiscard]] int release() { return socket_.release(); }

 private:
  Status send(const std::string& message, std::span<const int> descriptors);
  Result<Reply> receive();
  Result<Reply> read(const std::string& text);

  FileDescriptor socket_;
  std::string input_;
  json::Parser parser_;
};

}  // namespace reeve::varlink
