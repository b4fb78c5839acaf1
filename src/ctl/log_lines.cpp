#include "ctl/log_lines.hpp"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "registry/names.hpp"

namespace reeve::ctl {

namespace {

struct Place {
  std::string run;
  std::string_view worker_directory;  // without its generation
};

// ".../run-<id>/worker-<name>~2/..."; the innermost, for a worker may have a reeved of its own.
std::optional<Place> place_of(std::string_view control_group) {
  const auto components = split(control_group, '/');
  for (auto i = components.size(); i-- > 1;) {
    if (!registry::is_worker_directory(components[i])) continue;
    if (auto run = registry::run_id_of(components[i - 1]))
      return Place{std::move(*run), components[i].substr(0, components[i].rfind('~'))};
  }
  return std::nullopt;
}

// The cgroups of a user's own service manager are that user's, who may name them as they like.
bool is_of_another_user(std::string_view control_group, uid_t reader) {
  constexpr std::string_view prefix = "user@", suffix = ".service";
  for (const auto component : split(control_group, '/')) {
    if (!component.starts_with(prefix) || !component.ends_with(suffix)) continue;
    return parse_number<uid_t>(component.substr(
               prefix.size(), component.size() - prefix.size() - suffix.size())) != reader;
  }
  return false;
}

std::optional<std::string> pool_of(std::string_view worker) {
  auto slot = registry::slot_of(worker);
  return slot ? std::optional(std::move(slot->first)) : std::nullopt;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < std::min<std::size_t>(4, text.size()) && !is_utf8(text.substr(0, length)))
      ++length;
    if (!is_utf8(text.substr(0, length))) length = 1;
    const auto character = text.substr(0, length);
    if (character == "\t" || (is_utf8(character) && is_printable(character)))
      out += character;
    else
      for (const char byte : character)
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

bool Wanted::names(std::string_view worker) const {
  return worker == name || pool_of(worker) == name;
}

bool Wanted::is_of_the_run(std::string_view id) const {
  return !run || id.starts_with(*run);
}

bool Wanted::may_be(std::string_view field, std::string_view value) const {
  if (field == "REEVE_POOL") return value == name;
  if (field != "_SYSTEMD_CGROUP") return names(value);
  const auto place = place_of(value);
  if (!place || !is_of_the_run(place->run) || is_of_another_user(value, reader)) return false;
  const auto wanted = registry::worker_directory(name, 1);
  const auto slot = registry::slot_of(place->worker_directory);
  return place->worker_directory == wanted || (slot && slot->first == wanted);
}

std::optional<LogLine> Wanted::line_of(const JournalEntry& entry) const {
  LogLine line{
      .time = entry.time, .pid = entry.pid, .priority = entry.priority, .message = entry.message};
  const bool is_about_it = names(entry.worker) || entry.pool == name;
  if (is_about_it && entry.program == "reeved" && (entry.user == 0 || entry.user == reader)) {
    if (!is_of_the_run(entry.run)) return std::nullopt;
    line.by_reeved = true;
    if (!entry.run.empty()) line.run = entry.run;
    if (!entry.pool.empty()) line.pool = entry.pool;
    if (!entry.worker.empty()) line.worker = entry.worker;
    return line;
  }
  if (entry.control_group.empty()) {
    if (run || !names(entry.identifier)) return std::nullopt;
    line.worker = entry.identifier;
    line.proven = !entry.unit.empty();
  } else {
    if (!may_be("_SYSTEMD_CGROUP", entry.control_group)) return std::nullopt;
    const auto place = place_of(entry.control_group);
    const auto slot = registry::slot_of(place->worker_directory);
    line.run = place->run;
    line.worker = place->worker_directory == registry::worker_directory(name, 1)
                      ? name
                      : registry::worker_name(name, slot->second);
  }
  line.pool = pool_of(*line.worker);
  return line;
}

std::string shown(const LogLine& line, LogFormat format) {
  if (format == LogFormat::text) return line.message;
  const time_t seconds = line.time.count() / 1'000'000;
  tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 64> time{};
  strftime(time.data(), time.size(), "%b %d %H:%M:%S", &local);
  const auto who = line.by_reeved ? "reeved" : printable(line.worker.value_or(""));
  const auto pid = line.pid ? fmt::format("[{}]", *line.pid) : "";
  const auto begin = fmt::format("{} {}{}{}: ", time.data(), who, pid, line.proven ? "" : "?");
  std::string out;
  for (const auto part : split(line.message, '\n'))
    out += (out.empty() ? begin : "\n" + std::string(begin.size(), ' ')) + printable(part);
  return out;
}

std::optional<Microseconds> parse_moment(const std::string& text, Microseconds now) {
  const time_t seconds = now.count() / 1'000'000;
  tm local{};
  localtime_r(&seconds, &local);
  local.tm_isdst = -1;
  const auto moment = [](tm when) { return Microseconds(std::chrono::seconds(::mktime(&when))); };
  auto midnight = local;
  midnight.tm_hour = midnight.tm_min = midnight.tm_sec = 0;
  if (text == "today") return moment(midnight);
  if (text == "yesterday") {
    --midnight.tm_mday;
    return moment(midnight);
  }
  for (const char* format :
       {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"}) {
    auto read = midnight;
    const char* end = ::strptime(text.c_str(), format, &read);
    if (end != nullptr && *end == '\0') return moment(read);
  }
  const auto ago = parse_duration(text);
  return ago ? std::optional(now - *ago) : std::nullopt;
}

}  // namespace reeve::ctl
