// What the kernel tells in text files: mountinfo, cgroup files, and /proc/PID/stat of a process
// that may call itself anything.
#include <sys/prctl.h>
#include <unistd.h>

#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"
#include "fuzz.hpp"
#include "process/descendants.hpp"
#include "process/process.hpp"

namespace reeve::fuzz {
namespace {

// As show_mountinfo() of the kernel writes a path.
std::string escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
      char digits[5];
      std::snprintf(digits, sizeof digits, "\\%03o", static_cast<unsigned>(c));
      out += digits;
    } else if (c != '\0') {
      out += c;
    }
  }
  return out;
}

void any_mount_is_found(std::string_view text) {
  std::string path(text);
  std::erase(path, '\0');
  const auto line = "36 35 0:31 " + escaped("/" + path) + " " + escaped("/mnt" + path) +
                    " rw shared:9 - cgroup2 cgroup2 rw\n";
  const auto mount = cgroup::find_mount_in("24 1 0:22 / /proc rw,nosuid - proc proc rw\n" + line);
  require(mount.ok() && mount->root == "/" + path && mount->point == "/mnt" + path,
          "a mount is found at its path");
  (void)cgroup::find_mount_in(text);
  // The kernel tells no path with a slash at its end.
  if (!path.empty() && (path.ends_with('/') || path.starts_with('/'))) return;
  require(mount->below(mount->root) == "/", "what is mounted is the root of what is below");
  const auto child = mount->root == "/" ? "/child" : mount->root + "/child";
  require(mount->below(child) == "/child", "a path is shortened by what is mounted");
}

void any_flat_file_is_read(std::string_view text) {
  (void)cgroup::says_populated(text);
  for (const char* key : {"populated", "oom_kill", "user_usec"}) {
    const auto line = std::string(key) + " 17\n";
    if (!cgroup::flat_value(text, key) && (text.empty() || text.ends_with('\n')) &&
        text.find(key) == std::string_view::npos)
      require(cgroup::flat_value(std::string(text) + line, key) == 17, "a key is found anywhere");
  }
}

void any_name_of_a_process_is_passed_over(std::string_view name) {
  static const auto self = process::Process::open(::getpid());
  static const auto usual = self->details();
  ::prctl(PR_SET_NAME, std::string(name).c_str());
  const auto details = self->details();
  require(details.ok(), "a process is read whatever it calls itself");
  require(details->parent == usual->parent && details->start_time == usual->start_time &&
              !details->kernel_thread,
          "the fields behind the name are found");
  require(*process::is_ancestor_or_self(usual->parent, ::getpid()), "its parent is found");
}

}  // namespace
}  // namespace reeve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve::fuzz;
  const auto text = text_of(data, size);
  any_mount_is_found(text);
  any_flat_file_is_read(text);
  any_name_of_a_process_is_passed_over(text);
  return 0;
}
