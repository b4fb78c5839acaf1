#include "registry/names.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>
#include <vector>

namespace reeve::registry {

namespace {

const std::string id = "0123456789abcdef0123456789abcdef";
constexpr std::size_t longest_file_name = 255;

// ---- what may be a name

TEST(ObjectionToName, IsNoneToNamesPeopleGive) {
  for (const std::string_view name :
       {"w", "worker 1", "gpu:0", "größe", "日本語", "👷", ".", "..", "-", "~", "#", "%", "a%2fb",
        "entered", "worker-1", "run-1", "cgroup.procs"})
    EXPECT_EQ(objection_to_name(name), std::nullopt) << name;
  EXPECT_EQ(objection_to_name(std::string(longest_name, 'x')), std::nullopt);
}

TEST(ObjectionToName, SaysWhatIsWrong) {
  using std::string_view_literals::operator""sv;
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "a name is at least one character"},
      {std::string(longest_name + 1, 'x'), "a name is at most 1024 bytes, this one has 1025"},
      {"/", "a name has no slash in it"},
      {"a/b", "a name has no slash in it"},
      {"../b", "a name has no slash in it"},
      {std::string("a\0b"sv), "a name has no control characters in it"},
      {"a\nb", "a name has no control characters in it"},
      {"\x1b[2J", "a name has no control characters in it"},
      {"\u0085", "a name has no control characters in it"},
      {"invoice\u202Efdp.exe", "a name has no control characters in it"},
  };
  for (const auto& [name, objection] : cases)
    EXPECT_EQ(objection_to_name(name), objection) << testing::PrintToString(name);
}

// ---- workers' directories

TEST(WorkerDirectory, IsReadableAndEscapesTheRest) {
  struct Case {
    const char* name;
    unsigned generation;
    const char* directory;
  };
  const Case cases[] = {
      {"gpu-0", 1, "worker-gpu-0"},
      {"gpu-0", 2, "worker-gpu-0~2"},
      {"a_b-c.d:e@f+g,h=i", 1, "worker-a_b-c.d:e@f+g,h=i"},
      {"größe 日本", 1, "worker-größe%20日本"},
      {"100%", 1, "worker-100%25"},
      {"a~2", 1, "worker-a%7e2"},
      {"a~2", 2, "worker-a%7e2~2"},
      {"#1", 1, "worker-%231"},
      {".", 1, "worker-."},
      {"..", 1, "worker-.."},
      {"$(rm)", 1, "worker-%24%28rm%29"},
      {"a\\b*?", 1, "worker-a%5cb%2a%3f"},
  };
  for (const auto& [name, generation, directory] : cases)
    EXPECT_EQ(worker_directory(name, generation), directory);
}

TEST(WorkerDirectory, HashesANameThatIsTooLongForAFile) {
  const std::string longest_plain(237, 'x');
  EXPECT_EQ(worker_directory(longest_plain, 1), "worker-" + longest_plain);
  EXPECT_TRUE(worker_directory(longest_plain + "x", 1).starts_with("worker-#"));
  // It is the escaped name that must fit.
  EXPECT_TRUE(worker_directory(std::string(80, ' '), 1).starts_with("worker-#"));
  EXPECT_FALSE(worker_directory(std::string(79, ' '), 1).starts_with("worker-#"));
  EXPECT_EQ(worker_directory(longest_plain + "x", 3),
            worker_directory(longest_plain + "x", 1) + "~3");
}

TEST(WorkerDirectory, IsAlwaysAFileNameOfItsOwnKind) {
  for (std::size_t length = 1; length <= longest_name; ++length)
    for (const char c : {'x', ' ', '.', '~', '\xc3'})
      for (const unsigned generation : {1U, 2U, std::numeric_limits<unsigned>::max()}) {
        const auto directory = worker_directory(std::string(length, c), generation);
        ASSERT_LE(directory.size(), longest_file_name);
        ASSERT_EQ(directory.find_first_of(std::string_view("/\n\0", 3)), std::string::npos);
        ASSERT_TRUE(is_worker_directory(directory));
        ASSERT_EQ(run_id_of(directory), std::nullopt);
      }
}

