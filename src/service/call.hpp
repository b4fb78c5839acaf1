// A call as the handlers see it, whichever face it came through.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/failure.hpp"
#include "base/fd.hpp"
#include "process/process.hpp"
#include "schema/mismatch.hpp"

namespace reeve::service {

// Who is calling: user and groups by the socket's credentials, the process by its pidfd.
struct Caller {
  uid_t user = ~0U;
  gid_t group = ~0U;          // ~0U where it is not known which it is
  std::vector<gid_t> groups;  // `group` among them
  process::Process process;   // empty where the caller was gone before it could be opened
};

// Exactly one of reply() and fail() ends a call; both do nothing once the caller is gone.
class Call {
 public:
  virtual ~Call() = default;

  [[nodiscard]] virtual const Caller& caller() const = 0;
  // Whether the caller takes more than one reply.
  [[nodiscard]] virtual bool more() const = 0;
  // The descriptor of that index passed with the message, once; an empty one if there is none.
  virtual FileDescriptor take_descriptor(std::int64_t index) = 0;

  // With a described value.
  virtual void reply(const schema::Type& type, const void* output) = 0;
  virtual void fail(const api::Failure& failure) = 0;
  // One of several replies, only with more(); the last one is reply()'s.
  virtual void stream(const schema::Type& type, const void* output) = 0;

  // Whether what was streamed so far is mostly on its way: a caller that does not read is not
  // buffered for without end.
  [[nodiscard]] virtual bool has_room() const = 0;
  // Called whenever there is room again.
  virtual void on_room(std::function<void()> handler) = 0;
  // Called once if the caller goes away before the call has ended. Not called from inside this
  // function.
  virtual void on_abandoned(std::function<void()> handler) = 0;
};

using CallPointer = std::shared_ptr<Call>;

// Reads the call's parameters into a described value.
using ReadInput =
    std::function<Result<Done, schema::Mismatch>(const schema::Type& type, void* input)>;

}  // namespace reeve::service
