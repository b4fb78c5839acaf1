// What one user may make reeved hold, up to the last that is taken and the first that is not; each
// refusal says which limit it was, touches nobody else, and what was given back can be had again.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "support/users.hpp"

namespace reeve::test {
namespace {

const User alice{40001};  // both may open runs
const User bob{40002};
const User stranger{40003};

class AccessLimits : public ::testing::Test {
 protected:
  AccessLimits() {
    world_.configure("[access]\nopen-runs-users = [\"40001\", \"40002\"]\n");
    world_.start();
  }

  std::string open_run_as(const User& user) {
    return as(user, [&] { return outcome(world_.call<api::OpenRun>({})); });
  }
  std::string count_as(const User& user) {
    return as(user, [&] { return outcome(world_.call<api::CountEntries>({})); });
  }

  World world_{World::Daemon::not_started};
};

template <class Output>
std::string refusal(const Answer<Output>& answer) {
  return outcome(answer) + " " + answer.parameters;
}

TEST_F(AccessLimits, AUserHas64RunsAndNoMore) {
  const auto told = as(alice, [&]() -> std::string {
    auto client = world_.connect();
    std::string last;
    for (int i = 0; i < 64; ++i) {
      const auto opened = call_on<api::OpenRun>(client, {});
      if (!opened) return "at " + std::to_string(i) + ": " + opened.error;
      last = opened->run.run;
    }
    const auto refused = call_on<api::OpenRun>(client, {});
    if (refused.error != "TooMany" || !refused.mentions(R"("limit":"runs","maximum":64)"))
      return refusal(refused);
    if (world_.call<api::ListRuns>({})->runs.size() != 64) return "another number of runs";
    if (const auto closed = call_on<api::CloseRun>(client, {last, {}}); !closed)
      return closed.error;
    if (const auto again = call_on<api::OpenRun>(client, {}); !again) return refusal(again);
    const auto once_more = call_on<api::OpenRun>(client, {});
    return once_more.error;
  });
  EXPECT_EQ(told, "TooMany");
  // Her runs ended with their owner, or will; whichever, it is nobody else's concern.
  EXPECT_EQ(open_run_as(bob), "success");
  EXPECT_EQ(open_run_as({}), "success");
  EXPECT_TRUE(eventually([&] { return world_.root_is_empty(); }));
  EXPECT_EQ(open_run_as(alice), "success");
}

TEST_F(AccessLimits, AUserHas4096WorkersAndNoMoreInHoweverManyRuns) {
  auto owner_of_first = sleeper_of(alice.id);
  auto owner_of_second = sleeper_of(alice.id);
  auto bobs = sleeper_of(bob.id);
  const std::array runs{world_.open_run(owner_of_first), world_.open_run(owner_of_second)};
  const auto run_of_bob = world_.open_run(bobs);
  const auto reservation = [](const std::string& run, const std::string& worker) {
    api::Reserve::Input input;
    input.worker = worker;
    input.run = run;
    input.timeout = std::chrono::hours(1);
    return input;
  };
  auto process = sleeper_of(alice.id);
  const auto told = as(alice, [&]() -> std::string {
    auto client = world_.connect();
    for (std::size_t i = 0; i < 4096; ++i) {
      const auto made =
          call_on<api::Reserve>(client, reservation(runs[i % 2], "worker " + std::to_string(i)));
      if (!made) return "at " + std::to_string(i) + ": " + refusal(made);
    }
    for (const auto& run : runs) {
      const auto refused = call_on<api::Reserve>(client, reservation(run, "one more"));
      if (refused.error != "TooMany" || !refused.mentions(R"("limit":"workers","maximum":4096)"))
        return refusal(refused);
    }
    api::Register::Input registration;
    registration.worker = "one more";
    registration.run = runs[0];
    registration.process = process.id();
    if (const auto refused = call_on<api::Register>(client, registration);
        refused.error != "TooMany")
      return refusal(refused);
    // Those that are there can be used.
    api::Activate::Input activation;
    activation.worker = "worker 0";
    activation.run = runs[0];
    activation.process = process.id();
    return outcome(call_on<api::Activate>(client, activation));
  });
  EXPECT_EQ(told, "success");
  EXPECT_EQ(world_.call<api::CountEntries>({})->count, 3 + 4096);
  const auto reserve_as = [&](const User& user, const std::string& run, const char* worker) {
    return as(user, [&] { return outcome(world_.call<api::Reserve>(reservation(run, worker))); });
  };
  EXPECT_EQ(reserve_as(bob, run_of_bob, "bob's"), "success");
  EXPECT_EQ(reserve_as({}, run_of_bob, "root's"), "success");
  EXPECT_EQ(reserve_as({}, runs[0], "root's"), "success");
  // Root's counts as well, it being in a run of hers: two must go before one can come.
  EXPECT_EQ(as(alice,
               [&] {
                 (void)world_.call<api::Unregister>({"worker 1", runs[1]});
                 return outcome(world_.call<api::Unregister>({"worker 2", runs[0]}));
               }),
            "success");
  EXPECT_TRUE(eventually([&] { return reserve_as(alice, runs[1], "again") == "success"; }));
}

// ---- connections and messages

// A process of a user that keeps connections open until it is told to go.
class Holder {
 public:
  // `connect` returns 0 once all is held, or where it failed.
  Holder(const User& user, const std::function<int(std::vector<varlink::Client>&)>& connect) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) std::abort();
    const FileDescriptor reader(ends[0]);
    writer_ = FileDescriptor(ends[1]);
    process_ = Child::run([&] {
      become_user(user);
      writer_.reset();
      std::vector<varlink::Client> clients;
      if (const int failed = connect(clients); failed != 0) return failed;
      line_.report();
      char byte;
      (void)!::read(reader.get(), &byte, 1);
      return 0;
    });
    line_.let_go();
    if (!line_.await_reports(1)) ADD_FAILURE() << "failed at " << WEXITSTATUS(process_.wait());
  }
  void let_go() {
    writer_.reset();
    process_.wait();
  }

