#include "daemon/notifier.hpp"

#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "sys/calls.hpp"

namespace reeve::daemon {

namespace {

// However much happens, systemctl status need not be newer.
constexpr Microseconds between_two_states{500'000};

FileDescriptor connect_to_manager() {
  const char* place = std::getenv("NOTIFY_SOCKET");
  if (place == nullptr || (*place != '/' && *place != '@')) return {};
  const std::string path(place);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto length = offsetof(sockaddr_un, sun_path) + path.size() + (path.front() == '@' ? 0 : 1);
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                           static_cast<socklen_t>(length)) < 0) {
    log::warning("{}", Error{errno, path, "tell the service manager at"}.message());
    return {};
  }
  return socket;
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

Notifier::Notifier(loop::Loop& loop, registry::Registry& registry)
    : loop_(loop),
      registry_(registry),
      socket_(connect_to_manager()),
      listening_(registry.events().listen({}, [this] { tell_soon(); })) {}

Notifier::~Notifier() {
  registry_.events().remove(listening_);
}

void Notifier::send(const std::string& message, const std::vector<int>& descriptors) const {
  if (socket_) (void)sys::send_bytes(socket_.get(), message, descriptors);
}

void Notifier::tell_ready() {
  send("READY=1");
  is_to_be_told_ = true;
  tell_status();
  std::uint64_t timeout = 0;
  if (sd_watchdog_enabled(0, &timeout) <= 0) return;
  watchdog_interval_ = Microseconds{static_cast<std::int64_t>(timeout) / 2};
  feed_watchdog();
}

void Notifier::tell_reloading() {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_now().count()));
}

// ---- the state

void Notifier::tell_soon() {
  if (std::exchange(is_to_be_told_, true)) return;
  telling_ = loop_.after(between_two_states, [this] { tell_status(); });
}

void Notifier::tell_status() {
  if (!std::exchange(is_to_be_told_, false)) return;
  std::size_t workers = 0;
  for (const auto& [id, run] : registry_.runs())
    workers += run->listed().size();
  send(fmt::format("STATUS={}, {}", counted(registry_.runs().size(), "run"),
                   counted(workers, "worker")));
}

void Notifier::feed_watchdog() {
  send("WATCHDOG=1");
  watchdog_ = loop_.after(watchdog_interval_, [this] { feed_watchdog(); });
}

// ---- events

void Notifier::keep_notifications(int socket) {
  if (socket < 0 || std::exchange(are_notifications_kept_, true)) return;
  // A second one of that name would be kept beside the first.
  send(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", stored_notifications));
  send(fmt::format("FDSTORE=1\nFDNAME={}", stored_notifications), {socket});
}

void Notifier::tell_stopping() {
  send("STOPPING=1");
  if (!socket_) return;
  const FileDescriptor file(::memfd_create(stored_events, MFD_CLOEXEC));
  const auto text = registry_.events().saved();
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return log::warning("{}",
                        Error{errno, {}, "keep the last events for the next start"}.message());
  send(fmt::format("FDSTORE=1\nFDNAME={}", stored_events), {file.get()});
}

void Notifier::resume_events(FileDescriptor stored) {
  if (!stored) return;
  const auto text = sys::read_all(stored.get());
  if (!text || !registry_.events().resume(*text))
    log::notice(
        "the events of the reeved before are not understood: its subscribers hear of a gap");
  send(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", stored_events));
}

}  // namespace reeve::daemon
