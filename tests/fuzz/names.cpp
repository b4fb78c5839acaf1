// Every name that is accepted makes a file name that is safe, no other name's, and the name again.
#include <optional>

#include "base/text.hpp"
#include "fuzz.hpp"
#include "registry/names.hpp"

namespace reeve::fuzz {
namespace {

using namespace registry;

// What worker_directory() escaped; nothing for a hash.
std::optional<std::string> name_in(std::string_view directory) {
  directory.remove_prefix(std::string_view("worker-").size());
  directory = directory.substr(0, directory.find('~'));
  if (directory.starts_with('#')) return std::nullopt;
  std::string name;
  for (std::size_t i = 0; i < directory.size(); ++i) {
    if (directory[i] != '%') {
      name += directory[i];
      continue;
    }
    name += static_cast<char>(std::stoi(std::string(directory.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return name;
}

void is_a_safe_file_name(std::string_view name) {
  constexpr std::size_t longest_file_name = 255;  // NAME_MAX
  for (const unsigned generation : {1U, 2U, ~0U}) {
    const auto directory = worker_directory(name, generation);
    require(directory.size() <= longest_file_name, "a directory's name is short enough");
    require(directory.find('/') == std::string::npos && directory.find('\0') == std::string::npos,
            "a directory's name is one of one directory");
    require(is_worker_directory(directory) && !run_id_of(directory),
            "a worker's directory is seen as one");
    require(name_in(directory).value_or(std::string(name)) == name, "a name can be read back");
  }
  require(worker_directory(name, 1) != worker_directory(name, 2), "generations differ");
}

void differ(std::string_view one, std::string_view other) {
  for (const unsigned generation : {1U, 2U, 3U})
    require(one == other || worker_directory(one, 1) != worker_directory(other, generation),
            "two names have two directories");
}

void is_a_run_or_not(std::string_view text) {
  if (const auto id = run_id_of(text)) require(run_directory(*id) == text, "an id is read back");
  const auto directory = run_directory(text);
  const auto inside = run_id_in_path("/root/" + directory + "/worker-x", "/root");
  require(inside == run_id_of(directory) || text.find('/') != std::string_view::npos,
          "a path below a run's directory names the run");
  if (const auto number = signal_number(text))
    require(signal_number(signal_name(*number)) == number, "a signal keeps its number");
}

}  // namespace
}  // namespace reeve::fuzz

// Two names, with a line's end between them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto text = fuzz::text_of(data, size);
  const auto end = text.find('\n');
  const auto one = text.substr(0, end);
  const auto other = end == std::string_view::npos ? one : text.substr(end + 1);
  bool both = true;
  for (const auto name : {one, other}) {
    fuzz::is_a_run_or_not(name);
    if (registry::objection_to_name(name)) {
      both = false;
      continue;
    }
    fuzz::require(!name.empty() && name.size() <= registry::longest_name && is_printable(name),
                  "an accepted name is one that can be shown");
    fuzz::is_a_safe_file_name(name);
  }
  if (both) fuzz::differ(one, other);
  return 0;
}
