// The calling side of varlink: one connection, one call at a time, blocking.
#pragma once

#include <functional>
#include <span>
#include <string>

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

  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  Status send(const std::string& message, std::span<const int> descriptors);
  Result<Reply> receive();

  FileDescriptor socket_;
  std::string input_;
  json::Parser parser_;
};

}  // namespace reeve::varlink
