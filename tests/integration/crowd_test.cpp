// A thousand clients at once: those that behave, those that read slowly, those that vanish in the
// middle of what they say, and those that subscribe and never read.
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <deque>
#include <filesystem>

#include "base/text.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

constexpr int well_behaved = 400, slow = 200, vanishing = 200, deaf = 200;
constexpr int rounds = 5;
// More than their sockets hold.
constexpr int events_in_a_round = 400;
constexpr int asked_by_the_slow = 20;

class Peer {
 public:
  explicit Peer(const World& world) : client_(world.connect()) {}

  template <class Method>
  void ask(const typename Method::Input& input, const char* flags = "") {
    say("{\"method\":\"io.reeve.Registry." + std::string(Method::name) +
        "\",\"parameters\":" + json::encoded(input) + flags + "}" + '\0');
  }
  // As much as there is room for now: who does not read is not read, either.
  void say(const std::string& text) const {
    (void)!::send(client_.descriptor(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  std::string hear() {
    std::size_t end = 0;
    while ((end = heard_.find('\0')) == std::string::npos) {
      pollfd entry{client_.descriptor(), POLLIN, 0};
      std::array<char, 65536> buffer;
      const auto length = ::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) == 1
                              ? ::recv(client_.descriptor(), buffer.data(), buffer.size(), 0)
                              : 0;
      if (length <= 0) return "nothing";
      heard_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    const auto message = heard_.substr(0, end);
    heard_.erase(0, end + 1);
    return message;
  }

 private:
  varlink::Client client_;
  std::string heard_;
};

class Crowd : public ::testing::Test {
 protected:
  Crowd() {
    rlimit descriptors{4096, 4096};
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
    for (int i = 0; i < 50; ++i)
      reserve("worker-" + std::to_string(i));
  }
  void reserve(const std::string& name) {
    api::Reserve::Input input;
    input.worker = name;
    input.run = run_;
    input.timeout = std::chrono::hours(1);
    ASSERT_TRUE(call_on<api::Reserve>(client_, input));
  }

  // Then its memory says little of what it holds.
  // AddressSanitizer reserves terabytes for what it remembers.
  [[nodiscard]] bool is_sanitized() const { return kilobytes("VmSize:") > 1'000'000'000; }
  [[nodiscard]] std::int64_t resident_kilobytes() const { return kilobytes("VmRSS:"); }
  [[nodiscard]] std::int64_t kilobytes(std::string_view key) const {
    const auto status = read_file("/proc/" + std::to_string(world_.daemon_pid()) + "/status");
    const auto at = status.find(key) + key.size();
    return parse_number<std::int64_t>(trim(status.substr(at, status.find("kB", at) - at))).value();
  }

  World world_;
  varlink::Client client_ = world_.connect();
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);
};

// Calls that are sent at once are answered in their order, each by the name it asked for.
void expect_answers(Peer& peer, int from, int count) {
  for (int i = from; i < from + count; ++i) {
    const auto answer = peer.hear();
    EXPECT_NE(answer.find("\"nobody-" + std::to_string(i) + "\""), std::string::npos) << answer;
  }
}

TEST_F(Crowd, KeepsNobodyWaitingForAnybodyElse) {
  // Of who made the reservations, some may still be taking leave.
  const auto before = world_.daemon_descriptors().all;
  {
    std::deque<Peer> behaving, reading_late, subscribed;
    for (int i = 0; i < deaf; ++i)
      subscribed.emplace_back(world_).ask<api::Subscribe>({}, ",\"more\":true");
    for (int i = 0; i < slow; ++i) {
      auto& peer = reading_late.emplace_back(world_);
      for (int j = 0; j < asked_by_the_slow; ++j)
        peer.ask<api::ListWorkers>({run_, {}, {}});
    }
    for (int i = 0; i < well_behaved; ++i)
      behaving.emplace_back(world_);
    const auto filled = resident_kilobytes();

    const int played = is_sanitized() ? 2 : rounds;
    for (int round = 0; round < played; ++round) {
      for (int i = 0; i < vanishing / rounds; ++i) {
        Peer peer(world_);
        if (i % 4 == 0) peer.say("{\"method\":\"io.reeve.Registry.ListW");
        if (i % 4 == 1) peer.ask<api::Wait>({"worker-1", run_});
        if (i % 4 == 2) peer.ask<api::ListEntries>({});
        if (i % 4 == 3) peer.ask<api::Subscribe>({run_, {}}, ",\"more\":true");
      }
      for (auto& peer : behaving)
        for (int j = 0; j < 3; ++j)
          peer.ask<api::GetWorker>({"nobody-" + std::to_string(3 * round + j), run_});
      // What the deaf are not told, for they do not listen.
      for (int i = 0; i < events_in_a_round / 2; ++i) {
        const auto name = "passing-" + std::to_string(round) + "-" + std::to_string(i);
        reserve(name);
        ASSERT_TRUE(call_on<api::Unregister>(client_, {name, run_}));
      }
      for (auto& peer : behaving)
        expect_answers(peer, 3 * round, 3);
    }
    // A quarter of a MiB for each that is deaf, and not all that was told in between.
    if (!is_sanitized()) {
      EXPECT_LT(resident_kilobytes(), filled + 98304) << "from " << filled;
    }
    for (auto& peer : reading_late)
      for (int j = 0; j < asked_by_the_slow; ++j)
        EXPECT_NE(peer.hear().find("worker-49"), std::string::npos);
  }
  EXPECT_TRUE(eventually([&] { return world_.daemon_descriptors().all <= before; }))
      << before << " and now " << world_.daemon_descriptors().all;
  EXPECT_TRUE(world_.get(run_, "worker-1"));
}

}  // namespace
}  // namespace reeve::test
