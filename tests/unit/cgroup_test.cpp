#include <gtest/gtest.h>

#include "cgroup/delegation.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"

namespace reeve::cgroup {

namespace {

struct Mountinfo {
  const char* host;
  std::string_view text;
  const char* point;
  const char* root;
};

// Texts as hosts give them, shortened.
const Mountinfo hosts[] = {
    {"Debian 12: cgroup2 alone",
     "22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw\n"
     "23 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw\n"
     "28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"
     "29 22 0:6 / /sys/kernel/security rw,nosuid shared:8 - securityfs securityfs rw\n"
     "31 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
     "rw,nsdelegate,memory_recursiveprot\n"
     "32 22 0:27 / /sys/fs/pstore rw,nosuid,nodev,noexec,relatime shared:10 - pstore pstore rw\n",
     "/sys/fs/cgroup", "/"},
    {"Ubuntu 20.04: the hybrid hierarchy",
     "34 25 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755\n"
     "35 34 0:29 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 "
     "cgroup2 rw,nsdelegate\n"
     "36 34 0:30 / /sys/fs/cgroup/systemd rw,nosuid,relatime shared:11 - cgroup cgroup "
     "rw,xattr,name=systemd\n"
     "37 34 0:33 / /sys/fs/cgroup/memory rw,nosuid,relatime shared:15 - cgroup cgroup rw,memory\n",
     "/sys/fs/cgroup/unified", "/"},
    {"a container with the host's part of the hierarchy bound into it",
     "812 795 0:52 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro\n"
     "813 812 0:26 /system.slice/docker-3f2a.scope /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime "
     "- cgroup2 cgroup rw,nsdelegate\n",
     "/sys/fs/cgroup", "/system.slice/docker-3f2a.scope"},
    {"several optional fields, and none",
     "31 22 0:26 / /one rw shared:9 master:4 propagate_from:2 - cgroup2 cgroup2 rw\n"
     "32 22 0:26 / /two rw - cgroup2 cgroup2 rw\n",
     "/one", "/"},
    {"a mount point with a blank, a tab, a line feed and a backslash",
     "31 22 0:26 /a\\040b /mnt/my\\040control\\011groups\\012\\134 rw shared:9 - cgroup2 none rw\n",
     "/mnt/my control\tgroups\n\\", "/a b"},
    {"a mount point that looks like the separator, and one like the file system",
     "30 22 0:25 / /mnt/\\040-\\040cgroup2 rw shared:9 - tmpfs tmpfs rw\n"
     "31 22 0:26 / /cgroup2 rw shared:9 - ext4 cgroup2 rw\n"
     "32 22 0:27 / /here rw shared:9 - cgroup2 none rw",
     "/here", "/"},
};

TEST(FindMountIn, FindsTheHierarchyWhereverItIsMounted) {
  for (const auto& host : hosts) {
    const auto mount = find_mount_in(host.text);
    ASSERT_TRUE(mount.ok()) << host.host;
    EXPECT_EQ(mount->point, host.point) << host.host;
    EXPECT_EQ(mount->root, host.root) << host.host;
  }
}

TEST(FindMountIn, SaysSoWhereThereIsNone) {
  for (const std::string_view text : {
           "",
           "\n",
           "not a line of mountinfo\n",
           "31 22 - cgroup2 cgroup2 rw\n",
           "36 34 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
           "37 34 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
       }) {
    const auto mount = find_mount_in(text);
    ASSERT_FALSE(mount.ok()) << text;
    EXPECT_EQ(mount.error().number, ENOENT) << text;
  }
}

TEST(MountBelow, GivesThePathBelowWhatIsMounted) {
  struct Case {
    const char* root;
    const char* process_path;
    const char* below;
  };
  const Case cases[] = {
      {"/", "/", "/"},
      {"/", "/reeve/run-1", "/reeve/run-1"},
      {"/slice", "/slice", "/"},
      {"/slice", "/slice/reeve", "/reeve"},
      // Outside of what is mounted.
      {"/slice", "/", ""},
      {"/slice", "/slice2/reeve", ""},
      {"/slice", "/other/slice", ""},
      {"/slice/deeper", "/slice", ""},
  };
  for (const auto& [root, process_path, below] : cases)
    EXPECT_EQ((Mount{"/sys/fs/cgroup", root}.below(process_path)), below)
        << process_path << " below " << root;
}

TEST(IsWithin, IsNotFooledByLookalikes) {
  struct Case {
    const char* path;
    const char* ancestor;
    bool within;
  };
  const Case cases[] = {
      {"/reeve", "/reeve", true},
      {"/reeve/run-1", "/reeve", true},
      {"/reeve/a/b/c", "/reeve", true},
      {"/", "/", true},
      {"/reeve", "/", true},
      {"/reeve2", "/reeve", false},
      {"/reeve2/run", "/reeve", false},
      {"/reev", "/reeve", false},
      {"/", "/reeve", false},
      {"/a/reeve", "/reeve", false},
      {"/reeve-x", "/reeve", false},
      {"/reeve/run", "/reeve/run-1", false},
      {"", "/reeve", false},
  };
  for (const auto& [path, ancestor, within] : cases)
    EXPECT_EQ(is_within(path, ancestor), within) << path << " in " << ancestor;
}

TEST(SaysPopulated, ReadsCgroupEvents) {
  EXPECT_TRUE(says_populated("populated 1\nfrozen 0\n"));
  EXPECT_TRUE(says_populated("frozen 0\npopulated 1\n"));
  EXPECT_FALSE(says_populated("populated 0\nfrozen 1\n"));
  EXPECT_FALSE(says_populated("frozen 1\n"));
  EXPECT_FALSE(says_populated("unpopulated 1\n"));
  EXPECT_FALSE(says_populated(""));
}

TEST(FlatValue, IsThatOfExactlyThisKey) {
  constexpr std::string_view text =
      "usage_usec 30\nuser_usec 10\nsystem_usec 20\noom_kill_group 2\noom_kill 1\n"
      "largest 9223372036854775807\nlarger 9223372036854775808\nword max\nbare\n";
  const std::pair<const char*, std::optional<std::int64_t>> cases[] = {
      {"usage_usec", 30},
      {"user_usec", 10},
      {"system_usec", 20},
      {"oom_kill", 1},
      {"oom_kill_group", 2},
      {"largest", 9223372036854775807},
      // A key that is part of others, a number that does not fit, no number at all.
      {"usec", {}},
      {"user", {}},
      {"oom", {}},
      {"larger", {}},
      {"word", {}},
      {"bare", {}},
      {"absent", {}},
  };
  for (const auto& [key, value] : cases)
    EXPECT_EQ(flat_value(text, key), value) << key;
}

struct UnitOfPath {
  const char* path;
  const char* unit;
  bool is_service;
};

TEST(UnitIn, IsTheInnermostByTheNamesOfSystemd) {
  const UnitOfPath cases[] = {
      {"/", "", false},
      {"", "", false},
      {"/reeve/run-1/entered", "", false},
      {"/system.slice/app.service", "/system.slice/app.service", true},
      {"/system.slice/app.service/main/deeper", "/system.slice/app.service", true},
      {"/user.slice/user-7.slice/session-3.scope", "/user.slice/user-7.slice/session-3.scope",
       false},
      {"/user.slice/user-7.slice/user@7.service", "/user.slice/user-7.slice/user@7.service", false},
      {"/user@7.service/init.scope", "/user@7.service/init.scope", false},
      {"/user@7.service/app.slice/app@1.service/x", "/user@7.service/app.slice/app@1.service",
       true},
      {"/user@7.service/app.slice/plain", "/user@7.service/app.slice", false},
      {"/machine.slice/.service", "/machine.slice", false},
      {"/app.service.d", "", false},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(unit_in(each.path), each.unit) << each.path;
    EXPECT_EQ(is_service(unit_in(each.path)), each.is_service) << each.path;
  }
}

}  // namespace

}  // namespace reeve::cgroup
