#include "spawn/spawner_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "spawn/become.hpp"
#include "spawn/hand_process.hpp"
#include "spawn/order.hpp"
#include "sys/calls.hpp"
#include "sys/suspended_clone.hpp"

namespace reeve::spawn {

namespace {

[[noreturn]] void carry_out(std::vector<FileDescriptor> descriptors) {
  const auto failure = become(descriptors[of_program],
                              {std::move(descriptors[of_input]), std::move(descriptors[of_output]),
                               std::move(descriptors[of_error])});
  // Shorter than PIPE_BUF: whole or not at all.
  (void)!::write(descriptors[of_report].get(), &failure, sizeof failure);
  constexpr int could_not_start = 127;
  ::_exit(could_not_start);
}

// Those that have ended, with the reeved that they served, are reaped when another is wanted.
void reap_hands(std::vector<FileDescriptor>& hands) {
  std::erase_if(hands, [](const FileDescriptor& hand) {
    int status = 0;
    return sys::reap(hand.get(), status) != -EAGAIN;
  });
}

// The socket that leads to it, or -errno.
int make_hand(const FileDescriptor& orders) {
  static std::vector<FileDescriptor> hands;
  reap_hands(hands);
  if (!sys::can_clone_suspended()) return -EBADMSG;
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) < 0)
    return -errno;
  FileDescriptor reeveds(ends[0]);
  FileDescriptor its(ends[1]);
  auto child = sys::fork_child();
  if (!child) return -child.error().number;
  if (child->pid == 0) {
    ::close(orders.get());
    for (const auto& hand : hands)
      ::close(hand.get());
    reeveds.reset();
    serve_as_hand(std::move(its));
  }
  hands.push_back(std::move(child->pidfd));
  return reeveds.release();
}

void serve(const FileDescriptor& orders, const OrderHead& head,
           std::vector<FileDescriptor> descriptors) {
  OrderAnswer answer{head.number, -EBADMSG, 0};
  int pidfd = -1;
  if (head.kind == OrderKind::reap && descriptors.size() == 1)
    answer.result = sys::reap(descriptors.front().get(), answer.wait_status);
  if (head.kind == OrderKind::start && descriptors.size() == descriptors_of_an_order) {
    answer.result = sys::clone_into(descriptors[of_control_group].get(), pidfd);
    if (answer.result == 0) {
      ::close(orders.get());
      carry_out(std::move(descriptors));
    }
  }
  if (head.kind == OrderKind::hand) {
    pidfd = make_hand(orders);
    answer.result = std::min(pidfd, 0);
  }
  const FileDescriptor owned(std::max(pidfd, -1));
  const std::string_view bytes(reinterpret_cast<const char*>(&answer), sizeof answer);
  const std::span<const int> passed(&pidfd, pidfd < 0 ? 0 : 1);
  // Full only while reeved does not read: it has orders outstanding, and does.
  while (sys::send_bytes(orders.get(), bytes, passed) == -EAGAIN) {
    pollfd entry{orders.get(), POLLOUT, 0};
    ::poll(&entry, 1, -1);
  }
}

// As a process begins: what a worker inherits is not what suits reeved.
void reset_signals() {
  for (int number = 1; number < SIGRTMAX; ++number)
    ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Whatever the parent held: terminals, locks and rings live as long as anybody has them open.
FileDescriptor keep_only(FileDescriptor descriptor) {
  constexpr int lowest = 3;
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int stream = 0; stream < lowest; ++stream)
    ::dup2(null, stream);
  if (descriptor.get() != lowest) {
    ::dup3(descriptor.get(), lowest, O_CLOEXEC);
    (void)descriptor.release();
  }
  ::close_range(lowest + 1, ~0U, 0);
  return FileDescriptor(lowest);
}

}  // namespace

void serve_orders(FileDescriptor inherited) {
  // What is meant for reeved's terminal, its process group or its session is not meant for this.
  ::setsid();
  ::prctl(PR_SET_NAME, "reeved-spawner");
  reset_signals();
  const auto orders = keep_only(std::move(inherited));
  for (;;) {
    pollfd entry{orders.get(), POLLIN, 0};
    ::poll(&entry, 1, -1);
    OrderHead head;
    std::array<char, sizeof head> buffer;
    sys::Received received;
    const int got = sys::receive_bytes(orders.get(), buffer, received);
    if (got == -EAGAIN) continue;
    if (got < 0 || received.bytes != sizeof head) ::_exit(0);
    std::memcpy(&head, buffer.data(), sizeof head);
    serve(orders, head, std::move(received.descriptors));
  }
}

}  // namespace reeve::spawn
