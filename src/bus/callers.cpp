#include "bus/callers.hpp"

#include <fcntl.h>

#include <algorithm>

namespace reeve::bus {

namespace {

constexpr const char* driver = "org.freedesktop.DBus";

// GetConnectionCredentials of the D-Bus specification. The groups are there from dbus 1.14 on, the
// pidfd from 1.16 on.
struct Credentials {
  uid_t user = ~0U;
  pid_t pid = 0;
  std::vector<gid_t> groups;
  FileDescriptor pidfd;
};

Credentials read_credentials(sd_bus_message* reply) {
  Credentials credentials;
  const char* name = nullptr;
  if (sd_bus_message_enter_container(reply, 'a', "{sv}") <= 0) return credentials;
  while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
    if (sd_bus_message_read(reply, "s", &name) <= 0) break;
    const std::string_view key = name;
    std::uint32_t number = 0;
    int fd = -1;
    if (key == "UnixUserID" && sd_bus_message_read(reply, "v", "u", &number) > 0) {
      credentials.user = number;
    } else if (key == "ProcessID" && sd_bus_message_read(reply, "v", "u", &number) > 0) {
      credentials.pid = static_cast<pid_t>(number);
    } else if (key == "ProcessFD" && sd_bus_message_read(reply, "v", "h", &fd) > 0) {
      credentials.pidfd = FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    } else if (key == "UnixGroupIDs" && sd_bus_message_enter_container(reply, 'v', "au") > 0) {
      const void* groups = nullptr;
      std::size_t size = 0;
      if (sd_bus_message_read_array(reply, 'u', &groups, &size) >= 0) {
        const auto* first = static_cast<const std::uint32_t*>(groups);
        credentials.groups.assign(first, first + size / sizeof *first);
      }
      sd_bus_message_exit_container(reply);
    } else {
      sd_bus_message_skip(reply, "v");
    }
    sd_bus_message_exit_container(reply);
  }
  return credentials;
}

process::Process process_of(Credentials& credentials) {
  auto process = credentials.pidfd ? process::Process::adopt(std::move(credentials.pidfd))
                                   : process::Process::open(credentials.pid);
  if (!process) return {};
  // Where the bus names a pid only, it may have been recycled since: never across users.
  const auto details = process->details();
  if (!details || details->effective_user != credentials.user) return {};
  return std::move(*process);
}

}  // namespace

void Callers::identify(const std::string& sender, Then then) {
  auto& peer = peers_[sender];
  if (peer.caller) return then(peer.caller);
  peer.waiting.push_back(std::move(then));
  if (peer.asking) return;
  struct Asking {
    Callers* callers;
    std::string sender;
  };
  const auto answered = [](sd_bus_message* reply, void* data, sd_bus_error*) {
    const auto* asking = static_cast<Asking*>(data);
    asking->callers->learned(asking->sender, reply);
    return 0;
  };
  const auto owner_changed = [](sd_bus_message*, void* data, sd_bus_error*) {
    const auto* asking = static_cast<Asking*>(data);
    asking->callers->forget(std::string(asking->sender));
    return 0;
  };
  const auto keep = [](sd_bus_slot* slot) {
    sd_bus_slot_set_destroy_callback(slot, [](void* data) { delete static_cast<Asking*>(data); });
    return Slot(slot);
  };
  // The watch first: who leaves before the answer comes is noticed.
  const auto rule = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" +
                    sender + "',arg2=''";
  sd_bus_slot* slot = nullptr;
  auto data = std::make_unique<Asking>(Asking{this, sender});
  if (sd_bus_add_match_async(bus_, &slot, rule.c_str(), owner_changed, nullptr, data.get()) >= 0) {
    (void)data.release();
    peer.watching = keep(slot);
  }
  data = std::make_unique<Asking>(Asking{this, sender});
  if (sd_bus_call_method_async(bus_, &slot, driver, "/org/freedesktop/DBus", driver,
                               "GetConnectionCredentials", answered, data.get(), "s",
                               sender.c_str()) >= 0) {
    (void)data.release();
    peer.asking = keep(slot);
  }
}

void Callers::learned(const std::string& name, sd_bus_message* reply) {
  const auto sender = name;  // the slot it lives in may go below
  const auto found = peers_.find(sender);
  if (found == peers_.end()) return;
  if (sd_bus_message_is_method_error(reply, nullptr) != 0) return forget(sender);
  auto credentials = read_credentials(reply);
  auto caller = std::make_shared<service::Caller>();
  caller->user = credentials.user;
  caller->process = process_of(credentials);
  caller->groups = std::move(credentials.groups);
  found->second.caller = caller;
  for (const auto& then : std::exchange(found->second.waiting, {}))
    then(caller);
}

void Callers::forget(const std::string& sender) {
  const auto peer = peers_.extract(sender);
  if (!peer.empty() && peer.mapped().caller && gone_) gone_(sender);
}

}  // namespace reeve::bus
