#include "registry/names.hpp"

#include <fmt/core.h>
#include <systemd/sd-id128.h>

#include "base/text.hpp"

namespace reeve::registry {

namespace {

constexpr std::string_view run_prefix = "run-";
constexpr std::string_view worker_prefix = "worker-";
// NAME_MAX less the prefix and a generation.
constexpr std::size_t longest_escaped = 255 - 7 - 11;

bool is_plain(char c) {
  constexpr std::string_view punctuation = "_-.:@+,=";
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         byte >= 0x80 || punctuation.find(c) != std::string_view::npos;
}

std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name)
    out += is_plain(c) ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

std::optional<std::string> objection_to_name(std::string_view name) {
  if (name.empty()) return "a name is at least one character";
  if (name.size() > longest_name)
    return fmt::format("a name is at most {} bytes, this one has {}", longest_name, name.size());
  if (name.find('/') != std::string_view::npos) return "a name has no slash in it";
  if (!is_printable(name)) return "a name has no control characters in it";
  return std::nullopt;
}

std::string run_directory(std::string_view run_id) {
  return fmt::format("{}{}", run_prefix, run_id);
}

std::optional<std::string> run_id_of(std::string_view directory) {
  if (!directory.starts_with(run_prefix)) return std::nullopt;
  directory.remove_prefix(run_prefix.size());
  if (directory.size() != run_id_length || !is_lower_hexadecimal(directory)) return std::nullopt;
  return std::string(directory);
}

std::optional<std::string> run_id_in_path(std::string_view path, std::string_view root) {
  if (root == "/") root = "";
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  return run_id_of(path.substr(0, path.find('/')));
}

std::string worker_directory(std::string_view name, unsigned generation) {
  auto base = escaped(name);
  if (base.size() > longest_escaped) base = fmt::format("#{:016x}", hash_of(name));
  if (generation > 1) base += fmt::format("~{}", generation);
  return std::string(worker_prefix) + base;
}

bool is_worker_directory(std::string_view directory) {
  return directory.starts_with(worker_prefix);
}

std::string plain_name_of(std::string_view directory) {
  if (!is_worker_directory(directory)) return {};
  directory.remove_prefix(worker_prefix.size());
  return std::string(directory.substr(0, directory.rfind('~')));
}

std::string worker_name(std::string_view pool, std::int64_t slot) {
  return fmt::format("{}@{}", pool, slot);
}

std::optional<std::pair<std::string, std::int64_t>> slot_of(std::string_view worker) {
  const auto at = worker.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto number = parse_number<std::int64_t>(worker.substr(at + 1));
  if (!number || *number < 0) return std::nullopt;
  return std::pair(std::string(worker.substr(0, at)), *number);
}

std::string new_run_id() {
  sd_id128_t id{};
  char text[SD_ID128_STRING_MAX];
  // It fails only where there is no /dev/urandom and no getrandom(2): nothing works there.
  if (sd_id128_randomize(&id) < 0) std::abort();
  return sd_id128_to_string(id, text);
}

}  // namespace reeve::registry
