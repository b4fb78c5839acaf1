#include "spawn/hand_process.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "base/text.hpp"
#include "json/codec.hpp"
#include "spawn/account.hpp"
#include "spawn/become.hpp"
#include "sys/calls.hpp"
#include "sys/suspended_clone.hpp"

namespace reeve::spawn {

namespace {

// All that the child needs, made before it is born: it allocates nothing.
struct Launch {
  std::array<int, 3> streams{};
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<std::string> paths;  // where the program may be
  const char* working_directory = "/";
  mode_t mask = usual_file_mode_mask;
  std::optional<Account> account;
  // Written by the child.
  bool has_failed = false;
  SpawnFailure failure;
};

// Its frames lie where the parent, which does not know of them, will have others: what a sanitizer
// remembers of one would be held against the other.
#define REEVE_IN_CHILD __attribute__((no_sanitize("address", "undefined")))

REEVE_IN_CHILD void fail(Launch& launch, Step step, int number) {
  launch.failure.step = step;
  launch.failure.number = number;
  launch.has_failed = true;
  constexpr int could_not_start = 127;
  ::_exit(could_not_start);
}

// As execvp(3) does: what may not be executed is told if nothing else is found.
REEVE_IN_CHILD void execute(Launch& launch) {
  int worst = ENOENT;
  const std::string* path = launch.paths.data();
  const std::string* const end = path + launch.paths.size();
  for (; path != end; ++path) {
    ::execve(path->c_str(), launch.arguments.data(), launch.environment.data());
    if (errno == EACCES)
      worst = EACCES;
    else if (errno != ENOENT && errno != ENOTDIR)
      fail(launch, Step::execute, errno);
  }
  fail(launch, Step::execute, worst);
}

REEVE_IN_CHILD void take_over(void* data) {
  auto& launch = *static_cast<Launch*>(data);
  // What was received lies above them: none is in the way of another.
  for (int stream = 0; stream < 3; ++stream)
    if (::dup2(launch.streams.data()[stream], stream) < 0) fail(launch, Step::streams, errno);
  ::setsid();
  ::umask(launch.mask);
  if (launch.account)
    if (const auto failure = take(*launch.account)) fail(launch, failure->step, failure->number);
  if (::chdir(launch.working_directory) < 0) fail(launch, Step::working_directory, errno);
  execute(launch);
}

std::vector<std::string> paths_of(const Program& program) {
  const auto& name = program.command.front();
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> paths;
  const auto path = program.environment.find("PATH");
  for (const auto directory :
       split(path == program.environment.end() ? std::string_view() : path->second, ':'))
    paths.push_back(std::string(directory.empty() ? "." : directory) + "/" + name);
  return paths;
}

void start(Program& program, const std::vector<FileDescriptor>& descriptors, HandAnswer& answer,
           int& pidfd) {
  Launch launch;
  auto account = account_of(program);
  if (!account) {
    answer.result = -account.error().number;
    answer.has_failed = 1;
    answer.failure = account.error();
    return;
  }
  launch.account = std::move(*account);
  std::vector<std::string> variables;
  for (const auto& [name, value] : program.environment)
    variables.push_back(name + "=" + value);
  for (auto& text : program.command)
    launch.arguments.push_back(text.data());
  for (auto& text : variables)
    launch.environment.push_back(text.data());
  launch.arguments.push_back(nullptr);
  launch.environment.push_back(nullptr);
  launch.paths = paths_of(program);
  if (program.working_directory) launch.working_directory = program.working_directory->c_str();
  launch.mask = static_cast<mode_t>(program.file_mode_mask.value_or(usual_file_mode_mask));
  for (std::size_t i = 0; i < launch.streams.size(); ++i)
    launch.streams[i] = descriptors[hand_input + i].get();
  answer.result =
      sys::clone_suspended(descriptors[hand_control_group].get(), pidfd, take_over, &launch);
  answer.has_failed = launch.has_failed ? 1 : 0;
  answer.failure = launch.failure;
}

void serve(const FileDescriptor& orders, std::string_view message,
           const std::vector<FileDescriptor>& descriptors) {
  HandAnswer answer;
  std::memcpy(&answer.number, message.data(), sizeof answer.number);
  static json::Parser parser;
  Program program;
  const auto parsed = parser.parse(message.substr(sizeof answer.number));
  int pidfd = -1;
  if (!parsed || !json::decode(*parsed, program, json::UnknownMembers::refused) ||
      program.command.empty() || !is_for_hands(program) ||
      descriptors.size() != descriptors_of_a_hand)
    answer.result = -EBADMSG;
  else
    start(program, descriptors, answer, pidfd);
  const FileDescriptor owned(pidfd);
  const std::string_view bytes(reinterpret_cast<const char*>(&answer), sizeof answer);
  // There is room: reeved has given one order, and waits for this.
  (void)sys::send_bytes(orders.get(), bytes, std::span<const int>(&pidfd, pidfd < 0 ? 0 : 1));
}

}  // namespace

bool is_for_hands(const Program& program) {
  return !program.nice && !program.out_of_memory_score_adjust && !program.resource_limits;
}

void serve_as_hand(FileDescriptor orders) {
  ::prctl(PR_SET_NAME, "reeved-hand");
  give_up_protection();  // its children have that from here on
  std::vector<char> buffer(longest_hand_order);
  for (;;) {
    pollfd entry{orders.get(), POLLIN, 0};
    ::poll(&entry, 1, -1);
    sys::Received received;
    const int got = sys::receive_bytes(orders.get(), buffer, received);
    if (got == -EAGAIN) continue;
    if (got < 0 || received.bytes < sizeof(HandAnswer::number)) ::_exit(0);
    serve(orders, {buffer.data(), received.bytes}, received.descriptors);
  }
}

}  // namespace reeve::spawn
