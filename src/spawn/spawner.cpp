#include "spawn/spawner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "json/codec.hpp"
#include "spawn/hand_process.hpp"
#include "spawn/spawner_process.hpp"
#include "sys/calls.hpp"

namespace reeve::spawn {

namespace {

// Each is at one program at a time; what comes while all are is the spawner's.
constexpr std::size_t most_hands = 4;

// Far below what the socket's buffer holds: an order that is sent is taken at once.
constexpr std::size_t unanswered_at_most = 32;

Result<FileDescriptor> file_of(const Program& program) {
  FileDescriptor file(::memfd_create("program", MFD_CLOEXEC));
  if (!file) return Error{errno, {}, "make a file for the program of a worker"};
  const auto text = json::encoded(program);
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return Error{errno, {}, "write down the program of a worker"};
  return file;
}

bool is_gone(int sent) {
  return sent == -EPIPE || sent == -ECONNRESET || sent == -EBADF;
}

}  // namespace

Result<SpawnerProcess> fork_spawner() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) < 0)
    return Error{errno, {}, "make a socket pair for the spawner"};
  FileDescriptor ours(ends[0]);
  FileDescriptor its(ends[1]);
  auto child = sys::fork_child();
  if (!child) return child.error();
  if (child->pid == 0) serve_orders(std::move(its));
  auto process = process::Process::of_child(child->pid, std::move(child->pidfd));
  if (!process) return process.error();
  return SpawnerProcess{std::move(ours), std::move(*process)};
}

Result<SpawnerProcess> connect_to_holder(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{ENAMETOOLONG, path, "connect to the holder at"};
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Error{errno, path, "connect to the holder at"};
  // It is handed descriptors, and trusted with what it says of workers.
  ucred credentials{};
  if (sys::peer_credentials(socket.get(), credentials) < 0 || credentials.uid != ::geteuid())
    return Error{EPERM, path, "trust the holder at"};
  return SpawnerProcess{std::move(socket), {}};
}

struct Spawner::Order {
  FileDescriptor program;
  cgroup::Directory control_group;
  std::array<FileDescriptor, 3> streams;
  Handler handler;
  bool is_sent = false;
  FileDescriptor report;  // its reading end
  process::Process process;
  loop::Operation reporting;
};

Spawner::Spawner(loop::Loop& loop, SpawnerProcess spawner, Obtain obtain)
    : loop_(loop),
      obtain_(std::move(obtain)),
      spawner_(std::move(spawner)),
      null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {}

Spawner::~Spawner() = default;

Spawner::Key Spawner::start(Request request, cgroup::Directory control_group, Handler handler) {
  const auto key = ++last_key_;
  auto order = std::make_unique<Order>();
  order->control_group = std::move(control_group);
  order->streams = std::move(request.streams);
  order->handler = std::move(handler);
  if (request.is_trusted && is_for_hands(request.program)) {
    if (give_to_hand(key, *order, request.program)) {
      orders_.emplace(key, std::move(order));
      return key;
    }
    hire();
  }
  auto program = file_of(request.program);
  const int failed = program.ok() ? 0 : program.error().number;
  if (program.ok()) order->program = std::move(*program);
  orders_.emplace(key, std::move(order));
  loop_.defer([this, key, failed] {
    if (failed != 0) return finish(key, SpawnFailure{Step::order, failed});
    waiting_.push_back(key);
    send_waiting();
  });
  return key;
}

Spawner::Key Spawner::reap(const process::Process& dead, Reaped handler) {
  const auto key = ++last_key_;
  FileDescriptor pidfd(::fcntl(dead.pidfd(), F_DUPFD_CLOEXEC, 0));
  reapings_.emplace(key, Reaping{std::move(pidfd), std::move(handler)});
  loop_.defer([this, key] {
    waiting_.push_back(key);
    send_waiting();
  });
  return key;
}

void Spawner::forget(Key key) {
  if (const auto order = orders_.find(key); order != orders_.end())
    order->second->handler = nullptr;
  if (const auto reaping = reapings_.find(key); reaping != reapings_.end())
    reaping->second.handler = nullptr;
}

// ---- hands

bool Spawner::give_to_hand(Key key, Order& order, const Program& program) {
  const auto free =
      std::find_if(hands_.begin(), hands_.end(), [](const Hand& hand) { return !hand.order; });
  if (free == hands_.end()) return false;
  std::string message(reinterpret_cast<const char*>(&key), sizeof key);
  json::encode(message, schema::type<Program>, &program);
  if (message.size() > longest_hand_order) return false;
  std::array<int, descriptors_of_a_hand> passed{};
  passed[hand_control_group] = order.control_group.descriptor();
  for (std::size_t i = 0; i < order.streams.size(); ++i)
    passed[hand_input + i] = order.streams[i] ? order.streams[i].get() : null_.get();
  if (sys::send_bytes(free->socket.get(), message, passed) !=
      static_cast<ssize_t>(message.size())) {
    hands_.erase(free);  // it is gone
    return false;
  }
  // It may be waiting for the very processor that we would go on using.
  ::sched_yield();
  free->order = key;
  free->answer =
      loop_.poll(free->socket.get(), POLLIN, [this, &hand = *free](int) { hand_answered(hand); });
  for (auto& each : order.streams)
    each.reset();
  return true;
}

