#include "support/command.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace reeve::test {

namespace {

// Files and not pipes: nobody has to read while the program runs, and who inherits them holds up
// nothing.
FileDescriptor buffer(const std::string& content = {}) {
  FileDescriptor file(::memfd_create("command", MFD_CLOEXEC));
  (void)!::write(file.get(), content.data(), content.size());
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string content_of(const FileDescriptor& file) {
  std::string content(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
  (void)!::pread(file.get(), content.data(), content.size(), 0);
  return content;
}

}  // namespace

int Finished::exit_status() const {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
}

std::ostream& operator<<(std::ostream& out, const Finished& finished) {
  return out << "exit status " << finished.exit_status() << ", output:\n"
             << finished.output << "errors:\n"
             << finished.errors;
}

int become(const Command& command) {
  // Out of the way of descriptors that are passed by number.
  constexpr int first = 100;
  const int opened = ::open(command.arguments.front().c_str(), O_PATH | O_CLOEXEC);
  const int program = ::fcntl(opened, F_DUPFD_CLOEXEC, first);
  ::close(opened);
  for (const auto& [name, value] : command.environment) {
    if (value)
      ::setenv(name.c_str(), value->c_str(), 1);
    else
      ::unsetenv(name.c_str());
  }
  std::vector<char*> arguments;
  for (const auto& argument : command.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  if (command.before) command.before();
  ::execveat(program, "", arguments.data(), environ, AT_EMPTY_PATH);
  return 99;
}

Finished run(const Command& command) {
  const auto input = buffer(command.input);
  const auto output = buffer();
  const auto errors = buffer();
  auto child = Child::run([&] {
    ::dup2(input.get(), STDIN_FILENO);
    ::dup2(output.get(), STDOUT_FILENO);
    ::dup2(errors.get(), STDERR_FILENO);
    return become(command);
  });
  pollfd entry{child.pidfd(), POLLIN, 0};
  if (::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) != 1) {
    ADD_FAILURE() << command.arguments.front() << " does not end";
    child.signal(SIGKILL);
  }
  const int status = child.wait();
  return {content_of(output), content_of(errors), status};
}

}  // namespace reeve::test