 private:
  LifeLine line_;
  FileDescriptor writer_;
  Child process_;
};

TEST_F(AccessLimits, AUserHas512ConnectionsAndNoMore) {
  Holder holder(stranger, [&](auto& clients) {
    for (int i = 0; i < 512; ++i) {
      auto client = varlink::Client::connect(world_.socket());
      if (!client || !call_on<api::CountEntries>(*client, {})) return 1;
      clients.push_back(std::move(*client));
    }
    // Refused without having been asked, and ended.
    const auto refused = varlink::Client::connect(world_.socket());
    if (!refused) return 2;
    const auto text = next_message(*refused);
    if (text.find("io.reeve.Registry.TooMany") == std::string::npos) return 3;
    if (text.find(R"("limit":"connections","maximum":512)") == std::string::npos) return 4;
    return call_on<api::CountEntries>(clients.front(), {}) ? 0 : 5;
  });
  EXPECT_EQ(count_as(bob), "success");
  EXPECT_EQ(count_as({}), "success");
  holder.let_go();
  EXPECT_TRUE(eventually([&] { return count_as(stranger) == "success"; }));
}

// False once the other side has closed.
bool send_all(const varlink::Client& client, std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(client.descriptor(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

TEST_F(AccessLimits, AMessageHasAMebibyteAndNoMoreWhoeverSendsIt) {
  constexpr std::size_t longest = 1U << 20;
  const auto message_of = [](std::size_t size) {
    const std::string frame = R"({"method":"io.reeve.Registry.CountEntries","parameters":{}})";
    return frame + std::string(size - frame.size(), ' ') + '\0';
  };
  for (const auto& user : {User{}, alice, stranger}) {
    SCOPED_TRACE(user.id);
    EXPECT_EQ(as(user,
                 [&] {
                   const auto client = world_.connect();
                   (void)send_all(client, message_of(longest));
                   return next_message(client).substr(0, 13);
                 }),
              "{\"parameters\"");
    const auto refused = as(user, [&] {
      auto client = world_.connect();
      (void)send_all(client, message_of(longest + 1));
      return next_message(client);
    });
    EXPECT_NE(refused.find(R"("limit":"messageBytes","maximum":1048576)"), std::string::npos)
        << refused;
  }
}

// Halves of messages, on as many connections as a user has.
TEST_F(AccessLimits, ASenderThatNeverComesToAnEndDelaysNobody) {
  constexpr std::string_view half = R"({"method":"io.reeve.Registry.)";
  Holder holder(stranger, [&](auto& clients) {
    for (int i = 0; i < 512; ++i) {
      auto client = varlink::Client::connect(world_.socket());
      if (!client || ::send(client->descriptor(), half.data(), half.size(), 0) < 0) return 1;
      clients.push_back(std::move(*client));
    }
    return 0;
  });
  EXPECT_EQ(count_as(bob), "success");
  EXPECT_EQ(open_run_as(alice), "success");
  EXPECT_EQ(count_as({}), "success");
  holder.let_go();
  EXPECT_TRUE(eventually([&] { return count_as(stranger) == "success"; }));
}

// ---- turns

class Turns : public AccessLimits {
 protected:
  // A run whose listing is long.
  void make_workers(int count) {
    auto client = world_.connect();
    api::Reserve::Input input;
    input.run = world_.open_run(owner_);
    input.timeout = std::chrono::hours(1);
    input.metadata = Metadata{{"long", std::string(16'000, 'x')}};
    for (int i = 0; i < count; ++i) {
      input.worker = "worker " + std::to_string(i);
      ASSERT_TRUE(call_on<api::Reserve>(client, input));
    }
  }
  // From here, and yet the user's: connections are made with the effective user id.
  std::vector<varlink::Client> ask(const User& user, std::size_t times, std::string_view method) {
    std::vector<varlink::Client> clients;
    EXPECT_EQ(::seteuid(user.id), 0);
    for (std::size_t i = 0; i < times; ++i)
      clients.push_back(world_.connect());
    EXPECT_EQ(::seteuid(0), 0);
    const auto message = "{\"method\":\"io.reeve.Registry." + std::string(method) + "\"}";
    for (const auto& client : clients)
      EXPECT_GT(::send(client.descriptor(), message.c_str(), message.size() + 1, 0), 0);
    return clients;
  }
  static bool has_answer(const varlink::Client& client) {
    pollfd entry{client.descriptor(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
  }

  Child owner_ = Child::sleeper();
};

TEST_F(Turns, WhoAsksMuchWaitsBehindWhoAsksLittle) {
  constexpr std::size_t many = 24;
  make_workers(80);
  for (const char* method : {"ListWorkers", "ListEntries"}) {
    SCOPED_TRACE(method);
    // All is there when reeved looks: calls of root before and behind the stranger's.
    ::kill(world_.daemon_pid(), SIGSTOP);
    const auto before = ask({}, 1, "CountEntries");
    const auto clients = ask(stranger, many, method);
    const auto behind = ask({}, 1, "CountEntries");
    ::kill(world_.daemon_pid(), SIGCONT);
    EXPECT_TRUE(next_message(before.front()).starts_with("{\"parameters\""));
    EXPECT_TRUE(next_message(behind.front()).starts_with("{\"parameters\""));
    EXPECT_LT(std::count_if(clients.begin(), clients.end(), has_answer), many);
    for (const auto& client : clients)
      EXPECT_TRUE(eventually([&] { return has_answer(client); }));
  }
}

TEST_F(Turns, WhoDoesNotReadIsEndedBeforeItTakesTheMemoryOfAll) {
  make_workers(400);
  const std::string begun(1'000'000, ' ');
  const Holder holder(stranger, [&](auto& senders) {
    for (int i = 0; i < 240; ++i) {
      auto sender = varlink::Client::connect(world_.socket());
      if (!sender || !send_all(*sender, begun)) return 1;
      senders.push_back(std::move(*sender));
    }
    return 0;
  });
  const auto clients = ask(stranger, 8, "ListWorkers");  // 6 MB each
  for (const auto& client : clients)
    EXPECT_TRUE(eventually([&] { return has_answer(client); }));
  EXPECT_EQ(count_as(bob), "success");
  const auto was_ended = [](const varlink::Client& client) {
    pollfd entry{client.descriptor(), POLLRDHUP, 0};
    return ::poll(&entry, 1, 0) == 1;
  };
  EXPECT_TRUE(eventually([&] { return std::any_of(clients.begin(), clients.end(), was_ended); }));
  EXPECT_FALSE(std::all_of(clients.begin(), clients.end(), was_ended));
  // One that reads gets all.
  EXPECT_EQ(as(alice,
               [&] {
                 const auto listed = world_.call<api::ListWorkers>({});
                 return std::to_string(listed ? listed->workers.size() : 0);
               }),
            "400");
}

}  // namespace
}  // namespace reeve::test
