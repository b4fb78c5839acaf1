// Descendants are found in either of the two ways that kernels offer.
#include "process/descendants.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include <set>

#include "support/processes.hpp"

namespace reeve::test {
namespace {

using process::DescendantScan;

std::set<pid_t> descendants_of(pid_t pid, DescendantScan::Source source) {
  DescendantScan scan(pid, source);
  while (!scan.advance()) {
  }
  std::set<pid_t> pids;
  for (const auto& process : *scan.take())
    pids.insert(process.pid());
  return pids;
}

TEST(Descendants, AreFoundAlikeInChildrenFilesAndInTheProcessTable) {
  LifeLine line;
  const auto process = Child::run([&] {
    ::fork();
    ::fork();  // three below the first: two children, and a child of one of them
    line.report();
    return ::pause();
  });
  const auto stranger = Child::sleeper();
  line.let_go();
  ASSERT_TRUE(line.await_reports(4));
  const auto found = descendants_of(process.pid(), DescendantScan::Source::process_table);
  EXPECT_EQ(found.size(), 3U);
  EXPECT_FALSE(found.contains(process.pid()));
  EXPECT_FALSE(found.contains(stranger.pid()));
  if (DescendantScan::source_here() != DescendantScan::Source::children_files) return;
  EXPECT_EQ(descendants_of(process.pid(), DescendantScan::Source::children_files), found);
}

// The limit on descriptors is this program's own, so it is for a child to try.
bool fails_without_descriptors(DescendantScan::Source source) {
  auto child = Child::run([source] {
    DescendantScan early(::getppid(), source);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    while (!early.advance()) {
    }
    return early.take().error_is(EMFILE) ? 0 : 1;
  });
  return child.wait() == 0;
}

TEST(Descendants, AreNotTakenForAllThereAreWhereTheyCannotBeRead) {
  EXPECT_TRUE(fails_without_descriptors(DescendantScan::Source::process_table));
  if (DescendantScan::source_here() == DescendantScan::Source::children_files) {
    EXPECT_TRUE(fails_without_descriptors(DescendantScan::Source::children_files));
  }
}

TEST(Descendants, AncestorsAreFoundOnTheWayUp) {
  const auto child = Child::sleeper();
  EXPECT_TRUE(*process::is_ancestor_or_self(::getpid(), child.pid()));
  EXPECT_TRUE(*process::is_ancestor_or_self(child.pid(), child.pid()));
  EXPECT_FALSE(*process::is_ancestor_or_self(child.pid(), ::getpid()));
}

}  // namespace
}  // namespace reeve::test
