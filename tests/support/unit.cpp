#include "support/unit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace reeve::test {

namespace fs = std::filesystem;

namespace {

bool remove_tree(const fs::path& directory) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone))
    if (entry.is_directory(gone) && !remove_tree(entry.path())) return false;
  return ::rmdir(directory.c_str()) == 0 || errno == ENOENT;
}

}  // namespace

Unit::Unit(const World& world, const std::string& name, Delegate delegate, uid_t user)
    : path_(world.root() + "-units/" + name), directory_(world.directory_of(path_)) {
  main_ = directory_ + "/main";
  fs::create_directories(main_);
  if (delegate == Delegate::no) return;
  EXPECT_EQ(::setxattr(directory_.c_str(), "user.delegate", "1", 1, 0), 0);
  for (const auto& part : {std::string(), std::string("/cgroup.procs"), std::string("/main"),
                           std::string("/cgroup.subtree_control")})
    EXPECT_EQ(::chown((directory_ + part).c_str(), user, static_cast<gid_t>(-1)), 0);
}

Unit::~Unit() {
  stop();
  ::rmdir(fs::path(directory_).parent_path().c_str());  // the last one
}

Child Unit::start(const std::function<int()>& body) const {
  return Child::born_in(main_, body);
}

Child Unit::sleeper() const {
  return start([] {
    for (;;)
      ::pause();
    return 0;
  });
}

std::string Unit::ask(const std::function<std::string()>& body) const {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const FileDescriptor reader(ends[0]);
  FileDescriptor writer(ends[1]);
  auto asking = start([&] {
    const auto text = body();
    return ::write(writer.get(), text.data(), text.size()) == std::ssize(text) ? 0 : 1;
  });
  writer.reset();
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t got; (got = ::read(reader.get(), buffer.data(), buffer.size())) > 0;)
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  EXPECT_EQ(asking.wait(), 0);
  return answer;
}

void Unit::stop() const {
  std::ofstream(directory_ + "/cgroup.kill") << 1;
  EXPECT_TRUE(eventually([this] { return remove_tree(directory_); })) << directory_;
}

Run placed_run(World& world, const Child& owner, std::optional<Placement> placement) {
  api::OpenRun::Input input;
  input.owner = owner.id();
  input.placement = placement;
  const auto opened = world.call<api::OpenRun>(input);
  EXPECT_TRUE(opened) << opened;
  return opened ? opened->run : Run{};
}

}  // namespace reeve::test