// When one is missing, for the next time.
void Spawner::hire() {
  if (hands_.size() >= most_hands || hiring_ || are_hands_refused_) return;
  hiring_ = ++last_key_;
  loop_.defer([this] {
    if (!hiring_) return;
    waiting_.push_back(*hiring_);
    send_waiting();
  });
}

void Spawner::hand_answered(Hand& hand) {
  const auto key = *std::exchange(hand.order, std::nullopt);
  HandAnswer answer;
  std::array<char, sizeof answer> buffer;
  sys::Received received;
  const int got = sys::receive_bytes(hand.socket.get(), buffer, received);
  if (got < 0 || received.bytes != sizeof answer) {
    hands_.remove_if([&](const Hand& each) { return &each == &hand; });
    return finish(key, SpawnFailure{Step::clone, ECHILD});
  }
  std::memcpy(&answer, buffer.data(), sizeof answer);
  if (answer.result < 0 && answer.has_failed != 0) return finish(key, answer.failure);
  if (answer.result < 0 || received.descriptors.size() != 1)
    return finish(key, SpawnFailure{Step::clone, answer.result < 0 ? -answer.result : EMFILE});
  auto process = process::Process::adopt_own(std::move(received.descriptors.front()));
  if (!process) return finish(key, SpawnFailure{Step::clone, process.error().number});
  if (answer.has_failed == 0) return finish(key, std::move(*process));
  collect(std::move(*process), [this, key, failure = answer.failure] { finish(key, failure); });
}

int Spawner::send_hiring(Key key) {
  auto sent = send({key, OrderKind::hand}, {});
  if (is_gone(sent)) {
    if (const int renewed = renew(); renewed < 0) return renewed;
    sent = send({key, OrderKind::hand}, {});
  }
  return sent;
}

// ---- orders

void Spawner::send_waiting() {
  while (!waiting_.empty() && unanswered_ < unanswered_at_most) {
    const auto key = waiting_.front();
    waiting_.pop_front();
    if (hiring_ == key) {
      if (send_hiring(key) < 0)
        hiring_.reset();
      else if (++unanswered_ == 1)
        listen();
      continue;
    }
    const auto reaping = reapings_.find(key);
    const int sent = reaping != reapings_.end() ? send_reap(key, reaping->second)
                                                : send_start(key, *orders_.at(key));
    if (sent < 0 && reaping != reapings_.end()) {
      finish_reaping(key, std::nullopt);
    } else if (sent < 0) {
      finish(key, SpawnFailure{Step::clone, -sent});
    } else if (++unanswered_ == 1) {
      listen();
    }
  }
}

int Spawner::send_start(Key key, Order& order) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  order.report = FileDescriptor(ends[0]);
  const FileDescriptor written_by_it(ends[1]);
  const auto stream = [&](std::size_t index) {
    return order.streams[index] ? order.streams[index].get() : null_.get();
  };
  std::array<int, descriptors_of_an_order> passed{};
  passed[of_program] = order.program.get();
  passed[of_control_group] = order.control_group.descriptor();
  passed[of_report] = written_by_it.get();
  passed[of_input] = stream(0);
  passed[of_output] = stream(1);
  passed[of_error] = stream(2);
  auto sent = send({key, OrderKind::start}, passed);
  if (is_gone(sent)) {
    if (const int renewed = renew(); renewed < 0) return renewed;
    sent = send({key, OrderKind::start}, passed);
  }
  if (sent < 0) return sent;
  order.is_sent = true;
  order.program.reset();
  for (auto& each : order.streams)
    each.reset();
  return 0;
}

int Spawner::send_reap(Key key, Reaping& reaping) {
  if (!reaping.pidfd) return -EMFILE;
  const int pidfd = reaping.pidfd.get();
  const int sent = send({key, OrderKind::reap}, {&pidfd, 1});
  reaping.is_sent = sent >= 0;
  return sent;
}

int Spawner::send(const OrderHead& head, std::span<const int> descriptors) {
  const std::string_view bytes(reinterpret_cast<const char*>(&head), sizeof head);
  return static_cast<int>(sys::send_bytes(spawner_.orders.get(), bytes, descriptors));
}

