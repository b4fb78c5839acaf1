#include "varlink/connection.hpp"

#include <poll.h>

#include <array>
#include <cerrno>

#include "json/codec.hpp"
#include "sys/calls.hpp"
#include "sys/closing.hpp"

namespace reeve::varlink {

namespace {

constexpr std::size_t read_at_once = 65536;
// A stream stops above this and goes on below it.
constexpr std::size_t room = 262144;

// The members of a call as the varlink protocol defines them.
struct Message {
  std::string method;
  std::optional<json::Value> parameters;
  bool more = false;
  bool oneway = false;
  bool upgrade = false;
};

Result<Message, std::string> read_message(const json::Value& json) {
  const auto members = json.members();
  if (!members) return std::string("a call must be a JSON object");
  Message message;
  for (const auto& [name, value] : *members) {
    if (name == "method") {
      const auto method = value.string();
      if (!method) return std::string("\"method\" must be a string");
      message.method = *method;
    } else if (name == "parameters") {
      if (value.is_null()) continue;
      if (!value.is_object()) return std::string("\"parameters\" must be an object");
      message.parameters = value;
    } else if (name == "more" || name == "oneway" || name == "upgrade") {
      const auto flag = value.is_null() ? false : value.boolean();
      if (!flag) return "\"" + std::string(name) + "\" must be true or false";
      (name == "more" ? message.more : name == "oneway" ? message.oneway : message.upgrade) = *flag;
    } else {
      return "a call has no member \"" + std::string(name) + "\"";
    }
  }
  if (message.method.empty()) return std::string("a call needs a \"method\"");
  return message;
}

}  // namespace

// The call under way on a connection; outlives the connection while a handler holds it.
class ConnectionCall : public service::Call {
 public:
  ConnectionCall(Connection& connection, bool more, bool oneway,
                 std::vector<FileDescriptor> descriptors)
      : connection_(&connection),
        more_(more),
        oneway_(oneway),
        descriptors_(std::move(descriptors)),
        caller_(connection.caller_) {}

  [[nodiscard]] const service::Caller& caller() const override { return *caller_; }
  [[nodiscard]] bool more() const override { return more_; }
  [[nodiscard]] bool is_oneway() const { return oneway_; }

  FileDescriptor take_descriptor(std::int64_t index) override {
    if (index < 0 || index >= static_cast<std::int64_t>(descriptors_.size())) return {};
    return std::move(descriptors_[static_cast<std::size_t>(index)]);
  }

  void reply(const schema::Type& type, const void* output) override {
    send(message_with(type, output) + "}");
    end();
  }

  void fail(const api::Failure& failure) override {
    send("{\"error\":\"" + failure.error + "\",\"parameters\":" + failure.parameters + "}");
    end();
  }

  void stream(const schema::Type& type, const void* output) override {
    send(message_with(type, output) + ",\"continues\":true}");
  }

  [[nodiscard]] bool has_room() const override {
    return connection_ != nullptr && connection_->unsent() < room;
  }
  void on_room(std::function<void()> handler) override { room_ = std::move(handler); }
  void on_abandoned(std::function<void()> handler) override {
    if (connection_ != nullptr) abandoned_ = std::move(handler);
  }

  void tell_room() const {
    if (const auto handler = room_) handler();
  }

  void abandon() {
    connection_ = nullptr;
    room_ = nullptr;
    if (const auto handler = std::exchange(abandoned_, nullptr)) handler();
  }

 private:
  // To be closed.
  static std::string message_with(const schema::Type& type, const void* parameters) {
    std::string message = "{\"parameters\":";
    json::encode(message, type, parameters);
    return message;
  }

  void send(const std::string& message) {
    if (connection_ != nullptr && !oneway_) connection_->send_message(message);
  }

  void end() {
    room_ = nullptr;
    abandoned_ = nullptr;
    if (connection_ != nullptr) std::exchange(connection_, nullptr)->call_ended();
  }

