#include "supervision/program.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.hpp"
#include "json/codec.hpp"
#include "registry/names.hpp"
#include "supervision/journal_stream.hpp"

namespace reeve::supervision {

namespace {

spawn::Program program_of(const config::Pool& pool) {
  spawn::Program program;
  program.command = pool.command;
  program.environment = pool.environment;
  program.working_directory = pool.working_directory;
  if (pool.user) program.user = pool.user->name;
  return program;
}

Result<FileDescriptor> own(int number) {
  FileDescriptor copy(::fcntl(number, F_DUPFD_CLOEXEC, 0));
  // Closed when reeved was started: nobody is to read it.
  if (!copy && errno == EBADF) return FileDescriptor();
  if (!copy) return Error{errno, "descriptor " + std::to_string(number), "pass on"};
  return copy;
}

Result<FileDescriptor> opened(const config::Stream& stream, int number, const std::string& worker,
                              const std::string& unit) {
  switch (stream.kind) {
    case config::Stream::Kind::null:
      return FileDescriptor();
    case config::Stream::Kind::inherit:
      return own(number);
    case config::Stream::Kind::journal: {
      // Where there is no journal, whoever reads what reeved says reads this, too.
      const int priority = number == STDERR_FILENO ? LOG_WARNING : LOG_INFO;
      auto journal = journal_stream(worker, unit, priority);
      return journal ? Result<FileDescriptor>(std::move(journal)) : own(STDERR_FILENO);
    }
    case config::Stream::Kind::file: {
      constexpr mode_t mode = 0640;
      const int flags = number == STDIN_FILENO ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
      // A FIFO that nobody reads must not stop reeved.
      FileDescriptor file(
          ::open(stream.path.c_str(), flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, mode));
      if (!file) return Error{errno, stream.path, "open"};
      ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
      return file;
    }
  }
  return FileDescriptor();
}

}  // namespace

std::string settings_of(const config::Pool& pool) {
  auto text = json::encoded(program_of(pool)) + json::encoded(pool.limits);
  for (const auto* stream : {&pool.input, &pool.output, &pool.error})
    text += fmt::format("|{}:{}", static_cast<int>(stream->kind), stream->path);
  text += fmt::format("|{}|{}|{}", static_cast<int>(pool.readiness), pool.oom_group,
                      pool.watchdog.value_or(Microseconds{0}).count());
  return fmt::format("{:016x}", hash_of(text));
}

registry::ReserveRequest reservation(const config::Pool& pool, const Host& host,
                                     std::int64_t slot) {
  registry::ReserveRequest request;
  request.worker = registry::worker_name(pool.name, slot);
  request.timeout = pool.start_timeout;
  request.limits = pool.limits;
  if (host.has_memory_controller) request.limits->out_of_memory_group = pool.oom_group;
  request.stop_signal = pool.stop_signal;
  return request;
}

Result<registry::SpawnRequest> spawn_request(const config::Pool& pool, const Host& host,
                                             const std::string& run_id, std::int64_t slot) {
  registry::SpawnRequest request;
  request.program.is_trusted = true;
  auto& program = request.program.program = program_of(pool);
  const auto worker = registry::worker_name(pool.name, slot);
  spawn::introduce(program, {run_id, worker, host.socket});
  program.environment["REEVE_POOL"] = pool.name;
  program.environment["REEVE_SLOT"] = std::to_string(slot);
  if (!host.notify_socket.empty()) program.environment["NOTIFY_SOCKET"] = host.notify_socket;
  if (pool.watchdog) program.environment["WATCHDOG_USEC"] = std::to_string(pool.watchdog->count());
  const std::array streams{&pool.input, &pool.output, &pool.error};
  for (int number = 0; number < 3; ++number) {
    const auto index = static_cast<std::size_t>(number);
    auto stream = opened(*streams[index], number, worker, host.unit);
    if (!stream) return stream.error();
    request.program.streams[index] = std::move(*stream);
  }
  return request;
}

}  // namespace reeve::supervision
