#include "support/world.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cgroup/hierarchy.hpp"
#include "support/programs.hpp"

namespace reeve::test {

namespace {

namespace fs = std::filesystem;

std::string next_name() {
  static int count = 0;
  return "world-" + std::to_string(++count);
}

// A datagram socket as sd_notify(3) wants it.
FileDescriptor listen_for_notification(const std::string& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    ADD_FAILURE() << "cannot bind " << path;
  fs::permissions(path, fs::perms::all);  // the daemon may be another user's
  return socket;
}

// A page of a file that a daemon maps, too.
TestHooks* shared_hooks(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (::ftruncate(file.get(), sizeof(TestHooks)) < 0) ADD_FAILURE() << "cannot make " << path;
  void* page =
      ::mmap(nullptr, sizeof(TestHooks), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  return new (page) TestHooks;
}

}  // namespace

std::string next_message(const varlink::Client& client) {
  std::string text;
  char byte;
  while (::recv(client.descriptor(), &byte, 1, 0) == 1) {
    if (byte == '\0') return text;
    text += byte;
  }
  return {};
}

World::World(Daemon daemon, Failures failures)
    : failures_(failures), mount_(cgroup::find_mount()->point) {
  const auto name = next_name();
  root_ = "/" + std::string(std::getenv("REEVE_TEST_HOME")) + "/" + name;
  files_ = std::string(std::getenv("REEVE_TEST_FILES")) + "/" + name;
  socket_ = files_ + "/socket";
  fs::create_directory(files_);
  fs::permissions(files_, fs::perms::all);
  fs::create_directory(directory_of(root_));
  hooks_ = shared_hooks(files_ + "/hooks");
  if (daemon == Daemon::started) start();
}

World::~World() {
  ::munmap(hooks_, sizeof *hooks_);
  const bool tells = failures_ == Failures::told;
  if (tells && daemon_.pid() != 0 && !daemon_.is_alive())
    ADD_FAILURE() << "reeved died by itself:\n" << daemon_log();
  daemon_.kill();
  if (tells && ::testing::Test::HasFailure())
    std::printf("--- reeved's log\n%s---\n", daemon_log().c_str());
  const FileDescriptor kill(
      ::open((directory_of(root_) + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  (void)!::write(kill.get(), "1", 1);
}

void World::configure(const std::string& text) const {
  std::ofstream(files_ + "/reeve.toml") << text;
}

void World::delegate_to(uid_t user) const {
  const auto directory = fs::path(directory_of(root_));
  for (const auto& path :
       {directory, directory / "cgroup.procs", directory / "cgroup.subtree_control",
        directory / "cgroup.threads", directory.parent_path() / "cgroup.procs"})
    if (::chown(path.c_str(), user, static_cast<gid_t>(-1)) < 0)
      ADD_FAILURE() << "cannot give " << path << " away";
}

void World::start() {
  if (!try_start([](const auto& daemon) { return daemon(); }))
    ADD_FAILURE() << "reeved did not become ready:\n" << daemon_log();
}

void World::launch(const Runner& runner) {
  const auto notify = files_ + "/notify";
  const auto configuration = files_ + "/reeve.toml";
  readiness_ = listen_for_notification(notify);
  // Opened before the runner may give up the right to see it.
  const FileDescriptor opened(::open(reeved().c_str(), O_PATH | O_CLOEXEC));
  constexpr int beyond_what_is_passed = 10;
  const FileDescriptor program(::fcntl(opened.get(), F_DUPFD_CLOEXEC, beyond_what_is_passed));
  const auto daemon = [&] {
    ::setenv("NOTIFY_SOCKET", notify.c_str(), 1);
    ::setenv("REEVE_TEST_HOOKS", (files_ + "/hooks").c_str(), 1);
    // What a sanitized daemon has freed is to count as freed, also where its memory is measured.
    ::setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=64", 1);
    const int log = ::open((files_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(log, STDERR_FILENO);
    std::vector<const char*> arguments{"reeved",        "--bus",  bus_.c_str(), "--socket",
                                       socket_.c_str(), "--root", root_.c_str()};
    if (fs::exists(configuration))
      arguments.insert(arguments.end(), {"--config", configuration.c_str()});
    arguments.push_back(nullptr);
    ::execveat(program.get(), "", const_cast<char**>(arguments.data()), environ, AT_EMPTY_PATH);
    return 127;
  };
  daemon_ = Child::run([&] { return runner(daemon); });
}

bool World::await_ready() {
  std::array<pollfd, 2> entries{pollfd{readiness_.get(), POLLIN, 0},
                                pollfd{daemon_.pidfd(), POLLIN, 0}};
  const int ready =
      ::poll(entries.data(), entries.size(), 1000 * static_cast<int>(patience.count()));
  return ready > 0 && (entries[0].revents & POLLIN) != 0;
}

void World::kill_daemon() {
  daemon_.kill();
}

int World::stop_daemon() {
  daemon_.signal(SIGTERM);
  return await_daemon_end();
}

int World::await_daemon_end() {
  return daemon_.wait();
}

World::Descriptors World::daemon_descriptors() const {
  Descriptors found;
  std::error_code closed_meanwhile;
  for (const auto& entry :
       fs::directory_iterator("/proc/" + std::to_string(daemon_pid()) + "/fd")) {
    ++found.all;
    if (fs::read_symlink(entry, closed_meanwhile).string().starts_with("socket:")) ++found.sockets;
  }
  return found;
}

std::vector<std::string> World::run_directories() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory_of(root_)))
    if (entry.is_directory()) names.push_back(entry.path().filename());
  return names;
}

varlink::Client World::connect() const {
  auto client = varlink::Client::connect(socket_);
  if (!client) {
    ADD_FAILURE() << client.error().message() << "\n" << daemon_log();
    std::abort();
  }
  return std::move(*client);
}

std::string World::open_run(const Child& owner, OwnerExitPolicy policy, Microseconds grace) {
  api::OpenRun::Input input;
  input.owner = owner.id();
  input.on_owner_exit = policy;
  input.grace = grace;
  const auto opened = call<api::OpenRun>(input);
  EXPECT_TRUE(opened) << opened;
  return opened ? opened->run.run : "";
}

Worker World::reserve(const std::string& run, const std::string& worker) {
  api::Reserve::Input input;
  input.worker = worker;
  input.run = run;
  const auto reserved = call<api::Reserve>(input);
  EXPECT_TRUE(reserved) << reserved;
  return reserved ? reserved->worker : Worker{};
}

Worker World::activate(const std::string& run, const std::string& worker, const Child& process) {
  api::Activate::Input input;
  input.worker = worker;
  input.run = run;
  input.process = process.id();
  const auto activated = call<api::Activate>(input);
  EXPECT_TRUE(activated) << activated;
  return activated ? activated->worker : Worker{};
}

bool World::await_state(const std::string& run, const std::string& worker, WorkerState state) {
  return eventually([&] {
    const auto answer = get(run, worker);
    return answer && answer->worker.state == state;
  });
}

Worker World::await_reaped(const std::string& run, const std::string& worker) {
  Worker found;
  EXPECT_TRUE(eventually([&] {
    const auto answer = get(run, worker);
    if (!answer) return false;
    found = answer->worker;
    return found.exit && found.exit->reaped;
  }));
  return found;
}

Conversation::Conversation(const World& world) {
  auto client = world.connect();
  socket_ = FileDescriptor(::dup(client.descriptor()));
}

void Conversation::send(const std::string& method, const std::string& parameters, More more) {
  const auto message = R"({"method":")" + method + R"(",)" +
                       (more == More::yes ? R"("more":true,)" : "") + R"("parameters":)" +
                       parameters + "}";
  if (::send(socket_.get(), message.c_str(), message.size() + 1, MSG_NOSIGNAL) < 0)
    ADD_FAILURE() << "cannot call " << method;
}

std::optional<std::string> Conversation::receive() {
  std::size_t end;
  while ((end = input_.find('\0')) == std::string::npos) {
    pollfd entry{socket_.get(), POLLIN, 0};
    std::array<char, 4096> buffer;
    if (::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) != 1) {
      ADD_FAILURE() << "no message came";
      return std::nullopt;
    }
    const auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (length <= 0) {
      ADD_FAILURE() << "the connection ended";
      return std::nullopt;
    }
    input_.append(buffer.data(), static_cast<std::size_t>(length));
  }
  auto text = input_.substr(0, end);
  input_.erase(0, end + 1);
  return text;
}

Follower::Follower(const World& world, std::optional<std::string> run,
                   std::optional<std::int64_t> after)
    : conversation_(world) {
  conversation_.ask<api::Subscribe>({std::move(run), after}, Conversation::More::yes);
}

Event Follower::next() {
  const auto message = conversation_.receive();
  if (!message) return {};
  const auto& text = *message;
  json::Parser parser;
  const auto parsed = parser.parse(text);
  if (!parsed) {
    ADD_FAILURE() << text;
    return {};
  }
  const auto members = parsed->members();
  for (const auto& [name, value] : *members) {
    if (name != "parameters") continue;
    api::Subscribe::Output output;
    if (json::decode(value, output, json::UnknownMembers::refused)) return output.event;
  }
  ADD_FAILURE() << text;
  return {};
}

Event Follower::next(EventKind kind) {
  while (!::testing::Test::HasFailure())
    if (auto event = next(); event.kind == kind) return event;
  return {};
}

}  // namespace reeve::test
