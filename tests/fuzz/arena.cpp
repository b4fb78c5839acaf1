#include "arena.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "base/log.hpp"
#include "fuzz.hpp"
#include "registry/names.hpp"
#include "varlink/listen.hpp"

namespace reeve::fuzz {

namespace {

namespace fs = std::filesystem;

std::string name;  // of the arena's cgroup and directory
cgroup::Mount mount;
std::unique_ptr<loop::Loop> the_loop;
std::unique_ptr<spawn::Spawner> spawner;

std::string root() {
  return "/" + name;
}

fs::path directory() {
  return fs::temp_directory_path() / name;
}

sockaddr_un address{};

std::string socket_path() {
  return directory() / "socket";
}

void expect(bool succeeded, const char* what) {
  if (succeeded) return;
  std::perror(what);
  std::_Exit(1);
}

void remove_cgroups(const fs::path& path) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error))
    if (entry.is_directory()) remove_cgroups(entry.path());
  ::rmdir(path.c_str());
}

pid_t inside = 0;
void pass_on(int signal) {
  ::kill(inside, signal);
}

int status_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void go_on_for(Microseconds time) {
  const auto pause = the_loop->after(time, [] { the_loop->stop(); });
  (void)the_loop->run();
}

// Ends with the process that it was forked from.
pid_t fork_child() {
  const pid_t pid = ::fork();
  expect(pid >= 0, "fork");
  if (pid == 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

// What a fuzzer thinks up is not to be executed: this one says no to every order.
spawn::SpawnerProcess refusing_spawner() {
  std::array<int, 2> ends{};
  expect(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  FileDescriptor ours(ends[0]);
  const pid_t pid = fork_child();
  if (pid == 0) {
    ours.reset();
    spawn::OrderHead head;
    while (::recv(ends[1], &head, sizeof head, 0) == sizeof head) {
      const spawn::OrderAnswer answer{head.number, -EPERM};
      (void)!::send(ends[1], &answer, sizeof answer, MSG_NOSIGNAL);
    }
    std::_Exit(0);
  }
  ::close(ends[1]);
  auto process = process::Process::open(pid);
  expect(process.ok(), "open the spawner");
  return {std::move(ours), std::move(*process)};
}

}  // namespace

void enter_arena() {
  const auto found = cgroup::find_mount();
  if (!found || ::geteuid() != 0) {
    std::puts("this target needs root and a cgroup2 mount");
    std::exit(77);  // skipped
  }
  mount = *found;
  name = "reeve-fuzz-" + registry::new_run_id().substr(0, 12);
  fs::create_directory(root_directory());
  fs::create_directory(directory());
  address.sun_family = AF_UNIX;
  socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  expect(::unshare(CLONE_NEWPID | CLONE_NEWNS) == 0, "unshare");
  inside = fork_child();
  if (inside != 0) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
      ::signal(signal, pass_on);
    const int status = status_of(inside);
    remove_cgroups(root_directory());
    fs::remove_all(directory());
    std::_Exit(status);
  }
  expect(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount / privately");
  expect(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount /proc");
  // PID 1 is nobody's worker and, by default, deaf to signals: the fuzzer is its child.
  inside = fork_child();
  if (inside != 0) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
      ::signal(signal, pass_on);
    std::_Exit(status_of(inside));
  }
  log::set_threshold(log::Level::error);
  auto loop = loop::Loop::create();
  expect(loop.ok(), "set up an io_uring");
  the_loop = std::move(*loop);
  spawner = std::make_unique<spawn::Spawner>(*the_loop, refusing_spawner());
}

fs::path root_directory() {
  return mount.point + root();
}

void clear_root() {
  for (const auto& entry : fs::directory_iterator(root_directory()))
    if (entry.is_directory()) remove_cgroups(entry.path());
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

bool descriptors_are_back(std::size_t before) {
  // What was retired is still in flight for some rounds.
  for (int round = 0; round < 1000; ++round) {
    if (open_descriptors() == before) return true;
    go_on_for(Microseconds{1000});
  }
  return false;
}

// ---- Idler

namespace {

constexpr std::size_t stack_size = 65536;

// In memory that is the fuzzer's, errno included: nothing is allocated here, and the fuzzer waits
// while calls are made that can fail.
int idle(void* orders_descriptor) {
  // What the fuzzer does on a signal is not this process's business.
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
  } const usual{SIG_DFL, 0, nullptr, 0};
  for (int signal = 1; signal <= 64; ++signal)
    ::syscall(SYS_rt_sigaction, signal, &usual, nullptr, sizeof usual.mask);
  const auto orders = static_cast<int>(reinterpret_cast<std::intptr_t>(orders_descriptor));
  (void)!::write(orders, &orders, sizeof orders);
  for (int socket; ::read(orders, &socket, sizeof socket) == sizeof socket;) {
    ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    (void)!::write(orders, &socket, sizeof socket);
  }
  return 0;
}

}  // namespace

Idler::Idler() : stack_(new char[stack_size]) {
  std::array<int, 2> ends{};
  expect(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  ours_ = FileDescriptor(ends[0]);
  its_ = FileDescriptor(ends[1]);
  int pidfd = -1;
  pid_ = ::clone(idle, stack_.get() + stack_size, CLONE_VM | CLONE_FILES | CLONE_PIDFD | SIGCHLD,
                 reinterpret_cast<void*>(static_cast<std::intptr_t>(its_.get())), &pidfd);
  expect(pid_ > 0, "clone");
  pidfd_ = FileDescriptor(pidfd);
  int ready = 0;
  (void)!::read(ours_.get(), &ready, sizeof ready);
}

Idler::~Idler() {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  (void)status_of(pid_);
}

process::Identity Idler::identity() const {
  return process::Process::open(pid_)->identity();
}

FileDescriptor Idler::connect() {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int number = socket.get();
  (void)!::write(ours_.get(), &number, sizeof number);
  std::array<pollfd, 2> entries{pollfd{ours_.get(), POLLIN, 0}, pollfd{pidfd_.get(), POLLIN, 0}};
  while (::poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) {
  }
  if ((entries[0].revents & POLLIN) == 0) return {};
  (void)!::read(ours_.get(), &number, sizeof number);
  return socket;
}

// ---- Daemon

Daemon::Daemon() {
  auto directory = cgroup::Directory::open(mount.point, root());
  expect(directory.ok(), "open the root");
  registry_ =
      std::make_unique<registry::Registry>(*the_loop, *spawner, mount, std::move(*directory));
  service_ = std::make_unique<service::Service>(*the_loop, *registry_, service::AccessRules{}, "");
  const auto recovered = registry_->recover();
  expect(recovered.ok(), recovered.ok() ? "" : recovered.error().message().c_str());
  auto listener = varlink::listen_at(socket_path(), 0666);
  expect(listener.ok(), "listen");
  server_ = std::make_unique<varlink::Server>(*the_loop, *service_, service::AccessRules{});
  server_->listen(std::move(*listener));
  socket_ = caller_.connect();
}

Daemon::~Daemon() {
  ::unlink(socket_path().c_str());
}

std::string Daemon::call(std::string_view method, std::string_view parameters) {
  const auto message =
      "{\"method\":\"" + std::string(method) + "\",\"parameters\":" + std::string(parameters) + "}";
  require(::send(socket_.get(), message.c_str(), message.size() + 1, MSG_NOSIGNAL) ==
              static_cast<ssize_t>(message.size() + 1),
          "the daemon takes a call");
  std::string reply;
  while (!reply.ends_with('\0')) {
    const auto readable = the_loop->poll(socket_.get(), POLLIN, [](int) { the_loop->stop(); });
    require(the_loop->run().ok(), "the loop runs");
    std::array<char, 65536> buffer;
    const auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    require(length > 0, "a well-formed call is answered");
    reply.append(buffer.data(), static_cast<std::size_t>(length));
  }
  reply.pop_back();
  return reply;
}

void Daemon::look_around() {
  for (const char* method : {"ListRuns", "ListWorkers", "ListEntries", "ListProcesses",
                             "ValidateWorkers", "GetStatistics", "CountEntries"})
    call("io.reeve.Registry." + std::string(method), "{}");
}

void Daemon::end_all_runs() {
  for (int round = 0; !registry_->runs().empty(); ++round) {
    require(round < 30'000, "every run can be closed");
    const auto& [id, run] = *registry_->runs().begin();
    if (run->phase() == registry::RunPhase::opening)  // cannot be found yet
      go_on_for(Microseconds{1000});
    else
      call("io.reeve.Registry.CloseRun", R"({"onOwnerExit":"kill","run":")" + id + "\"}");
  }
}

}  // namespace reeve::fuzz
