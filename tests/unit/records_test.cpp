#include "registry/records.hpp"

#include <gtest/gtest.h>

#include "json/codec.hpp"

namespace reeve::registry {

namespace {

using std::chrono::microseconds;

Timestamp at(std::int64_t realtime, std::int64_t monotonic) {
  return {microseconds(realtime), microseconds(monotonic)};
}

RunRecord full_run() {
  RunRecord record;
  record.phase = RunPhase::terminating;
  record.owner = {4711, 123456789012, 98765};
  record.uid = 1000;
  record.name = "nightly \"build\"";
  record.policy = OwnerExitPolicy::terminate;
  record.grace = microseconds(2'500'000);
  record.placement = Placement::caller;
  record.opened_at = at(1'700'000'000'000'000, 42);
  record.kill_at = microseconds(43);
  record.metadata = Metadata{{"job", "7"}, {"über", "\x01"}};
  return record;
}

constexpr std::string_view full_run_text =
    R"({"v":1,"state":"terminating",)"
    R"("owner":{"pid":4711,"pidfdId":123456789012,"startTime":98765},"uid":1000,)"
    R"("name":"nightly \"build\"","policy":"terminate","graceUSec":2500000,"placement":"caller",)"
    R"("openedAt":{"realtime":1700000000000000,"monotonic":42},"killAt":43,)"
    R"("metadata":{"job":"7","über":"\u0001"}})";

WorkerRecord full_worker() {
  WorkerRecord record;
  record.name = "gpu 0";
  record.phase = WorkerPhase::emptying;
  record.process = ProcessRecord{4712, 5, {}};
  record.handle = "0xdeadbeef";
  record.fingerprint = "sha256:00";
  record.reserved_at = at(1, 2);
  record.expires_at = microseconds(60'000'002);
  record.activated_at = at(3, 4);
  record.kill_at = microseconds(5);
  record.exit = Exit{ExitCause::oom_killed, {}, "SIGKILL", true, at(6, 7)};
  record.usage = Usage{microseconds(8), microseconds(9), 10, 11, 12, 13};
  record.limits = Limits{14, 15, 16, 17, 18};
  record.metadata = Metadata{{"k", "v"}};
  return record;
}

constexpr std::string_view full_worker_text =
    R"({"v":1,"name":"gpu 0","state":"emptying","process":{"pid":4712,"pidfdId":5},)"
    R"("handle":"0xdeadbeef","fingerprint":"sha256:00","reservedAt":{"realtime":1,"monotonic":2},)"
    R"("expiresAt":60000002,"activatedAt":{"realtime":3,"monotonic":4},"killAt":5,)"
    R"("exit":{"cause":"oomKilled","signal":"SIGKILL","reaped":true,)"
    R"("at":{"realtime":6,"monotonic":7}},"usage":{"processorUserUSec":8,"processorSystemUSec":9,)"
    R"("memoryCurrentBytes":10,"memoryPeakBytes":11,"tasksPeak":12,"outOfMemoryKills":13},)"
    R"("limits":{"memoryMaxBytes":14,"memoryHighBytes":15,"processorQuotaPercent":16,)"
    R"("processorWeight":17,"tasksMax":18},"metadata":{"k":"v"}})";

// The texts are what daemons of this version have left in the kernel: they are read for ever.
TEST(Records, AreWrittenAsTheyAlwaysWere) {
  EXPECT_EQ(json::encoded(full_run()), full_run_text);
  EXPECT_EQ(json::encoded(full_worker()), full_worker_text);
}

TEST(Records, RoundTripWithAllMembers) {
  const auto run = read_run_record(std::string(full_run_text));
  ASSERT_TRUE(run.ok()) << run.error().message();
  EXPECT_EQ(json::encoded(*run), full_run_text);
  EXPECT_EQ(run->owner.pidfd_id, 123456789012);
  EXPECT_EQ(run->metadata, full_run().metadata);

  const auto worker = read_worker_record(std::string(full_worker_text));
  ASSERT_TRUE(worker.ok()) << worker.error().message();
  EXPECT_EQ(json::encoded(*worker), full_worker_text);
  EXPECT_EQ(worker->exit.value().cause, ExitCause::oom_killed);
  EXPECT_FALSE(worker->exit->code.has_value());
}

TEST(Records, RoundTripWithTheFewestMembers) {
  const auto run_text = json::encoded(RunRecord{});
  const auto run = read_run_record(run_text);
  ASSERT_TRUE(run.ok()) << run.error().message();
  EXPECT_EQ(json::encoded(*run), run_text);
  EXPECT_FALSE(run->kill_at.has_value());

  const auto worker_text = json::encoded(WorkerRecord{});
  const auto worker = read_worker_record(worker_text);
  ASSERT_TRUE(worker.ok()) << worker.error().message();
  EXPECT_EQ(json::encoded(*worker), worker_text);
  EXPECT_FALSE(worker->process.has_value());
}

TEST(Records, RoundTripInEveryPhase) {
  for (std::size_t i = 0; i < worker_phases; ++i) {
    auto record = full_worker();
    record.phase = static_cast<WorkerPhase>(i);
    const auto copy = read_worker_record(json::encoded(record));
    ASSERT_TRUE(copy.ok());
    EXPECT_EQ(copy->phase, record.phase);
  }
  for (std::size_t i = 0; i < run_phases; ++i) {
    auto record = full_run();
    record.phase = static_cast<RunPhase>(i);
    const auto copy = read_run_record(json::encoded(record));
    ASSERT_TRUE(copy.ok());
    EXPECT_EQ(copy->phase, record.phase);
  }
}

std::string replaced(std::string_view text, std::string_view part, std::string_view by) {
  std::string out(text);
  const auto where = out.find(part);
  EXPECT_NE(where, std::string::npos) << part;
  return where == std::string::npos ? out : out.replace(where, part.size(), by);
}

TEST(Records, OfANewerDaemonAreReadWithoutWhatIsUnknown) {
  auto run = replaced(full_run_text, "{\"v\":1", R"({"v":2,"later":[{}])");
  run = replaced(run, "\"pid\":4711", R"("pid":4711,"cookie":"c")");
  const auto read_run = read_run_record(run);
  ASSERT_TRUE(read_run.ok()) << read_run.error().message();
  EXPECT_EQ(read_run->v, 2);
  EXPECT_EQ(read_run->name, full_run().name);

  auto worker = replaced(full_worker_text, "{\"v\":1", R"({"v":2,"later":null)");
  worker = replaced(worker, "\"tasksPeak\":12", R"("tasksPeak":12,"swapBytes":1)");
  const auto read_worker = read_worker_record(worker);
  ASSERT_TRUE(read_worker.ok()) << read_worker.error().message();
  EXPECT_EQ(read_worker->usage->tasks_peak, 12);
}

// Deadlines are sums of these: recovery must not overflow on a record that somebody has edited.
TEST(Records, HoldNoTimeThatNoClockCanTell) {
  constexpr std::chrono::hours longer_than_any{24 * 365 * 1001};
  for (const auto time : {Microseconds::min(), Microseconds::max()}) {
    auto run = full_run();
    run.grace = time;
    run.kill_at = time;
    const auto read_run = read_run_record(json::encoded(run));
    ASSERT_TRUE(read_run.ok());
    auto worker = full_worker();
    worker.expires_at = time;
    worker.kill_at = time;
    worker.exit->at.monotonic = time;
    const auto read_worker = read_worker_record(json::encoded(worker));
    ASSERT_TRUE(read_worker.ok());
    for (const auto bounded : {read_run->grace, *read_run->kill_at, read_worker->expires_at,
                               *read_worker->kill_at, read_worker->exit->at.monotonic}) {
      EXPECT_GE(bounded, Microseconds{0});
      EXPECT_LT(bounded, longer_than_any);
    }
  }
}

TEST(Records, ThatAreBrokenAreTold) {
  using std::string_view_literals::operator""sv;
  for (const auto text : {""sv, "null"sv, "[]"sv, "{}"sv, "7"sv, "{\"v\":1"sv, "not json"sv,
                          "{\"v\":1}\0"sv, "\xff\xfe"sv}) {
    const auto run = read_run_record(std::string(text));
    ASSERT_FALSE(run.ok()) << text;
    EXPECT_EQ(run.error().number, EBADMSG) << text;
    const auto worker = read_worker_record(std::string(text));
    ASSERT_FALSE(worker.ok()) << text;
    EXPECT_EQ(worker.error().number, EBADMSG) << text;
  }

  const std::pair<const char*, const char*> faults[] = {
      {"\"v\":1", "\"v\":\"1\""},
      {"\"v\":1,", ""},
      {"\"emptying\"", "\"vanishing\""},
      {"\"name\":\"gpu 0\",", ""},
      {"\"pid\":4712", "\"pid\":4712.5"},
      {"\"expiresAt\":60000002", "\"expiresAt\":null"},
      {"\"name\":", "\"name\":\"twice\",\"name\":"},
  };
  for (const auto& [part, by] : faults) {
    const auto worker = read_worker_record(replaced(full_worker_text, part, by));
    ASSERT_FALSE(worker.ok()) << by;
    EXPECT_EQ(worker.error().number, EBADMSG) << by;
  }
}

// Somebody edited it: reeve writes none.
TEST(Records, OfAWorkerWithoutTheProcessThatItsStateSpeaksOfAreBroken) {
  for (std::size_t i = 0; i < worker_phases; ++i) {
    WorkerRecord record;
    record.name = "worker";
    record.phase = static_cast<WorkerPhase>(i);
    const bool speaks = record.phase == WorkerPhase::activating || has_live_process(record.phase);
    EXPECT_EQ(read_worker_record(json::encoded(record)).ok(), !speaks) << i;
  }
}

TEST(Records, NameTheMemberThatIsBroken) {
  const auto worker =
      read_worker_record(replaced(full_worker_text, "\"pid\":4712", "\"pid\":true"));
  ASSERT_FALSE(worker.ok());
  EXPECT_NE(worker.error().message().find("process.pid"), std::string::npos)
      << worker.error().message();
}

TEST(Records, OfOneKindAreNotTakenForTheOther) {
  EXPECT_FALSE(read_run_record(std::string(full_worker_text)).ok());
  EXPECT_FALSE(read_worker_record(std::string(full_run_text)).ok());
}

// ---- processes

TEST(ProcessRecord, KeepsAnIdentity) {
  for (const process::Identity identity :
       {process::Identity{1, 0, 0}, process::Identity{4711, 123, 0},
        process::Identity{4194304, 0, 456}, process::Identity{2, 7, 8}}) {
    const auto copy = identity_of(recorded(identity));
    EXPECT_EQ(copy.pid, identity.pid);
    EXPECT_EQ(copy.pidfd_id, identity.pidfd_id);
    EXPECT_EQ(copy.start_time, identity.start_time);
  }
}

TEST(ProcessRecord, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(json::encoded(recorded({7, 0, 0})), R"({"pid":7})");
  EXPECT_EQ(json::encoded(recorded({7, 8, 0})), R"({"pid":7,"pidfdId":8})");
  EXPECT_EQ(json::encoded(recorded({7, 0, 9})), R"({"pid":7,"startTime":9})");
}

TEST(Identity, IsTheSameOnlyWhereThatIsCertain) {
  struct Case {
    process::Identity one, other;
    bool same;
  };
  const Case cases[] = {
      {{7, 100, 0}, {7, 100, 0}, true},
      {{7, 0, 55}, {7, 0, 55}, true},
      {{7, 100, 55}, {7, 100, 55}, true},
      // The pidfs inode decides where both have one, whatever else is known.
      {{7, 100, 55}, {7, 100, 56}, true},
      {{7, 100, 55}, {7, 101, 55}, false},
      {{7, 100, 0}, {7, 101, 0}, false},
      // Written before a kernel update, read after it: the start time decides.
      {{7, 0, 55}, {7, 100, 55}, true},
      {{7, 0, 55}, {7, 100, 56}, false},
      {{7, 0, 55}, {7, 0, 56}, false},
      // A bare pid names nobody.
      {{7, 0, 0}, {7, 0, 0}, false},
      {{7, 100, 0}, {7, 0, 0}, false},
      {{7, 100, 0}, {7, 0, 55}, false},
      {{0, 0, 0}, {0, 0, 0}, false},
      {{7, 100, 55}, {8, 100, 55}, false},
  };
  for (const auto& [one, other, same] : cases) {
    EXPECT_EQ(one.same_as(other), same) << one.pidfd_id << '/' << one.start_time << " and "
                                        << other.pidfd_id << '/' << other.start_time;
    EXPECT_EQ(other.same_as(one), same) << "the other way round";
  }
}

}  // namespace

}  // namespace reeve::registry
