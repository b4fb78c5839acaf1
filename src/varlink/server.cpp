#include "varlink/server.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "sys/calls.hpp"
#include "sys/closing.hpp"
#include "varlink/connection.hpp"

namespace reeve::varlink {

namespace {

constexpr Microseconds pause_when_full{1'000'000};
constexpr Microseconds turn{2'000};  // of a user, in one round of the loop

service::Caller caller_behind(int socket) {
  service::Caller caller;
  ucred credentials{};
  if (sys::peer_credentials(socket, credentials) < 0) return caller;
  caller.user = credentials.uid;
  caller.group = credentials.gid;
  caller.groups = sys::peer_groups(socket);
  caller.groups.push_back(credentials.gid);
  const int pidfd = sys::peer_pidfd(socket);
  // Before Linux 6.5 there is only the pid, opened while its connection is new.
  auto process = pidfd >= 0 ? process::Process::adopt(FileDescriptor(pidfd))
                            : process::Process::open(credentials.pid);
  if (process.ok()) caller.process = std::move(*process);
  return caller;
}

}  // namespace

Server::Server(loop::Loop& loop, service::Service& service, service::AccessRules rules)
    : loop_(loop), service_(service), rules_(std::move(rules)) {}

Server::~Server() = default;

void Server::listen(FileDescriptor socket) {
  if (listener_) accept_all();  // who came before it was replaced
  pause_.disarm();
  listener_ = std::move(socket);
  await_connection();
}

void Server::await_connection() {
  accepting_ = loop_.poll(listener_.get(), POLLIN, [this](int) { accept_all(); });
}

void Server::accept_all() {
  for (;;) {
    const int socket = sys::accept_connection(listener_.get());
    if (socket == -EAGAIN) return await_connection();
    if (socket == -ECONNABORTED) continue;
    if (socket < 0) {
      // No descriptors or no memory left: those who are connected are served on.
      log::error("cannot accept a connection: {}; pausing for a second", errno_name(-socket));
      pause_ = loop_.after(pause_when_full, [this] { accept_all(); });
      return;
    }
    admit(FileDescriptor(socket));
  }
}

void Server::admit(FileDescriptor socket) {
  auto caller = caller_behind(socket.get());
  const auto user = caller.user;
  socket = FileDescriptor(socket.release(), sys::closer_of_connections(user));
  const bool privileged = service::is_privileged(rules_, caller);
  const auto id = ++last_id_;
  auto& account = users_[user];
  auto& connection =
      *connections_
           .emplace(id, std::make_unique<Connection>(*this, account, id, std::move(socket),
                                                     std::move(caller), privileged))
           .first->second;
  const auto refuse = [&](const char* limit, std::int64_t maximum) {
    connection.refuse(api::failure(api::TooMany{limit, maximum}));
  };
  const bool too_many_of_user =
      ++account.connections > service::PerUser::connections && !privileged;
  if (too_many_of_user) return refuse("connections", service::PerUser::connections);
  if (connections_.size() > connections_at_most)
    return refuse("connections", static_cast<std::int64_t>(connections_at_most));
  if (std::cmp_greater(sys::unclosed_of(user), service::PerUser::unclosed_descriptors))
    return refuse("unclosedDescriptors", service::PerUser::unclosed_descriptors);
  connection.start();
}

bool Server::has_turn_left(const User& user) {
  return user.served < turn;
}

void Server::await_turn(const Connection& connection) {
  connection.user_.waiting.push_back(connection.id_);
  if (!std::exchange(round_is_due_, true))
    round_ = loop_.after(Microseconds{0}, [this] { begin_round(); });
}

void Server::begin_round() {
  for (auto& [id, user] : users_) {
    user.served = Microseconds{0};
    // Who comes back for more in this round stands behind those who were here before.
    for (auto left = user.waiting.size(); left > 0 && has_turn_left(user); --left) {
      const auto next = user.waiting.front();
      user.waiting.pop_front();
      if (const auto found = connections_.find(next); found != connections_.end())
        found->second->take_turn();
    }
  }
  round_is_due_ = std::any_of(users_.begin(), users_.end(),
                              [](const auto& each) { return !each.second.waiting.empty(); });
  if (round_is_due_) round_ = loop_.after(Microseconds{0}, [this] { begin_round(); });
}

void Server::forget(std::uint64_t id) {
  departed_.push_back(id);
  farewell_ = loop_.after(Microseconds{0}, [this] {
    for (const auto departed : std::exchange(departed_, {})) {
      const auto found = connections_.find(departed);
      if (found == connections_.end()) continue;
      auto connection = std::move(found->second);
      connections_.erase(found);
      const auto user = users_.find(connection->user());
      connection.reset();
      if (--user->second.connections == 0) users_.erase(user);
    }
  });
}

}  // namespace reeve::varlink
