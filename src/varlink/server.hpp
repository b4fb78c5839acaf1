// The varlink face: a listening socket and its connections, each served in order.
//
// A connection has one call under way at a time; what a client sends meanwhile waits in its socket,
// so nobody's pipelining costs memory here. Answers that a client does not read are buffered for
// one call at most; a stream stops at a bound and goes on when the client reads.
//
// Users take turns: in one round of the loop each is served for a short time, and what it asks
// beyond that waits, in order, for the next round. However much one asks, another is answered soon.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>

#include "loop/loop.hpp"
#include "service/service.hpp"

namespace reeve::varlink {

inline constexpr std::size_t longest_message = 1U << 20;
inline constexpr std::size_t descriptors_per_message = 16;
inline constexpr std::size_t connections_at_most = 8192;

class Connection;

class Server {
 public:
  Server(loop::Loop& loop, service::Service& service, service::AccessRules rules);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // In place of the one before. A listening, non-blocking AF_UNIX stream socket.
  void listen(FileDescriptor socket);

 private:
  friend class Connection;

  void await_connection();
  void accept_all();
  void admit(FileDescriptor socket);
  // From the connection itself: it goes when it has returned.
  void forget(std::uint64_t id);

  // What all connections of one user come to.
  struct User {
    std::int64_t connections = 0;
    std::int64_t buffered_bytes = 0;
    Microseconds served{0};             // in this round
    std::deque<std::uint64_t> waiting;  // connections, for the next round
  };
  [[nodiscard]] static bool has_turn_left(const User& user);
  void await_turn(const Connection& connection);
  void begin_round();

  loop::Loop& loop_;
  service::Service& service_;
  service::AccessRules rules_;
  FileDescriptor listener_;
  loop::Operation accepting_;
  loop::Timer pause_;
  json::Parser parser_;
  std::map<uid_t, User> users_;  // who has connections, which refer to them
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  bool round_is_due_ = false;
  loop::Timer round_;
  std::uint64_t last_id_ = 0;
  std::vector<std::uint64_t> departed_;
  loop::Timer farewell_;
};

}  // namespace reeve::varlink