  Connection* connection_;
  bool more_;
  bool oneway_;
  std::vector<FileDescriptor> descriptors_;
  std::shared_ptr<const service::Caller> caller_;
  std::function<void()> room_;
  std::function<void()> abandoned_;
};

Connection::Connection(Server& server, Server::User& user, std::uint64_t id, FileDescriptor socket,
                       service::Caller caller, bool privileged)
    : server_(server),
      user_(user),
      id_(id),
      socket_(std::move(socket)),
      caller_(std::make_shared<const service::Caller>(std::move(caller))),
      input_(longest_message),
      privileged_(privileged) {}

Connection::~Connection() {
  if (call_) std::exchange(call_, nullptr)->abandon();
  user_.buffered_bytes -= static_cast<std::int64_t>(counted_);
}

// With a call under way only the end of the connection is awaited: what the client sends meanwhile
// stays in its socket.
void Connection::arm() {
  if (closed_) return;
  if (client_ == Client::gone) return readiness_.retire();
  const bool half_closed = client_ == Client::half_closed || input_ended_;
  const short wanted = unsent() > 0 ? POLLOUT : call_ || awaits_turn_ || half_closed ? 0 : POLLIN;
  const Awaited awaited{wanted, half_closed};
  if (readiness_.pending() && awaited_ == awaited) return;
  awaited_ = awaited;
  if (half_closed) return arm_half_closed();
  readiness_ =
      server_.loop_.poll(socket_.get(), awaited.events, [this](int events) { ready(events); });
}

// io_uring always polls for EPOLLRDHUP, which a half-closed socket reports for ever; epoll does so
// only where it is asked to.
void Connection::arm_half_closed() {
  auto readiness = sys::readiness_of(socket_.get(), awaited_.events);
  if (!readiness) {
    soon_ = server_.loop_.after(Microseconds{0}, [this] { lose_client(); });
    return;
  }
  half_closed_readiness_ = std::move(*readiness);
  readiness_ = server_.loop_.poll(half_closed_readiness_.get(), POLLIN, [this](int) {
    ready(sys::poll_now(socket_.get(), awaited_.events));
  });
}

void Connection::ready(int events) {
  if (closed_) return;
  if (events < 0 || (events & (POLLERR | POLLHUP)) != 0) return lose_client();
  if ((events & POLLRDHUP) != 0) client_ = Client::half_closed;
  if (unsent() > 0) {
    flush();
    // Told here and not in flush(): what is streamed then is flushed at once.
    if (const auto call = call_; call && call->has_room()) call->tell_room();
  } else if ((events & POLLIN) != 0) {
    receive();
  }
  serve();
}

// Nobody hears an answer any more, but what was sent before counts: a oneway call, above all.
void Connection::lose_client() {
  if (closed_) return;
  client_ = Client::gone;
  readiness_.retire();
  soon_.disarm();
  output_.clear();
  sent_ = 0;
  if (call_ && !call_->is_oneway()) std::exchange(call_, nullptr)->abandon();
  serve();
}

void Connection::receive() {
  std::array<char, read_at_once> buffer;
  sys::Received received;
  const int result = sys::receive_bytes(socket_.get(), buffer, received);
  if (result == -EAGAIN && client_ == Client::present) return;
  if (result < 0 || received.bytes == 0) {
    input_ended_ = true;
    return;
  }
  for (auto& descriptor : received.descriptors)
    descriptor = FileDescriptor(descriptor.release(), sys::closer_of_passed(user()));
  input_.add({buffer.data(), received.bytes}, std::move(received.descriptors));
  if (received.descriptors_truncated || input_.descriptors_held() > descriptors_per_message)
    return end_after_flush(api::failure(
        api::TooMany{"descriptorsPerMessage", static_cast<std::int64_t>(descriptors_per_message)}));
  if (!count_buffered())
    end_after_flush(api::failure(api::TooMany{"bufferedBytes", service::PerUser::buffered_bytes}));
}

void Connection::serve() {
  if (closed_ || serving_) return;  // a call that ended at once leads back here
  serving_ = true;
  while (!call_ && !awaits_turn_ && unsent() == 0) {
    if (input_.is_overrun())
      end_after_flush(
          api::failure(api::TooMany{"messageBytes", static_cast<std::int64_t>(longest_message)}));
    else if (input_.has_complete())
      serve_next();
    else if (client_ != Client::present && !input_ended_)
      receive();
    else
      break;
  }
  serving_ = false;
  if (input_ended_ && !call_ && !awaits_turn_ && unsent() == 0) return close();
  arm();
}

void Connection::serve_next() {
  if (!Server::has_turn_left(user_)) {
    awaits_turn_ = true;
    return server_.await_turn(*this);
  }
  const auto begin = monotonic_now();
  auto frame = input_.take();
  (void)count_buffered();
  serve_frame(std::move(*frame));
  user_.served += monotonic_now() - begin;
}

void Connection::take_turn() {
  awaits_turn_ = false;
  serve();
}

void Connection::serve_frame(Frame frame) {
  const auto json = server_.parser_.parse(frame.text);
  if (!json) return end_after_flush(api::failure(api::InvalidMessage{json.error()}));
  const auto message = read_message(*json);
  if (!message) return end_after_flush(api::failure(api::InvalidMessage{message.error()}));
  const auto call = std::make_shared<ConnectionCall>(*this, message->more, message->oneway,
                                                     std::move(frame.descriptors));
  call_ = call;
  if (message->upgrade)
    return call->fail(api::invalid_parameter("upgrade", "is not offered by this service"));
  if (message->more && message->oneway)
    return call->fail(api::invalid_parameter("oneway", "cannot be combined with more"));
  const auto& parameters =
      message->parameters ? *message->parameters : *server_.parser_.parse("{}");
  server_.service_.dispatch(
      message->method,
      [&](const schema::Type& type, void* input) {
        return json::decode(parameters, type, input, json::UnknownMembers::refused);
      },
      call);
  if (client_ == Client::gone && call_ && !call_->is_oneway())
    std::exchange(call_, nullptr)->abandon();
}

void Connection::call_ended() {
  call_.reset();
  serve();
}

void Connection::send_message(std::string_view message) {
  if (closed_ || client_ == Client::gone) return;
  const bool idle = unsent() == 0;
  output_ += message;
  output_ += '\0';
  if (idle) flush();
  if (!count_buffered()) return lose_client_soon();
  if (unsent() > 0) arm();
}

bool Connection::count_buffered() {
  const auto now = input_.size() + unsent();
  user_.buffered_bytes += static_cast<std::int64_t>(now) - static_cast<std::int64_t>(counted_);
  counted_ = now;
  return privileged_ || user_.buffered_bytes <= service::PerUser::buffered_bytes;
}

void Connection::flush() {
  while (unsent() > 0) {
    const auto sent = sys::send_bytes(socket_.get(), std::string_view(output_).substr(sent_));
    if (sent == -EAGAIN) break;
    if (sent < 0) return lose_client_soon();
    sent_ += static_cast<std::size_t>(sent);
  }
  if (unsent() == 0) {
    output_.clear();
    sent_ = 0;
    if (output_.capacity() > room) output_.shrink_to_fit();
  } else if (sent_ > room) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
  (void)count_buffered();
}

// From the loop: it may be a handler of this connection's call that is sending.
void Connection::lose_client_soon() {
  client_ = Client::gone;
  output_ = {};
  sent_ = 0;
  (void)count_buffered();
  soon_ = server_.loop_.after(Microseconds{0}, [this] { lose_client(); });
}

void Connection::end_after_flush(const api::Failure& failure) {
  input_ended_ = true;
  input_ = Framer(longest_message);
  (void)count_buffered();
  send_message("{\"error\":\"" + failure.error + "\",\"parameters\":" + failure.parameters + "}");
}

void Connection::refuse(const api::Failure& failure) {
  end_after_flush(failure);
  serve();
}

// It goes from the loop: it may be a handler of this connection's call that got here.
void Connection::close() {
  if (std::exchange(closed_, true)) return;
  readiness_.retire();
  soon_.disarm();
  server_.forget(id_);
}

}  // namespace reeve::varlink
