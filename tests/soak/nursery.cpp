#include "soak/nursery.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <system_error>

namespace reeve::test {

namespace {

FileDescriptor copy_of_the_program() {
  const FileDescriptor program(::open(NURSERY_BUILT, O_RDONLY | O_CLOEXEC));
  if (!program) throw std::system_error(errno, std::generic_category(), NURSERY_BUILT);
  FileDescriptor copy(::memfd_create("nursery", MFD_CLOEXEC));
  while (::sendfile(copy.get(), program.get(), nullptr, std::numeric_limits<int>::max()) > 0) {
  }
  return copy;
}

}  // namespace

Nursery::Nursery() {
  std::array<int, 2> ends{};
  (void)::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data());
  orders_ = FileDescriptor(ends[0]);
  const FileDescriptor its(ends[1]);
  const auto program = copy_of_the_program();
  process_ = Child::run([&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto number = std::to_string(::dup(its.get()));  // without close-on-exec
    std::string name = "nursery";
    std::array<char*, 3> arguments{name.data(), number.data(), nullptr};
    ::fexecve(program.get(), arguments.data(), environ);
    return EXIT_FAILURE;
  });
}

Born Nursery::ask(const Order& order) {
  Born answer;
  (void)!::send(orders_.get(), &order, sizeof order, MSG_NOSIGNAL);
  (void)!::recv(orders_.get(), &answer, sizeof answer, 0);
  return answer;
}

Born Nursery::bear(const std::string& directory) {
  Order order;
  directory.copy(order.directory.data(), order.directory.size() - 1);
  return ask(order);
}

void Nursery::signal(pid_t pid, int number) {
  Order order;
  order.pid = pid;
  order.signal = number;
  (void)ask(order);
}

}  // namespace reeve::test
