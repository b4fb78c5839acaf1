#include "soak/watcher.hpp"

#include <fmt/core.h>
#include <sys/socket.h>

#include <array>

namespace reeve::test {

namespace {

constexpr std::size_t faults_kept = 5;

constexpr unsigned bit(EventKind kind) {
  return 1U << static_cast<unsigned>(kind);
}

// What must have been told of a worker before, and what must not.
struct Rule {
  EventKind kind;
  unsigned after;
  unsigned not_after;
};
constexpr std::array rules{
    Rule{EventKind::reserved, 0, ~0U},
    Rule{EventKind::reservation_expired, bit(EventKind::reserved), ~bit(EventKind::reserved)},
    Rule{EventKind::activated, bit(EventKind::reserved), ~bit(EventKind::reserved)},
    Rule{EventKind::exited, bit(EventKind::activated),
         bit(EventKind::exited) | bit(EventKind::reaped)},
    Rule{EventKind::reaped, bit(EventKind::exited), bit(EventKind::reaped)},
    Rule{EventKind::unregistered, bit(EventKind::reserved),
         bit(EventKind::unregistered) | bit(EventKind::reservation_expired)}};

// Nothing more is promised to come. The reaping is not told of a worker that is no more.
bool is_ended(unsigned told) {
  if ((told & bit(EventKind::reservation_expired)) != 0) return true;
  return (told & bit(EventKind::unregistered)) != 0 &&
         ((told & bit(EventKind::exited)) != 0 || (told & bit(EventKind::activated)) == 0);
}

}  // namespace

Watcher::Watcher(const World& world, std::optional<std::string> run) : all_(!run) {
  auto client = world.connect();
  socket_ = FileDescriptor(::dup(client.descriptor()));
  const auto message = R"({"method":"io.reeve.Registry.Subscribe","more":true,"parameters":)" +
                       json::encoded(api::Subscribe::Input{std::move(run), {}}) + "}";
  if (::send(socket_.get(), message.c_str(), message.size() + 1, MSG_NOSIGNAL) < 0)
    fault("cannot subscribe");
}

bool Watcher::read() {
  std::array<char, 65536> buffer;
  const auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (length <= 0) return length < 0;
  input_.append(buffer.data(), static_cast<std::size_t>(length));
  std::size_t begin = 0;
  for (std::size_t end; (end = input_.find('\0', begin)) != std::string::npos; begin = end + 1)
    take(input_.substr(begin, end - begin));
  input_.erase(0, begin);
  return true;
}

// Not decoded as a whole: there are many subscribers and many events.
void Watcher::take(const std::string& message) {
  const auto member = [](const json::Value& value, std::string_view name) {
    const auto members = value.members();
    if (members)
      for (const auto& [key, content] : *members)
        if (key == name) return std::optional(content);
    return std::optional<json::Value>();
  };
  const auto json = parser_.parse(message);
  const auto parameters = json.ok() ? member(*json, "parameters") : std::nullopt;
  const auto event = parameters ? member(*parameters, "event") : std::nullopt;
  const auto members = event ? event->members() : std::nullopt;
  if (!members) return fault(message);
  std::int64_t sequence = 0, missed = 0;
  std::optional<EventKind> kind;
  std::string run, worker;
  for (const auto& [key, value] : *members) {
    if (key == "sequence") sequence = value.integer().value_or(0);
    if (key == "missed") missed = value.integer().value_or(0);
    if (key == "kind") kind = schema::value_named<EventKind>(value.string().value_or(""));
    if (key == "run") run = value.string().value_or("");
    if (key == "worker")
      if (const auto name = member(value, "worker")) worker = name->string().value_or("");
  }
  if (!kind) return fault(message);
  ++events_;
  check_sequence(sequence, *kind, missed);
  if (!worker.empty()) check_worker(*kind, run, worker);
}

void Watcher::check_sequence(std::int64_t sequence, EventKind kind, std::int64_t missed) {
  if (last_ == 0) last_ = sequence;
  // What there was at the beginning bears one number.
  if (in_snapshot_ && sequence == last_) return;
  in_snapshot_ = false;
  if (kind == EventKind::gap) {
    ++gaps_;
    if (sequence != last_ + missed)
      fault(fmt::format("a gap of {} from {} to {}", missed, last_, sequence));
    // Of those that were there, nothing is known now.
    workers_.clear();
  } else if (all_ ? sequence != last_ + 1 : sequence <= last_) {
    fault(fmt::format("number {} after {}", sequence, last_));
  }
  last_ = sequence;
}

void Watcher::check_worker(EventKind kind, const std::string& run, const std::string& worker) {
  if (in_snapshot_) return;
  const auto key = run + "/" + worker;
  if (kind == EventKind::reaped) ++reaped_;
  const auto found = workers_.find(key);
  if (found == workers_.end() && kind != EventKind::reserved) {
    // It began before a gap, or before the subscription; or it was told to the end but for this.
    if (gaps_ == 0 && kind != EventKind::reaped) fault("unheard of before: " + key);
  } else {
    unsigned& told = workers_[key];
    for (const auto& rule : rules)
      if (rule.kind == kind && ((told & rule.after) != rule.after || (told & rule.not_after) != 0))
        fault(fmt::format("{} of {} after {:b}", schema::name_of(kind), key, told));
    told |= bit(kind);
    if (is_ended(told)) {
      ++ended_;
      workers_.erase(key);
    }
  }
  if (kind == EventKind::unregistered && worker == last_worker) seen_last_ = true;
}

void Watcher::fault(const std::string& what) {
  if (faults_.size() < faults_kept) faults_.push_back(what);
}

}  // namespace reeve::test
