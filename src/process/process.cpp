#include "process/process.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <systemd/sd-id128.h>

#include <cerrno>

#include "base/test_hooks.hpp"
#include "base/text.hpp"
#include "sys/calls.hpp"

namespace reeve::process {

namespace {

std::string directory_of(pid_t pid) {
  return fmt::format("/proc/{}", pid);
}

// proc_pid_stat(5). The name in parentheses may itself hold parentheses and blanks: the fields are
// counted from the last one.
struct Stat : Details {
  int exit_code = 0;
};

Result<Stat> read_stat(pid_t pid) {
  const auto path = directory_of(pid) + "/stat";
  auto content = sys::read_file_at(AT_FDCWD, path);
  if (!content) return content.error();
  const auto end_of_name = content->rfind(')');
  if (end_of_name == std::string::npos) return Error{EBADMSG, path, "understand"};
  const auto fields = split(trim(std::string_view(*content).substr(end_of_name + 1)), ' ');
  // Field number - 3.
  constexpr std::size_t state = 0, parent = 1, flags = 6, start_time = 19, exit_code = 49;
  constexpr unsigned kernel_thread = 0x00200000;  // PF_KTHREAD of linux/sched.h
  if (fields.size() <= start_time) return Error{EBADMSG, path, "understand"};
  Stat details;
  if (fields.size() > exit_code)
    details.exit_code = parse_number<int>(fields[exit_code]).value_or(0);
  details.state = fields[state].empty() ? '?' : fields[state].front();
  details.parent = parse_number<pid_t>(fields[parent]).value_or(0);
  details.kernel_thread = (parse_number<unsigned>(fields[flags]).value_or(0) & kernel_thread) != 0;
  details.start_time = parse_number<std::uint64_t>(fields[start_time]).value_or(0);
  return details;
}

// "Uid:\treal\teffective\tsaved\tfilesystem" of proc_pid_status(5).
Status read_users(pid_t pid, Details& details) {
  const auto path = directory_of(pid) + "/status";
  auto content = sys::read_file_at(AT_FDCWD, path);
  if (!content) return content.error();
  for (const auto line : split(*content, '\n')) {
    if (!line.starts_with("Uid:")) continue;
    const auto users = split(trim(line.substr(4)), '\t');
    if (users.size() < 3) break;
    details.real_user = parse_number<uid_t>(users[0]).value_or(~0U);
    details.effective_user = parse_number<uid_t>(users[1]).value_or(~0U);
    details.saved_user = parse_number<uid_t>(users[2]).value_or(~0U);
    return Done{};
  }
  return Error{EBADMSG, path, "understand"};
}

// proc_pid_fdinfo(5): "Pid:\tN", -1 for one that was reaped, 0 for one outside our PID namespace.
Result<pid_t> pid_of(int pidfd) {
  auto content = sys::read_file_at(AT_FDCWD, fmt::format("/proc/self/fdinfo/{}", pidfd));
  if (!content) return content.error();
  for (const auto line : split(*content, '\n'))
    if (line.starts_with("Pid:")) return parse_number<pid_t>(trim(line.substr(4))).value_or(0);
  return 0;
}

}  // namespace

bool Identity::same_as(const Identity& other) const {
  if (pid != other.pid) return false;
  if (mistaken("trust-the-pid")) return true;
  if (pidfd_id != 0 && other.pidfd_id != 0) return pidfd_id == other.pidfd_id;
  return start_time != 0 && start_time == other.start_time;
}

Error Process::gone(const char* attempt) const {
  return {ESRCH, fmt::format("process {}", pid()), attempt};
}

Result<Process> Process::open(pid_t pid) {
  const auto object = fmt::format("process {}", pid);
  if (pid <= 0) return Error{ESRCH, object, "open"};
  const int fd = sys::pidfd_open(pid);
  // A thread that leads no process: EINVAL, from Linux 6.15 on ENOENT.
  if (fd == -EINVAL || fd == -ENOENT) return Error{ESRCH, object, "open"};
  if (fd < 0) return Error{-fd, object, "open"};
  FileDescriptor pidfd(fd);
  Identity identity{pid, sys::pidfd_inode(fd), 0};
  Process process(identity, std::move(pidfd));
  if (identity.pidfd_id != 0) return process;
  auto details = process.details();
  if (!details) return details.error();
  process.identity_.start_time = details->start_time;
  return process;
}

Result<Process> Process::adopt(FileDescriptor pidfd) {
  const auto pid = pid_of(pidfd.get());
  if (!pid) return pid.error();
  if (*pid == 0) return Error{EBADF, {}, "use a descriptor that is no pidfd"};
  if (*pid < 0) return Error{ESRCH, {}, "use the pidfd of a process that is gone"};
  auto process = open(*pid);
  if (!process) return process;
  // The pid came from the pidfd given; if that is still unreaped, what was opened is its process.
  if (sys::pidfd_send_signal(pidfd.get(), 0) == -ESRCH) return process->gone("open");
  return process;
}

// A stranger's descriptor may be anything, and hang in an ioctl(2).
Result<Process> Process::adopt_own(FileDescriptor pidfd) {
  sys::PidfdInfo info;
  const bool told = sys::pidfd_get_info(pidfd.get(), 0, info) == 0 && info.pid > 0;
  const auto inode = told ? sys::pidfd_inode(pidfd.get()) : 0;
  if (inode == 0) return adopt(std::move(pidfd));
  return Process({static_cast<pid_t>(info.pid), inode, 0}, std::move(pidfd));
}

Result<Process> Process::of_child(pid_t pid, FileDescriptor pidfd) {
  const Identity identity{pid, sys::pidfd_inode(pidfd.get()), 0};
  Process process(identity, std::move(pidfd));
  if (process.identity_.pidfd_id != 0) return process;
  auto details = process.details();
  if (!details) return details.error();
  process.identity_.start_time = details->start_time;
  return process;
}

Result<Process> Process::reopen(const Identity& recorded) {
  auto process = open(recorded.pid);
  if (!process) return process;
  if (process->identity_.start_time == 0 && recorded.pidfd_id == 0) {
    auto details = process->details();
    if (!details) return details.error();
    process->identity_.start_time = details->start_time;
  }
  if (!process->identity_.same_as(recorded)) return process->gone("recognise");
  return process;
}

bool Process::is_unreaped() const {
  // EPERM tells of a process that is there.
  return pidfd_ && sys::pidfd_send_signal(pidfd_.get(), 0) != -ESRCH;
}

bool Process::is_alive() const {
  return pidfd_ && sys::poll_now(pidfd_.get(), POLLIN) == 0;
}

Result<Details> Process::details() const {
  const auto stat = read_stat(pid());
  if (!stat) return is_unreaped() ? stat.error() : gone("look at");
  Result<Details> details(*stat);
  sys::PidfdInfo info;
  if (sys::pidfd_get_info(pidfd_.get(), sys::pidfd_info_credentials, info) == 0 &&
      (info.mask & sys::pidfd_info_credentials) != 0) {
    details->real_user = info.real_user;
    details->effective_user = info.effective_user;
    details->saved_user = info.saved_user;
  } else if (auto users = read_users(pid(), *details); !users) {
    return is_unreaped() ? users.error() : gone("look at");
  }
  // Only now is it certain that what /proc said was about this process.
  if (!is_unreaped()) return gone("look at");
  return details;
}

Result<std::string> control_group_of(const std::string& process_directory) {
  const auto path = process_directory + "/cgroup";
  auto content = sys::read_file_at(AT_FDCWD, path);
  if (!content) return content.error();
  for (const auto line : split(*content, '\n'))
    if (line.starts_with("0::")) return std::string(line.substr(3));
  return Error{ENOENT, path, "find a cgroup2 entry in"};
}

Result<std::string> Process::control_group() const {
  auto path = control_group_of(directory_of(pid()));
  if (!is_unreaped()) return gone("find the cgroup of");
  return path;
}

std::optional<ExitStatus> Process::status_of_zombie() const {
  const auto stat = read_stat(pid());
  if (!stat || stat->state != 'Z' || stat->exit_code == 0 || !is_unreaped()) return std::nullopt;
  return ExitStatus{stat->exit_code};
}

void Process::reap() {
  ExitStatus status;
  if (!reaped_ && sys::reap(pidfd_.get(), status.wait_status) == 0) reaped_ = status;
}

std::optional<ExitStatus> Process::exit_status() const {
  if (reaped_) return reaped_;
  sys::PidfdInfo info;
  if (sys::pidfd_get_info(pidfd_.get(), sys::pidfd_info_exit, info) < 0) return std::nullopt;
  if ((info.mask & sys::pidfd_info_exit) == 0) return std::nullopt;
  return ExitStatus{info.exit_code};
}

bool Process::may_be_managed_by(uid_t user) const {
  if (user == 0) return true;
  const auto of = details();
  return of.ok() && of->real_user == user && of->effective_user == user && of->saved_user == user;
}

Status Process::signal(int number) const {
  const int sent = sys::pidfd_send_signal(pidfd_.get(), number);
  if (sent < 0) return Error{-sent, fmt::format("process {}", pid()), "signal"};
  return Done{};
}

const std::string& boot_id() {
  static const std::string id = [] {
    sd_id128_t value{};
    char text[SD_ID128_STRING_MAX];
    return sd_id128_get_boot(&value) < 0 ? std::string()
                                         : std::string(sd_id128_to_string(value, text));
  }();
  return id;
}

}  // namespace reeve::process