int Spawner::renew() {
  if (spawner_.orders) log::notice("the process that starts workers is gone: asking for another");
  lose_spawner();
  auto another = obtain_();
  if (!another) {
    log::error("no worker can be started: {}", another.error().message());
    return -another.error().number;
  }
  spawner_ = std::move(*another);
  return 0;
}

// ---- answers

void Spawner::listen() {
  answers_ = loop_.poll(spawner_.orders.get(), POLLIN, [this](int) { read_answers(); });
}

void Spawner::read_answers() {
  for (;;) {
    OrderAnswer answer;
    std::array<char, sizeof answer> buffer;
    sys::Received received;
    const int got = sys::receive_bytes(spawner_.orders.get(), buffer, received);
    if (got == -EAGAIN) break;
    if (got < 0 || received.bytes != sizeof answer) return spawner_died();
    std::memcpy(&answer, buffer.data(), sizeof answer);
    --unanswered_;
    if (hiring_ == answer.number) {
      hiring_.reset();
      are_hands_refused_ = answer.result < 0;
      if (received.descriptors.size() == 1)
        hands_.push_back({std::move(received.descriptors.front())});
    } else if (reapings_.contains(answer.number))
      finish_reaping(answer.number,
                     answer.result < 0 ? std::nullopt : std::optional(answer.wait_status));
    else
      answered(answer, std::move(received.descriptors));
  }
  if (unanswered_ > 0) listen();
  send_waiting();
}

void Spawner::answered(const OrderAnswer& answer, std::vector<FileDescriptor> descriptors) {
  const auto key = answer.number;
  const auto found = orders_.find(key);
  if (found == orders_.end()) return;
  auto& order = *found->second;
  if (answer.result < 0 || descriptors.size() != 1)
    return finish(key, SpawnFailure{Step::clone, answer.result < 0 ? -answer.result : EMFILE});
  auto process = process::Process::adopt_own(std::move(descriptors.front()));
  if (!process) return finish(key, SpawnFailure{Step::clone, process.error().number});
  order.process = std::move(*process);
  order.reporting = loop_.poll(order.report.get(), POLLIN, [this, key](int) { reported(key); });
}

// The writing end is closed by a successful exec, and by death.
void Spawner::reported(Key key) {
  auto& order = *orders_.at(key);
  SpawnFailure failure;
  if (::read(order.report.get(), &failure, sizeof failure) != sizeof failure)
    return finish(key, std::move(order.process));
  collect(std::move(order.process), [this, key, failure] { finish(key, failure); });
}

// It may have cloned what it did not tell of any more.
void Spawner::spawner_died() {
  lose_spawner();
  std::vector<Key> lost;
  for (const auto& [key, order] : orders_)
    if (order->is_sent && !order->process && !order->reporting.pending()) lost.push_back(key);
  for (const auto key : lost)
    finish(key, SpawnFailure{Step::clone, ECHILD});
  send_waiting();
}

// Its children are somebody else's then: whoever is to reap them asks in vain.
void Spawner::lose_spawner() {
  answers_.retire();
  spawner_.orders.reset();
  if (spawner_.process)
    await_death(std::move(spawner_.process), [](process::Process dead) { dead.reap(); });
  unanswered_ = 0;
  hiring_.reset();
  are_hands_refused_ = false;
  // What they start are children of the spawner, and nobody would reap them.
  for (auto& hand : std::exchange(hands_, {}))
    if (hand.order) finish(*hand.order, SpawnFailure{Step::clone, ECHILD});
  std::vector<Key> lost;
  for (const auto& [key, reaping] : reapings_)
    if (reaping.is_sent) lost.push_back(key);
  for (const auto key : lost)
    finish_reaping(key, std::nullopt);
}

void Spawner::collect(process::Process process, std::function<void()> then) {
  await_death(std::move(process), [this, then = std::move(then)](process::Process dead) {
    reap(dead, [then](std::optional<int>) {
      if (then) then();
    });
  });
}

void Spawner::await_death(process::Process process, std::function<void(process::Process)> then) {
  const auto key = ++last_key_;
  auto& dying = dying_[key];
  dying.process = std::move(process);
  dying.death = loop_.poll(dying.process.pidfd(), POLLIN, [this, key, then = std::move(then)](int) {
    auto dead = std::move(dying_.extract(key).mapped());
    then(std::move(dead.process));
  });
}

void Spawner::finish(Key key, Outcome outcome) {
  const auto order = std::move(orders_.extract(key).mapped());
  if (order->handler) return order->handler(std::move(outcome));
  if (outcome.ok()) collect(std::move(*outcome));
}

void Spawner::finish_reaping(Key key, std::optional<int> wait_status) {
  const auto reaping = std::move(reapings_.extract(key).mapped());
  if (reaping.handler) reaping.handler(wait_status);
}

}  // namespace reeve::spawn
