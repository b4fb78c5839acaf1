// One client of the varlink server.
#pragma once

#include <memory>
#include <string>

#include "varlink/framer.hpp"
#include "varlink/server.hpp"

namespace reeve::varlink {

class ConnectionCall;

class Connection {
 public:
  Connection(Server& server, Server::User& user, std::uint64_t id, FileDescriptor socket,
             service::Caller caller, bool privileged);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() { arm(); }
  [[nodiscard]] uid_t user() const { return caller_->user; }
  // Answers with an error, without having been asked, and ends.
  void refuse(const api::Failure& failure);
  // Goes on with what waited for its user's turn.
  void take_turn();

 private:
  friend class ConnectionCall;
  friend class Server;

  void arm();
  void arm_half_closed();
  void ready(int events);
  void receive();
  void serve();
  void serve_next();
  void serve_frame(Frame frame);
  void call_ended();
  void send_message(std::string_view message);
  void flush();
  void end_after_flush(const api::Failure& failure);
  void lose_client();
  void lose_client_soon();
  void close();
  // Counts what is buffered now; false if that is more than its user may have.
  [[nodiscard]] bool count_buffered();
  [[nodiscard]] std::size_t unsent() const { return output_.size() - sent_; }

  Server& server_;
  Server::User& user_;
  std::uint64_t id_;
  FileDescriptor socket_;
  std::shared_ptr<const service::Caller> caller_;
  Framer input_;
  std::string output_;
  std::size_t sent_ = 0;
  std::shared_ptr<ConnectionCall> call_;
  // How much of the client is left. Half closed: it shut its side down and may still read.
  enum class Client { present, half_closed, gone };
  Client client_ = Client::present;
  bool input_ended_ = false;  // all was read, or what is left cannot be understood
  bool closed_ = false;
  bool serving_ = false;
  bool awaits_turn_ = false;
  bool privileged_;
  std::size_t counted_ = 0;  // of what is buffered, to its user
  struct Awaited {
    short events = -1;
    bool half_closed = false;
    bool operator==(const Awaited&) const = default;
  };
  Awaited awaited_;
  FileDescriptor half_closed_readiness_;
  loop::Operation readiness_;
  loop::Timer soon_;
};

}  // namespace reeve::varlink
