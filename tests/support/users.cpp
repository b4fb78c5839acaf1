#include "support/users.hpp"

#include <sys/mman.h>

namespace reeve::test {

void become_user(const User& user) {
  if (user.id == 0) return;
  if (::setgroups(user.groups.size(), user.groups.data()) < 0 ||
      ::setresgid(user.id, user.id, user.id) < 0 || ::setresuid(user.id, user.id, user.id) < 0)
    ::_exit(98);
}

std::string as(const User& user, const std::function<std::string()>& body) {
  const FileDescriptor result(::memfd_create("result", MFD_CLOEXEC));
  auto child = Child::run([&] {
    become_user(user);
    const auto text = body();
    return ::write(result.get(), text.data(), text.size()) < 0 ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
  std::string text(static_cast<std::size_t>(::lseek(result.get(), 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(result.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

Child sleeper_of(uid_t real, uid_t effective, uid_t saved) {
  LifeLine line;
  auto process = Child::run([&] {
    if (::setgroups(0, nullptr) < 0 || ::setresuid(real, effective, saved) < 0) return 98;
    line.report();
    return ::pause();
  });
  line.let_go();
  EXPECT_TRUE(line.await_reports(1));
  return process;
}

}  // namespace reeve::test