TEST(WorkerDirectory, IsDistinctForDistinctNamesAndGenerations) {
  // All short names of the characters that escaping, hashing and numbering use themselves.
  const std::vector<std::string> alphabet{"a", "2", "%", "~", "#", " ", ".", "-", "7e", "20", "é"};
  std::vector<std::string> names{""};
  for (std::size_t done = 0, round = 0; round < 4; ++round)
    for (const std::size_t end = names.size(); done < end; ++done)
      for (const auto& part : alphabet)
        names.push_back(names[done] + part);

  // Long ones that differ in little.
  std::mt19937 random(1);
  for (std::size_t length = 200; length <= longest_name; ++length) {
    std::string name(length, 'x');
    names.push_back(name);
    name[random() % length] = 'y';
    names.push_back(name);
    name.back() = ' ';
    names.push_back(name);
  }

  const std::set<std::string> distinct(names.begin(), names.end());
  ASSERT_GT(distinct.size(), 10'000U);
  std::set<std::string> directories;
  for (const auto& name : distinct)
    for (const unsigned generation : {1U, 2U, 20U})
      EXPECT_TRUE(directories.insert(worker_directory(name, generation)).second)
          << name << " in generation " << generation;
}

TEST(WorkerDirectory, IsToldFromTheOtherDirectoriesOfARun) {
  EXPECT_FALSE(is_worker_directory(entered_directory));
  EXPECT_FALSE(is_worker_directory(run_directory(id)));
  EXPECT_FALSE(is_worker_directory("Worker-x"));
  EXPECT_FALSE(is_worker_directory("workers"));
}

// ---- workers of pools

TEST(SlotOf, ReadsWhatWorkerNameWrites) {
  for (const std::string_view pool : {"web", "web@2", "größe"})
    for (const std::int64_t slot : {0, 7, 4095})
      EXPECT_EQ(slot_of(worker_name(pool, slot)), std::pair(std::string(pool), slot));
}

TEST(SlotOf, IsNothingForOtherWorkers) {
  for (const std::string_view name : {"", "web", "web@", "web@x", "web@-1", "web@0x", "web@ 0"})
    EXPECT_EQ(slot_of(name), std::nullopt) << name;
}

// ---- runs' directories

TEST(RunIdOf, ReadsWhatRunDirectoryWrites) {
  EXPECT_EQ(run_directory(id), "run-" + id);
  EXPECT_EQ(run_id_of(run_directory(id)), id);
}

TEST(RunIdOf, RefusesEverythingElse) {
  const std::string upper = "0123456789ABCDEF0123456789ABCDEF";
  for (const auto& directory :
       {std::string(), std::string("run-"), id, "run" + id, "run-" + id.substr(1),
        "run-" + id + "0", "run-" + upper, "run-" + id.substr(1) + "g", "run-" + id.substr(1) + "-",
        " run-" + id, "Run-" + id, "worker-" + id, "run-" + id + "/"})
    EXPECT_EQ(run_id_of(directory), std::nullopt) << directory;
}

TEST(RunIdInPath, IsTheRunThatThePathLiesIn) {
  const auto run = "run-" + id;
  struct Case {
    std::string path;
    const char* root;
    bool in_the_run;
  };
  const Case cases[] = {
      {"/reeve/" + run, "/reeve", true},
      {"/reeve/" + run + "/worker-x", "/reeve", true},
      {"/reeve/" + run + "/worker-x/deeper/" + run, "/reeve", true},
      {"/" + run, "/", true},
      {"/" + run + "/entered", "/", true},
      {"/a/b/" + run + "/entered", "/a/b", true},
      // Another root, though its name begins alike.
      {"/reeve2/" + run, "/reeve", false},
      {"/reeve/" + run, "/reeve2", false},
      {"/reeve-" + run, "/reeve", false},
      {"/reeve" + run, "/reeve", false},
      // Not directly below the root.
      {"/other/" + run, "/reeve", false},
      {"/reeve/" + run, "/", false},
      {"/reeve/deeper/" + run, "/reeve", false},
      {"/a/reeve/" + run, "/reeve", false},
      // No run.
      {"/reeve", "/reeve", false},
      {"/reeve/", "/reeve", false},
      {"/", "/", false},
      {"", "/", false},
      {"", "/reeve", false},
      {"/reeve/" + run + "0", "/reeve", false},
      {"/reeve/x" + run, "/reeve", false},
      {"/reeve/worker-x", "/reeve", false},
  };
  for (const auto& [path, root, in_the_run] : cases)
    EXPECT_EQ(run_id_in_path(path, root), in_the_run ? std::optional(id) : std::nullopt)
        << path << " under " << root;
}

TEST(NewRunId, IsAnIdAndAnotherEachTime) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const auto fresh = new_run_id();
    EXPECT_EQ(run_id_of(run_directory(fresh)), fresh);
    EXPECT_TRUE(ids.insert(fresh).second);
  }
}

}  // namespace

}  // namespace reeve::registry
