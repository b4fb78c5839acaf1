// Whatever a client sends, it gets a clear answer, changes nothing it was not allowed to, and takes
// nothing from the others.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "api/interface.hpp"
#include "support/world.hpp"

namespace reeve::test {
namespace {

constexpr std::size_t longest_message = 1U << 20;

// ---- a client that sends what it likes

struct RawReply {
  bool ended = false;      // no reply: the connection is at its end
  std::string error;       // full name; empty for success
  std::string parameters;  // compact JSON
  bool continues = false;

  // A member of the parameters, as text: strings without quotes.
  [[nodiscard]] std::string member(std::string_view name) const {
    json::Parser parser;
    const auto parsed = parser.parse(parameters);
    const auto members = parsed.ok() ? parsed->members() : std::nullopt;
    if (!members) return "(no parameters)";
    for (const auto& [key, value] : *members)
      if (key == name) return value.string() ? std::string(*value.string()) : value.text();
    return "(no such member)";
  }
};

std::ostream& operator<<(std::ostream& out, const RawReply& reply) {
  if (reply.ended) return out << "(the connection ended)";
  return out << (reply.error.empty() ? "success" : reply.error) << " " << reply.parameters;
}

class RawClient {
 public:
  explicit RawClient(const World& world)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    world.socket().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
      ADD_FAILURE() << "cannot connect: " << errno_name(errno);
  }

  // False once the other side has closed.
  bool send(std::string_view bytes, std::span<const int> descriptors = {}) {
    while (!bytes.empty()) {
      iovec part{const_cast<char*>(bytes.data()), bytes.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      std::vector<char> control(CMSG_SPACE(sizeof(int) * descriptors.size()));
      if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        std::copy(descriptors.begin(), descriptors.end(),
                  reinterpret_cast<int*>(CMSG_DATA(header)));
      }
      const auto sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      descriptors = {};
    }
    return true;
  }
  bool send_message(const std::string& json, std::span<const int> descriptors = {}) {
    return send(std::string_view(json.c_str(), json.size() + 1), descriptors);
  }

  void shut_down_sending() const { ::shutdown(socket_.get(), SHUT_WR); }

  RawReply receive() {
    std::size_t end;
    while ((end = input_.find('\0', searched_)) == std::string::npos) {
      searched_ = input_.size();
      pollfd entry{socket_.get(), POLLIN, 0};
      if (::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) != 1) {
        ADD_FAILURE() << "no answer came";
        return {true, {}, {}, false};
      }
      std::array<char, 65536> buffer;
      const auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (length <= 0) {
        EXPECT_TRUE(input_.empty()) << "the connection ended in the middle of a message";
        return {true, {}, {}, false};
      }
      input_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    const auto text = input_.substr(0, end);
    input_.erase(0, end + 1);
    searched_ = 0;
    const auto parsed = parser_.parse(text);
    const auto members = parsed.ok() ? parsed->members() : std::nullopt;
    RawReply reply;
    if (!members) {
      ADD_FAILURE() << "not a varlink reply: " << text;
      return reply;
    }
    for (const auto& [name, value] : *members) {
      if (name == "error") reply.error = value.string().value_or("");
      if (name == "parameters") reply.parameters = value.text();
      if (name == "continues") reply.continues = value.boolean().value_or(false);
    }
    return reply;
  }
  RawReply ask(const std::string& json, std::span<const int> descriptors = {}) {
    if (!send_message(json, descriptors)) return {true, {}, {}, false};
    return receive();
  }

 private:
  FileDescriptor socket_;
  std::string input_;
  std::size_t searched_ = 0;
  json::Parser parser_;
};

std::string in_quotes(std::string_view text) {
  std::string out;
  json::write_string(out, text);
  return out;
}

std::string call_of(std::string_view method, std::string_view parameters,
                    std::string_view flags = {}) {
  return "{\"method\":\"io.reeve.Registry." + std::string(method) +
         "\",\"parameters\":" + std::string(parameters) + std::string(flags) + "}";
}

std::string registry_error(std::string_view name) {
  return "io.reeve.Registry." + std::string(name);
}
const std::string invalid_parameter = "org.varlink.service.InvalidParameter";

const std::string get_info = R"({"method":"org.varlink.service.GetInfo"})";

// ---- the world before and after

class BadInput : public ::testing::Test {
 protected:
  World world_;
  Child owner_ = Child::sleeper();
  std::string run_ = world_.open_run(owner_);

  // All that calls can change, but for what only counts up.
  std::string snapshot() {
    auto client = world_.connect();
    std::string text;
    const auto entries = call_on<api::ListEntries>(client, {});
    EXPECT_TRUE(entries) << entries;
    text += entries.parameters;
    const auto answer = call_on<api::GetStatistics>(client, {});
    EXPECT_TRUE(answer) << answer;
    auto statistics = answer->statistics;
    statistics.activated_total = statistics.exited_total = statistics.orphans_killed_total = 0;
    return text + json::encoded(statistics);
  }
  // What was made and withdrawn may take a moment to be gone.
  void expect_unchanged(const std::string& before) {
    std::string after;
    EXPECT_TRUE(eventually([&] { return (after = snapshot()) == before; }))
        << "before: " << before << "\nafter:  " << after;
  }
  [[nodiscard]] std::string run_member() const { return "\"run\":" + in_quotes(run_); }

  // Once nobody is connected to the daemon but so many of the test's clients.
  [[nodiscard]] std::size_t settled_descriptors(std::size_t clients = 0) const {
    EXPECT_TRUE(eventually(
        [&] { return world_.daemon_descriptors().sockets == World::sockets_at_rest + clients; }));
    return world_.daemon_descriptors().all;
  }
  void expect_descriptors(std::size_t count) const {
    EXPECT_TRUE(eventually([&] { return world_.daemon_descriptors().all == count; }))
        << count << " before, " << world_.daemon_descriptors().all << " now";
  }

  [[nodiscard]] std::size_t resident_bytes_of_daemon() const {
    std::ifstream file("/proc/" + std::to_string(world_.daemon_pid()) + "/statm");
    std::size_t size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }
};

// ---- messages that are none

TEST_F(BadInput, WhatIsNoVarlinkCallIsRefusedAndEndsTheConnection) {
  const std::string good = R"("method":"org.varlink.service.GetInfo")";
  const std::vector<std::pair<const char*, std::string>> cases{
      {"an empty message", ""},
      {"blanks", " \n\t"},
      {"half an object", "{" + good},
      {"no JSON", "GET / HTTP/1.1\r\n\r\n"},
      {"a string left open", R"({"method":"org)"},
      {"garbage after the object", "{" + good + "}x"},
      {"two objects", "{" + good + "}{" + good + "}"},
      {"a comma too many", "{" + good + ",}"},
      {"single quotes", "{'method':'org.varlink.service.GetInfo'}"},
      {"a comment", "{" + good + "/* */}"},
      {"a key that is no string", "{method:1}"},
      {"not a number", "{" + good + R"(,"parameters":{"a":NaN}})"},
      {"a number with a leading zero", "{" + good + R"(,"parameters":{"a":01}})"},
      {"a number for which 64 bits are too few",
       "{" + good + R"(,"parameters":{"a":-9223372036854775809}})"},
      {"a number too large", "{" + good + R"(,"parameters":{"a":1e999}})"},
      {"a control character in a string", "{\"method\":\"a\nb\"}"},
      {"an unknown escape", R"({"method":"\x41"})"},
      {"half a surrogate pair", R"({"method":"\ud800"})"},
      {"a lone continuation byte", "{\"method\":\"\x80\"}"},
      {"an overlong UTF-8 sequence", "{\"method\":\"\xC0\xAF\"}"},
      {"a surrogate in UTF-8", "{\"method\":\"\xED\xA0\x80\"}"},
      {"beyond Unicode", "{\"method\":\"\xF4\x90\x80\x80\"}"},
      {"a UTF-8 sequence cut short", "{\"method\":\"\xE2\x82\"}"},
      {"bytes of no encoding", "\xFF\xFE\xFD"},
      {"a list", "[{" + good + "}]"},
      {"a string", R"("org.varlink.service.GetInfo")"},
      {"a number", "7"},
      {"null", "null"},
      {"no method", R"({"parameters":{}})"},
      {"an empty method", R"({"method":""})"},
      {"a method that is a number", R"({"method":1})"},
      {"a method that is null", R"({"method":null})"},
      {"parameters that are a list", "{" + good + R"(,"parameters":[]})"},
      {"parameters that are a string", "{" + good + R"(,"parameters":"{}"})"},
      {"more that is a number", "{" + good + R"(,"more":1})"},
      {"oneway that is a string", "{" + good + R"(,"oneway":"true"})"},
      {"upgrade that is an object", "{" + good + R"(,"upgrade":{}})"},
      {"an unknown member", "{" + good + R"(,"nonsense":1})"},
      {"nested too deeply", "{" + good + R"(,"parameters":{"a":)" + std::string(5000, '[') +
                                std::string(5000, ']') + "}}"},
      {"nested deeply and left open", std::string(500'000, '[')},
      {"objects nested too deeply",
       [] {
         std::string text;
         for (int i = 0; i < 5000; ++i)
           text += R"({"a":)";
         return text + "1" + std::string(5000, '}');
       }()},
  };
  const auto before = snapshot();
  for (const auto& [name, message] : cases) {
    SCOPED_TRACE(name);
    RawClient client(world_);
    const auto reply = client.ask(message);
    EXPECT_EQ(reply.error, registry_error("InvalidMessage")) << reply;
    EXPECT_FALSE(reply.member("reason").empty());
    // Where a message ends is no longer certain: nothing after it is served.
    (void)client.send_message(get_info);
    EXPECT_TRUE(client.receive().ended);
    expect_unchanged(before);
  }
}

TEST_F(BadInput, AMessageOverTheLimitIsRefusedWithOrWithoutItsEnd) {
  const auto before = snapshot();
  const std::vector<std::pair<const char*, std::string>> cases{
      {"one byte too long, ended",
       get_info + std::string(longest_message + 1 - get_info.size(), ' ') + '\0'},
      {"one byte too long, not ended", std::string(longest_message + 1, ' ')},
      {"much too long, ended", std::string(3 * longest_message, 'x') + '\0'},
      {"a valid message before it", get_info + '\0' + std::string(longest_message + 1, ' ')},
  };
  for (const auto& [name, bytes] : cases) {
    SCOPED_TRACE(name);
    RawClient client(world_);
    (void)client.send(bytes);
    auto reply = client.receive();
    if (reply.error.empty()) reply = client.receive();
    EXPECT_EQ(reply.error, registry_error("TooMany")) << reply;
    EXPECT_EQ(reply.member("limit"), "messageBytes");
    EXPECT_EQ(reply.member("maximum"), std::to_string(longest_message));
    EXPECT_TRUE(client.receive().ended);
  }
  RawClient client(world_);
  const auto longest = get_info + std::string(longest_message - get_info.size(), ' ');
  EXPECT_EQ(client.ask(longest).error, "");
  EXPECT_EQ(client.ask(get_info).error, "");
  expect_unchanged(before);
}

TEST_F(BadInput, AMessageWithoutAnEndTakesNoMemoryWithoutEnd) {
  {
    RawClient client(world_);
    (void)client.send(std::string(longest_message + 1, ' '));
    (void)client.receive();
  }
  const auto before = resident_bytes_of_daemon();
  const std::string piece(longest_message, 'x');
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    auto& client = *clients.emplace_back(std::make_unique<RawClient>(world_));
    for (int sent = 0; sent < 64 && client.send(piece); ++sent) {
    }
  }
  EXPECT_EQ(RawClient(world_).ask(get_info).error, "");
  EXPECT_LT(resident_bytes_of_daemon(), before + 16 * longest_message);
}

TEST_F(BadInput, AMessageMayComeByteByByte) {
  RawClient client(world_);
  for (const char byte : get_info + '\0')
    ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_EQ(client.receive().member("product"), "reeved");
}

// ---- methods that are none

TEST_F(BadInput, AnUnknownMethodOrInterfaceIsNamedInTheAnswer) {
  struct Case {
    const char* method;
    const char* error;
    const char* member;
    const char* value;
  };
  const std::vector<Case> cases{
      {"io.reeve.Registry.Nonsense", "MethodNotFound", "method", "io.reeve.Registry.Nonsense"},
      {"io.reeve.Registry.reserve", "MethodNotFound", "method", "io.reeve.Registry.reserve"},
      {"io.reeve.Registry.", "MethodNotFound", "method", "io.reeve.Registry."},
      {"org.varlink.service.Reserve", "MethodNotFound", "method", "org.varlink.service.Reserve"},
      {"io.reeve.Nonsense.Reserve", "InterfaceNotFound", "interface", "io.reeve.Nonsense"},
      {"io.reeve.registry.Reserve", "InterfaceNotFound", "interface", "io.reeve.registry"},
      {"io.reeve.Registry.Reserve.", "InterfaceNotFound", "interface", "io.reeve.Registry.Reserve"},
      {"Reserve", "InterfaceNotFound", "interface", ""},
      {".", "InterfaceNotFound", "interface", ""},
      {"..", "InterfaceNotFound", "interface", "."},
      {"\"\\\n\x1B", "InterfaceNotFound", "interface", ""},
  };
  const auto before = snapshot();
  RawClient client(world_);
  for (const auto& each : cases) {
    SCOPED_TRACE(each.method);
    const auto reply = client.ask("{\"method\":" + in_quotes(each.method) + "}");
    EXPECT_EQ(reply.error, std::string("org.varlink.service.") + each.error) << reply;
    EXPECT_EQ(reply.member(each.member), each.value);
    expect_unchanged(before);
  }
}

TEST_F(BadInput, FlagsThatDoNotFitAreRefused) {
  const auto before = snapshot();
  RawClient client(world_);
  auto reply = client.ask(R"({"method":"org.varlink.service.GetInfo","upgrade":true})");
  EXPECT_EQ(reply.error, invalid_parameter) << reply;
  EXPECT_EQ(reply.member("parameter"), "upgrade");
  reply = client.ask(call_of("Subscribe", "{}"));
  EXPECT_EQ(reply.error, "org.varlink.service.ExpectedMore") << reply;
  // Who wants no answer gets none, not even about what is wrong.
  ASSERT_TRUE(client.send_message(R"({"method":"io.reeve.Nonsense","oneway":true})"));
  ASSERT_TRUE(client.send_message(call_of("ListRuns", "{}", R"(,"oneway":true,"more":true)")));
  EXPECT_EQ(client.ask(get_info).member("product"), "reeved");
  expect_unchanged(before);
}

// ---- parameters of a wrong kind, for every member of every method, from the description

struct ParameterCase {
  std::string method;
  std::string parameters;
  std::string parameter;  // that the answer names, or what its name begins with
};

std::vector<std::string> wrong_values(const schema::Type& type) {
  switch (type.kind) {
    case schema::Kind::optional:
      return wrong_values(*type.element);
    case schema::Kind::boolean:
      return {"1", "\"true\"", "[]", "{}"};
    case schema::Kind::integer:
    case schema::Kind::microseconds:
    case schema::Kind::descriptor:
      return {"\"1\"", "1.5", "true", "[]", "{}", "9223372036854775808"};
    case schema::Kind::string:
      return {"1", "true", "[]", "{}"};
    case schema::Kind::list:
      return {"1", "\"text\"", "{}", "[1]", "[null]"};
    case schema::Kind::string_map:
      return {"1", "\"text\"", "[]", R"({"key":1})", R"({"key":null})"};
    case schema::Kind::enumeration:
      return {"1", "\"nonsense\"", "\"\"", "[]", "{}"};
    case schema::Kind::structure:
      break;
  }
  return {"1", "\"text\"", "[]", R"({"nonsense":1})"};
}

std::string right_value(const schema::Type& type) {
  return type.kind == schema::Kind::list ? R"(["true"])" : "\"SIGTERM\"";
}

// What the method cannot do without, but for `left_out`: with a comma at the end.
std::string required_members(const api::Method& method, std::string_view left_out) {
  std::string members;
  for (const auto& member : method.input->members)
    if (!member.type->is_optional() && member.name != left_out)
      members += in_quotes(member.name) + ":" + right_value(*member.type) + ",";
  return members;
}

void add_cases(const api::Method& method, std::vector<ParameterCase>& cases) {
  const std::string name(method.name);
  cases.push_back({name, "{" + required_members(method, "") + "\"nonsense\":1}", "nonsense"});
  for (const auto& member : method.input->members) {
    const auto others = required_members(method, member.name);
    const auto give = [&](const std::string& value) {
      cases.push_back({name, "{" + others + in_quotes(member.name) + ":" + value + "}",
                       std::string(member.name)});
    };
    for (const auto& value : wrong_values(*member.type))
      give(value);
    if (member.type->is_optional()) {
      give("null," + in_quotes(member.name) + ":null");  // twice
    } else {
      give("null");
      auto without = others.empty() ? others : others.substr(0, others.size() - 1);
      cases.push_back({name, "{" + without + "}", std::string(member.name)});
    }
  }
}

std::vector<ParameterCase> all_cases() {
  std::vector<ParameterCase> cases;
  for (const auto& method : api::find_interface(api::Registry::name)->methods)
    add_cases(method, cases);
  return cases;
}

TEST_F(BadInput, EveryParameterOfAWrongKindIsRefusedByName) {
  world_.reserve(run_, "SIGTERM");  // what the otherwise complete calls would hit
  const auto cases = all_cases();
  ASSERT_GT(cases.size(), 200U);
  const auto before = snapshot();
  RawClient client(world_);
  for (const auto& each : cases) {
    SCOPED_TRACE(each.method + " " + each.parameters);
    const auto reply = client.ask(call_of(each.method, each.parameters, R"(,"more":true)"));
    EXPECT_EQ(reply.error, invalid_parameter) << reply;
    const auto named = reply.member("parameter");
    EXPECT_EQ(named.substr(0, named.find_first_of(".[")), each.parameter) << reply;
    EXPECT_FALSE(reply.member("reason").empty());
    expect_unchanged(before);
    if (HasFailure()) break;
  }
}

// ---- values that will not do

TEST_F(BadInput, NamesThatCannotBeShownOrStoredAreRefused) {
  const std::vector<std::pair<const char*, std::string>> cases{
      {"empty", R"("")"},
      {"a slash", R"("a/b")"},
      {"only a slash", R"("/")"},
      {"a way out", R"("../../run")"},
      {"an escaped slash", R"("a\u002fb")"},
      {"NUL", R"("a\u0000b")"},
      {"newline", R"("a\nb")"},
      {"escape", R"("\u001b[2J")"},
      {"delete", R"("a\u007fb")"},
      {"C1: next line", R"("a\u0085b")"},
      {"C1: control sequence introducer", R"("a\u009b2J")"},
      {"C1 as UTF-8", "\"a\xC2\x9B\""},
      {"right-to-left override", R"("a\u202eb")"},
      {"left-to-right embedding", R"("a\u202ab")"},
      {"isolate", R"("a\u2066b")"},
      {"line separator", R"("a\u2028b")"},
      {"byte order mark", R"("\ufeffa")"},
      {"1025 bytes", in_quotes(std::string(1025, 'n'))},
      {"10,000 bytes", in_quotes(std::string(10'000, 'n'))},
  };
  world_.reserve(run_, "worker");
  auto process = Child::sleeper();
  const auto home = control_group_of(process.pid());
  const auto pid = "\"process\":{\"pid\":" + std::to_string(process.pid()) + "}";
  const auto before = snapshot();
  RawClient client(world_);
  for (const auto& [what, name] : cases) {
    const std::vector<std::string> calls{
        call_of("Reserve", "{" + run_member() + ",\"worker\":" + name + "}"),
        call_of("Activate", "{" + run_member() + ",\"worker\":" + name + "," + pid + "}"),
        call_of("Register", "{" + run_member() + ",\"worker\":" + name + "," + pid + "}"),
        call_of("OpenRun", "{\"owner\":{\"pid\":" + std::to_string(process.pid()) +
                               "},\"name\":" + name + "}"),
    };
    for (const auto& call : calls) {
      SCOPED_TRACE(what + (": " + call.substr(0, 200)));
      const auto reply = client.ask(call);
      EXPECT_EQ(reply.error, registry_error("InvalidName")) << reply;
      EXPECT_FALSE(reply.member("reason").empty());
    }
    expect_unchanged(before);
  }
  EXPECT_EQ(control_group_of(process.pid()), home);
}

TEST_F(BadInput, UnusualNamesThatCanBeStoredAre) {
  const std::vector<std::string> names{".",
                                       "..",
                                       " ",
                                       "~2",
                                       "worker-a",
                                       "%41",
                                       "#0123456789abcdef",
                                       "cgroup.procs",
                                       "\xC3\xA4\xE6\x97\xA5\xF0\x9F\x90\x8D",
                                       "\"quoted\\",
                                       "$(reboot)",
                                       std::string(1024, '%'),
                                       std::string(1024, 'n')};
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    EXPECT_EQ(world_.reserve(run_, name).worker, name);
    EXPECT_EQ(world_.get(run_, name)->worker.worker, name);
  }
  EXPECT_EQ(world_.call<api::ListWorkers>({run_, {}, {}})->workers.size(), names.size());
  world_.restart();
  EXPECT_EQ(world_.call<api::ListWorkers>({run_, {}, {}})->workers.size(), names.size());
}

TEST_F(BadInput, TextsOverTheirLimitsAreRefused) {
  world_.reserve(run_, "worker");
  auto process = Child::sleeper();
  const auto home = control_group_of(process.pid());
  const auto pid = "\"process\":{\"pid\":" + std::to_string(process.pid()) + "}";
  const auto text = in_quotes(std::string(4097, 'x'));
  const auto metadata = "{\"key\":" + in_quotes(std::string(16384, 'x')) + "}";
  std::string many_keys = "{";
  for (int i = 0; i < 3000; ++i)
    many_keys += in_quotes(std::to_string(i)) + ":\"\",";
  many_keys.back() = '}';
  struct Case {
    std::string call;
    const char* limit;
    const char* maximum;
  };
  const auto on = [&](const char* method, const std::string& worker, const std::string& rest) {
    return call_of(method, "{" + run_member() + ",\"worker\":\"" + worker + "\"," + rest + "}");
  };
  const std::vector<Case> cases{
      {on("Reserve", "new", "\"fingerprint\":" + text), "fingerprintBytes", "4096"},
      {on("Reserve", "new", "\"metadata\":" + metadata), "metadataBytes", "16384"},
      {on("Reserve", "new", "\"metadata\":" + many_keys), "metadataBytes", "16384"},
      {on("Activate", "worker", pid + ",\"handle\":" + text), "handleBytes", "4096"},
      {on("Activate", "worker", pid + ",\"fingerprint\":" + text), "fingerprintBytes", "4096"},
      {on("Register", "new", pid + ",\"handle\":" + text), "handleBytes", "4096"},
      {on("Register", "new", pid + ",\"fingerprint\":" + text), "fingerprintBytes", "4096"},
      {on("Register", "new", pid + ",\"metadata\":" + metadata), "metadataBytes", "16384"},
      {call_of("OpenRun", "{\"owner\":{\"pid\":" + std::to_string(process.pid()) +
                              "},\"metadata\":" + metadata + "}"),
       "metadataBytes", "16384"},
  };
  const auto before = snapshot();
  RawClient client(world_);
  for (const auto& each : cases) {
    SCOPED_TRACE(each.call.substr(0, 200));
    const auto reply = client.ask(each.call);
    EXPECT_EQ(reply.error, registry_error("TooMany")) << reply;
    EXPECT_EQ(reply.member("limit"), each.limit);
    EXPECT_EQ(reply.member("maximum"), each.maximum);
    expect_unchanged(before);
  }
  EXPECT_EQ(control_group_of(process.pid()), home);
}

// In a record some bytes take six: what is not refused at the door must fit all the same.
TEST_F(BadInput, TheLongestTextsThatAreTakenAreKept) {
  int number = 0;
  for (const char byte : {'x', '"', '\x01'}) {
    SCOPED_TRACE(static_cast<int>(byte));
    auto process = Child::sleeper();
    api::Reserve::Input reservation;
    reservation.worker = std::to_string(++number) + std::string(1023, '"');
    reservation.run = run_;
    reservation.fingerprint = std::string(4096, byte);
    reservation.metadata = Metadata{{"key", std::string(16384 - 10, 'x')}};
    const auto reserved = world_.call<api::Reserve>(reservation);
    if (reserved.error == "TooMany") continue;
    ASSERT_TRUE(reserved) << reserved.error;
    api::Activate::Input activation;
    activation.worker = reservation.worker;
    activation.run = run_;
    activation.process = process.id();
    activation.handle = std::string(4096, byte);
    const auto activated = world_.call<api::Activate>(activation);
    if (activated.error == "TooMany") continue;
    ASSERT_TRUE(activated) << activated;
    process.kill();
    world_.await_reaped(run_, reservation.worker);
    world_.restart();
    const auto kept = world_.get(run_, reservation.worker);
    ASSERT_TRUE(kept) << kept;
    EXPECT_EQ(kept->worker.state, WorkerState::exited);
    EXPECT_EQ(kept->worker.handle, activation.handle);
    EXPECT_EQ(kept->worker.fingerprint, reservation.fingerprint);
    EXPECT_EQ(kept->worker.metadata, reservation.metadata);
  }
}

TEST_F(BadInput, DurationsOutOfRangeAreRefused) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", process);
  const auto on_worker = [&](const char* method, const char* worker, const char* parameter,
                             const std::string& value) {
    return call_of(method, "{" + run_member() + ",\"worker\":\"" + worker + "\",\"" + parameter +
                               "\":" + value + "}");
  };
  const auto before = snapshot();
  RawClient client(world_);
  for (const std::string value :
       {"-1", "-9223372036854775808", "9223372036854775807", "31536000000001"}) {
    const std::vector<std::pair<const char*, std::string>> calls{
        {"timeoutUSec", on_worker("Reserve", "new", "timeoutUSec", value)},
        {"graceUSec", on_worker("Stop", "worker", "graceUSec", value)},
        {"graceUSec", call_of("OpenRun", "{\"owner\":{\"pid\":" + std::to_string(process.pid()) +
                                             "},\"graceUSec\":" + value + "}")},
    };
    for (const auto& [parameter, call] : calls) {
      SCOPED_TRACE(call);
      const auto reply = client.ask(call);
      EXPECT_EQ(reply.error, invalid_parameter) << reply;
      EXPECT_EQ(reply.member("parameter"), parameter);
      expect_unchanged(before);
    }
  }
  EXPECT_TRUE(process.is_alive());
}

TEST_F(BadInput, SignalsThatAreNoneAreRefused) {
  auto process = Child::sleeper();
  world_.reserve(run_, "worker");
  world_.activate(run_, "worker", process);
  const auto before = snapshot();
  for (const char* name : {"", "0", "-9", "65", "99999999999", "SIG", "SIGNONSENSE", "sigterm",
                           "SIGRTMIN+99", "SIGRTMIN+-1", "SIGTERM ", "9 ", "SIGSIGTERM"}) {
    SCOPED_TRACE(name);
    const auto answer = world_.call<api::Signal>({"worker", name, run_, {}});
    EXPECT_EQ(answer.error, "InvalidParameter") << answer;
    EXPECT_TRUE(answer.mentions(R"("parameter":"signal")"));
    expect_unchanged(before);
  }
  EXPECT_TRUE(process.is_alive());
}

TEST_F(BadInput, RunsThatAreNoneAreRefused) {
  world_.reserve(run_, "worker");
  const auto before = snapshot();
  for (const std::string& name :
       {std::string(), std::string("nonsense"), run_ + "0", " " + run_, "run-" + run_,
        std::string("../") + run_, std::string(1, '\0'), std::string(100'000, '0')}) {
    SCOPED_TRACE(name.substr(0, 50));
    EXPECT_EQ(world_.call<api::GetRun>({name}).error, "NoSuchRun");
    EXPECT_EQ(world_.call<api::CloseRun>({name, {}}).error, "NoSuchRun");
    EXPECT_EQ(world_.call<api::EnterRun>({name}).error, "NoSuchRun");
    EXPECT_EQ(world_.call<api::Stop>({"worker", name, {}}).error, "NoSuchRun");
    EXPECT_EQ(world_.call<api::ListWorkers>({name, {}, {}}).error, "NoSuchRun");
    EXPECT_EQ(world_.call<api::GetStatistics>({name}).error, "NoSuchRun");
    EXPECT_EQ(world_.call<api::CleanupDeadWorkers>({name}).error, "NoSuchRun");
    expect_unchanged(before);
  }
  const auto kept = world_.call<api::CloseRun>({run_, OwnerExitPolicy::keep});
  EXPECT_EQ(kept.error, "InvalidParameter") << kept;
  expect_unchanged(before);
}

// ---- processes that cannot be workers

// A process that runs a second thread, and that thread's id.
class Threaded {
 public:
  Threaded() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const FileDescriptor reader(ends[0]);
    const FileDescriptor writer(ends[1]);
    process_ = Child::run([&] {
      std::thread([&] {
        const pid_t id = ::gettid();
        (void)!::write(writer.get(), &id, sizeof id);
        for (;;)
          ::pause();
      }).join();
      return 0;
    });
    EXPECT_EQ(::read(reader.get(), &thread_, sizeof thread_), static_cast<ssize_t>(sizeof thread_));
  }
  [[nodiscard]] pid_t thread() const { return thread_; }

 private:
  Child process_;
  pid_t thread_ = 0;
};

class BadProcess : public BadInput {
 protected:
  struct Case {
    std::string name;
    std::string process;  // members, with a comma before
    std::vector<int> descriptors;
    std::string error;   // without its interface
    std::string member;  // of the error's parameters
    std::string value;   // of that member, or what it contains
  };

  static std::string process_member(std::int64_t pid, const std::string& more = {}) {
    return ",\"process\":{\"pid\":" + std::to_string(pid) + more + "}";
  }

  // By Activate of a reservation, by Register, and, where a run could be opened for it, by OpenRun.
  void expect_refused(const std::vector<Case>& cases, const std::vector<pid_t>& bystanders) {
    world_.reserve(run_, "reserved");
    const auto places = [&] {
      std::string all;
      for (const pid_t pid : bystanders)
        all += std::to_string(pid) + " " + control_group_of(pid) + "\n";
      return all;
    };
    const auto before = snapshot();
    const auto places_before = places();
    RawClient client(world_);
    for (const auto& each : cases)
      for (const auto& [method, worker] :
           {std::pair{"Activate", "reserved"}, {"Register", "new"}}) {
        SCOPED_TRACE(each.name + ", " + method);
        const auto reply = client.ask(call_of(method, "{" + run_member() + ",\"worker\":\"" +
                                                          worker + "\"" + each.process + "}"),
                                      each.descriptors);
        EXPECT_EQ(reply.error.substr(reply.error.rfind('.') + 1), each.error) << reply;
        if (!each.member.empty()) {
          EXPECT_NE(reply.member(each.member).find(each.value), std::string::npos) << reply;
        }
        expect_unchanged(before);
        EXPECT_EQ(places(), places_before);
      }
    EXPECT_TRUE(world_.daemon_is_alive());
  }
};

TEST_F(BadProcess, OnesThatAreGoneOrNeverWere) {
  auto dead = Child::sleeper();
  const auto dead_pid = dead.pid();
  const FileDescriptor dead_pidfd(::dup(dead.pidfd()));
  dead.kill();
  auto zombie = Child::sleeper();
  zombie.kill_unreaped();
  const Threaded threaded;
  auto living = Child::sleeper();
  expect_refused(
      {
          {"dead",
           process_member(dead_pid),
           {},
           "NoSuchProcess",
           "process",
           std::to_string(dead_pid)},
          {"a dead one's pidfd",
           ",\"processFileDescriptor\":0",
           {dead_pidfd.get()},
           "NoSuchProcess",
           "",
           ""},
          {"a zombie",
           process_member(zombie.pid()),
           {},
           "NoSuchProcess",
           "process",
           std::to_string(zombie.pid())},
          {"a zombie's pidfd",
           ",\"processFileDescriptor\":0",
           {zombie.pidfd()},
           "NoSuchProcess",
           "process",
           std::to_string(zombie.pid())},
          {"a thread that leads no process",
           process_member(threaded.thread()),
           {},
           "NoSuchProcess",
           "process",
           std::to_string(threaded.thread())},
          {"a pid beyond all",
           process_member(std::numeric_limits<int>::max()),
           {},
           "NoSuchProcess",
           "",
           ""},
          {"pid 0", process_member(0), {}, "InvalidParameter", "parameter", "process.pid"},
          {"pid -1", process_member(-1), {}, "InvalidParameter", "parameter", "process.pid"},
          {"a negative pid",
           process_member(-living.pid()),
           {},
           "InvalidParameter",
           "parameter",
           "process.pid"},
          {"2^31", process_member(1LL << 31), {}, "InvalidParameter", "parameter", "process.pid"},
          {"2^32 + a pid",
           process_member((1LL << 32) + living.pid()),
           {},
           "InvalidParameter",
           "parameter",
           "process.pid"},
          {"2^63 - 1",
           process_member(std::numeric_limits<std::int64_t>::max()),
           {},
           "InvalidParameter",
           "parameter",
           "process.pid"},
          {"-2^63",
           process_member(std::numeric_limits<std::int64_t>::min()),
           {},
           "InvalidParameter",
           "parameter",
           "process.pid"},
      },
      {living.pid(), zombie.pid(), owner_.pid()});
}

TEST_F(BadProcess, OnesThatAreNotWhomTheCallerMeans) {
  auto living = Child::sleeper();
  auto other = Child::sleeper();
  const FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const FileDescriptor directory(::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto boot = world_.call<api::GetRun>({run_})->run.owner.boot_id.value_or("");
  ASSERT_EQ(boot.size(), 32U);
  auto other_boot = boot;
  other_boot[0] = other_boot[0] == '0' ? '1' : '0';
  const auto descriptor = [](std::int64_t index) {
    return ",\"processFileDescriptor\":" + std::to_string(index);
  };
  expect_refused(
      {
          {"neither process nor pidfd", "", {}, "InvalidParameter", "parameter", "process"},
          {"a wrong pidfdId",
           process_member(living.pid(), ",\"pidfdId\":1"),
           {},
           "ProcessMismatch",
           "reason",
           "pidfdId"},
          {"a negative pidfdId",
           process_member(living.pid(), ",\"pidfdId\":-1"),
           {},
           "ProcessMismatch",
           "reason",
           "pidfdId"},
          {"a wrong startTime",
           process_member(living.pid(), ",\"startTime\":1"),
           {},
           "ProcessMismatch",
           "reason",
           "startTime"},
          {"another boot",
           process_member(living.pid(), ",\"bootId\":\"" + other_boot + "\""),
           {},
           "ProcessMismatch",
           "reason",
           "bootId"},
          {"no boot",
           process_member(living.pid(), ",\"bootId\":\"\""),
           {},
           "ProcessMismatch",
           "reason",
           "bootId"},
          {"no descriptor",
           descriptor(0),
           {},
           "InvalidParameter",
           "parameter",
           "processFileDescriptor"},
          {"an index beyond",
           descriptor(1),
           {living.pidfd()},
           "InvalidParameter",
           "parameter",
           "processFileDescriptor"},
          {"a negative index",
           descriptor(-1),
           {living.pidfd()},
           "InvalidParameter",
           "parameter",
           "processFileDescriptor"},
          {"a huge index",
           descriptor(1LL << 62),
           {living.pidfd()},
           "InvalidParameter",
           "parameter",
           "processFileDescriptor"},
          {"a device",
           descriptor(0),
           {null.get()},
           "InvalidParameter",
           "parameter",
           "processFileDescriptor"},
          {"a directory of /proc",
           descriptor(0),
           {directory.get()},
           "InvalidParameter",
           "parameter",
           "processFileDescriptor"},
          {"process and pidfd of two",
           process_member(living.pid()) + descriptor(0),
           {other.pidfd()},
           "ProcessMismatch",
           "reason",
           "two processes"},
      },
      {living.pid(), other.pid(), owner_.pid()});
}

TEST_F(BadProcess, OnesThatMustNotBeMoved) {
  std::vector<Case> cases{
      {"PID 1", process_member(1), {}, "ProcessMismatch", "reason", "PID 1"},
      {"reeved itself",
       process_member(world_.daemon_pid()),
       {},
       "ProcessMismatch",
       "reason",
       "reeved itself"},
      {"the owner", process_member(owner_.pid()), {}, "ProcessMismatch", "reason", "the owner"},
      {"the owner's pidfd",
       ",\"processFileDescriptor\":0",
       {owner_.pidfd()},
       "ProcessMismatch",
       "reason",
       "the owner"},
      {"an ancestor of reeved",
       process_member(::getpid()),
       {},
       "ProcessMismatch",
       "reason",
       "ancestor"},
  };
  if (read_file("/proc/2/comm") == "kthreadd\n")  // not inside of a PID namespace
    cases.push_back(
        {"a kernel thread", process_member(2), {}, "ProcessMismatch", "reason", "kernel thread"});
  expect_refused(cases, {1, world_.daemon_pid(), owner_.pid(), ::getpid(), 2});
}

TEST_F(BadProcess, AnAncestorOfTheOwner) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const FileDescriptor reader(ends[0]);
  const FileDescriptor writer(ends[1]);
  auto parent = Child::run([&] {
    const pid_t child = ::fork();
    if (child != 0) (void)!::write(writer.get(), &child, sizeof child);
    for (;;)
      ::pause();
    return 0;
  });
  pid_t child = 0;
  ASSERT_EQ(::read(reader.get(), &child, sizeof child), static_cast<ssize_t>(sizeof child));
  api::OpenRun::Input input;
  input.owner = ProcessId{child, {}, {}};
  const auto opened = world_.call<api::OpenRun>(input);
  ASSERT_TRUE(opened) << opened;
  run_ = opened->run.run;
  expect_refused({{"its parent",
                   process_member(parent.pid()),
                   {},
                   "ProcessMismatch",
                   "reason",
                   "ancestor of the run's owner"}},
                 {parent.pid(), child});
  ::kill(child, SIGKILL);
}

TEST_F(BadProcess, OnesThatBelongToSomebodyAlready) {
  auto other_owner = Child::sleeper();
  auto foreign = Child::sleeper();
  auto active = Child::sleeper();
  const auto other_run = world_.open_run(other_owner);
  world_.reserve(other_run, "foreign");
  world_.activate(other_run, "foreign", foreign);
  world_.reserve(run_, "active");
  world_.activate(run_, "active", active);
  const auto inside = world_.reserve(other_run, "born");
  auto born = Child::born_in(world_.directory_of(inside.control_group), [] { return ::pause(); });
  expect_refused(
      {
          {"a worker of another run",
           process_member(foreign.pid()),
           {},
           "ProcessInOtherRun",
           "run",
           other_run},
          {"its pidfd",
           ",\"processFileDescriptor\":0",
           {foreign.pidfd()},
           "ProcessInOtherRun",
           "run",
           other_run},
          {"one born in another run",
           process_member(born.pid()),
           {},
           "ProcessInOtherRun",
           "run",
           other_run},
          {"an active worker",
           process_member(active.pid()),
           {},
           "AlreadyActive",
           "worker",
           "active"},
          {"its pidfd",
           ",\"processFileDescriptor\":0",
           {active.pidfd()},
           "AlreadyActive",
           "worker",
           "active"},
      },
      {foreign.pid(), active.pid(), born.pid()});
}

TEST_F(BadProcess, ThatCannotOwnARun) {
  auto zombie = Child::sleeper();
  zombie.kill_unreaped();
  auto dead = Child::sleeper();
  const auto dead_pid = dead.pid();
  dead.kill();
  const Threaded threaded;
  struct OwnerCase {
    const char* name;
    std::int64_t pid;
    const char* error;
  };
  std::vector<OwnerCase> cases{{"dead", dead_pid, "NoSuchProcess"},
                               {"a zombie", zombie.pid(), "NoSuchProcess"},
                               {"a thread", threaded.thread(), "NoSuchProcess"},
                               {"pid 0", 0, "InvalidParameter"},
                               {"pid -1", -1, "InvalidParameter"},
                               {"2^31", 1LL << 31, "InvalidParameter"}};
  if (read_file("/proc/2/comm") == "kthreadd\n")
    cases.push_back({"a kernel thread", 2, "ProcessMismatch"});
  const auto before = snapshot();
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    api::OpenRun::Input input;
    input.owner = ProcessId{each.pid, {}, {}};
    const auto answer = world_.call<api::OpenRun>(input);
    EXPECT_EQ(answer.error, each.error) << answer;
    expect_unchanged(before);
  }
}

// ---- clients that come and go as they like

class Vanishing : public BadInput {
 protected:
  Child process_ = Child::sleeper();
  void SetUp() override {
    world_.reserve(run_, "active");
    world_.activate(run_, "active", process_);
  }
  [[nodiscard]] std::string on_active(const char* method, const std::string& more = {},
                                      const std::string& flags = {}) const {
    return call_of(method, "{\"worker\":\"active\"," + run_member() + more + "}", flags);
  }
};

TEST_F(Vanishing, InTheMiddleOfAMessageOrACallChangesNothing) {
  const auto before = snapshot();
  const auto descriptors = settled_descriptors();
  const auto reservation = call_of("Reserve", "{\"worker\":\"new\"," + run_member() + "}");
  const std::vector<std::pair<const char*, std::string>> cases{
      {"nothing sent", ""},
      {"one byte", "{"},
      {"all but the NUL", reservation},
      {"a call and half of another", get_info + '\0' + reservation},
      {"waiting", on_active("Wait") + '\0'},
      {"waiting, with calls behind it",
       on_active("Wait") + '\0' + get_info + '\0' + get_info + '\0'},
      {"subscribed", call_of("Subscribe", "{}", R"(,"more":true)") + '\0'},
      {"subscribed to a run",
       call_of("Subscribe", "{" + run_member() + "}", R"(,"more":true)") + '\0'},
      {"listing", call_of("ListEntries", "{}") + '\0'},
  };
  for (const auto& [name, bytes] : cases) {
    SCOPED_TRACE(name);
    const std::array passed{process_.pidfd()};
    for (int i = 0; i < 8; ++i) {
      RawClient client(world_);
      if (!bytes.empty()) (void)client.send(bytes, passed);
    }
    expect_unchanged(before);
    expect_descriptors(descriptors);
  }
  process_.kill();
  EXPECT_TRUE(world_.await_state(run_, "active", WorkerState::exited));
}

TEST_F(Vanishing, WhileStoppingLeavesTheStopUnderWay) {
  process_ = Child::run([] {
    ::signal(SIGTERM, SIG_IGN);
    return ::pause();
  });
  ASSERT_TRUE(eventually([&] {
    return read_file("/proc/" + std::to_string(process_.pid()) + "/status")
               .find("SigIgn:\t0000000000004") != std::string::npos;
  }));
  world_.reserve(run_, "stubborn");
  world_.activate(run_, "stubborn", process_);
  const auto descriptors = settled_descriptors();
  {
    RawClient client(world_);
    ASSERT_TRUE(client.send_message(call_of(
        "Stop", "{\"worker\":\"stubborn\",\"graceUSec\":3600000000," + run_member() + "}")));
    ASSERT_TRUE(world_.await_state(run_, "stubborn", WorkerState::stopping));
  }
  expect_descriptors(descriptors);
  EXPECT_TRUE(process_.is_alive());
  EXPECT_EQ(world_.get(run_, "stubborn")->worker.state, WorkerState::stopping);
  EXPECT_TRUE(world_.call<api::Stop>({"stubborn", run_, Microseconds(0)}));
  EXPECT_FALSE(process_.is_alive());
}

TEST_F(Vanishing, HalfwayStillGetsItsAnswers) {
  RawClient simple(world_);
  ASSERT_TRUE(simple.send_message(get_info));
  ASSERT_TRUE(simple.send_message(call_of("CountEntries", "{}")));
  simple.shut_down_sending();
  EXPECT_EQ(simple.receive().member("product"), "reeved");
  EXPECT_EQ(simple.receive().member("count"), "2");
  EXPECT_TRUE(simple.receive().ended);

  // Also the answer to a call that takes its time, and to those behind it.
  RawClient waiting(world_);
  ASSERT_TRUE(waiting.send_message(on_active("Wait")));
  ASSERT_TRUE(waiting.send_message(get_info));
  waiting.shut_down_sending();
  EXPECT_EQ(RawClient(world_).ask(get_info).error, "");  // it has seen the end by now, or will
  process_.kill();
  EXPECT_NE(waiting.receive().member("worker").find("\"exited\""), std::string::npos);
  EXPECT_EQ(waiting.receive().member("product"), "reeved");
  EXPECT_TRUE(waiting.receive().ended);

  // Half a message is none.
  RawClient half(world_);
  ASSERT_TRUE(half.send(get_info));
  half.shut_down_sending();
  EXPECT_TRUE(half.receive().ended);
}

TEST_F(Vanishing, FirstHalfwayAndThenForGoodIsNoticedAtOnce) {
  const auto descriptors = settled_descriptors();
  {
    RawClient client(world_);
    ASSERT_TRUE(client.send_message(on_active("Wait")));
    client.shut_down_sending();
    EXPECT_EQ(RawClient(world_).ask(get_info).error, "");
  }
  expect_descriptors(descriptors);
  EXPECT_TRUE(process_.is_alive());  // the call has not ended: it was given up
}

TEST_F(Vanishing, AfterOnewayCallsDoesNotUndoThem) {
  auto second = Child::sleeper();
  {
    RawClient client(world_);
    for (const char* name : {"a", "b", "c"})
      ASSERT_TRUE(client.send_message(
          call_of("Reserve", "{\"worker\":\"" + std::string(name) + "\"," + run_member() + "}",
                  R"(,"oneway":true)")));
    const std::array passed{second.pidfd()};
    ASSERT_TRUE(client.send_message(
        call_of("Activate", "{\"worker\":\"b\",\"processFileDescriptor\":0," + run_member() + "}",
                R"(,"oneway":true)"),
        passed));
    ASSERT_TRUE(client.send_message(
        call_of("Unregister", "{\"worker\":\"c\"," + run_member() + "}", R"(,"oneway":true)")));
    ASSERT_TRUE(client.send_message(on_active("Stop", "", R"(,"oneway":true)")));
  }
  EXPECT_TRUE(world_.await_state(run_, "active", WorkerState::exited));  // the last of them
  EXPECT_EQ(world_.get(run_, "a")->worker.state, WorkerState::reserved);
  EXPECT_EQ(world_.get(run_, "b")->worker.process->pid, second.pid());
  EXPECT_EQ(world_.get(run_, "c").error, "NoSuchWorker");
}

TEST_F(Vanishing, PipelinedCallsAreAnsweredInOrder) {
  RawClient client(world_);
  constexpr int count = 300;
  std::string all;
  for (int i = 0; i < count; ++i) {
    const auto name = "w" + std::to_string(i);
    all += call_of("GetWorker", "{\"worker\":\"" + name + "\"," + run_member() + "}") + '\0';
    // One that is not answered at once among those that are.
    if (i % 50 == 0)
      all += call_of("Reserve", "{\"worker\":\"" + name + "\"," + run_member() + "}") + '\0';
  }
  all += on_active("Stop") + '\0' + get_info + '\0';
  auto sender = std::thread([&] { EXPECT_TRUE(client.send(all)); });
  for (int i = 0; i < count; ++i) {
    const auto name = "w" + std::to_string(i);
    EXPECT_EQ(client.receive().member("worker"), name);
    if (i % 50 == 0) {
      EXPECT_NE(client.receive().member("worker").find("\"" + name + "\""), std::string::npos);
    }
  }
  EXPECT_NE(client.receive().member("worker").find("\"exited\""), std::string::npos);
  EXPECT_EQ(client.receive().member("product"), "reeved");
  sender.join();
}

TEST_F(Vanishing, ManyConnectionsLeaveNoDescriptorBehind) {
  const auto descriptors = settled_descriptors();
  for (int i = 0; i < 100; ++i) {
    const RawClient client(world_);
  }
  {
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(std::make_unique<RawClient>(world_));
      EXPECT_EQ(clients.back()->ask(get_info).error, "");
    }
  }
  expect_descriptors(descriptors);
}

// ---- descriptors that come along

class PassedDescriptors : public Vanishing {};

TEST_F(PassedDescriptors, TooManyAreRefusedAndClosed) {
  const auto before = snapshot();
  const auto descriptors = settled_descriptors();
  for (const std::size_t count : {17U, 100U, 253U}) {
    SCOPED_TRACE(count);
    RawClient client(world_);
    const auto reply = client.ask(get_info, std::vector<int>(count, process_.pidfd()));
    EXPECT_EQ(reply.error, registry_error("TooMany")) << reply;
    EXPECT_EQ(reply.member("limit"), "descriptorsPerMessage");
    EXPECT_EQ(reply.member("maximum"), "16");
    EXPECT_TRUE(client.receive().ended);
    expect_descriptors(descriptors);
  }
  expect_unchanged(before);
}

// The limit is the message's, in however many pieces it comes.
TEST_F(PassedDescriptors, TooManyInPiecesAreRefusedAndClosed) {
  const auto descriptors = settled_descriptors();
  {
    RawClient client(world_);
    const std::vector<int> passed(16, process_.pidfd());
    for (const char byte : get_info + '\0')
      if (!client.send({&byte, 1}, passed)) break;
    const auto reply = client.receive();
    EXPECT_EQ(reply.error, registry_error("TooMany")) << reply;
    EXPECT_EQ(reply.member("limit"), "descriptorsPerMessage");
  }
  expect_descriptors(descriptors);
}

TEST_F(PassedDescriptors, OnesThatNobodyTakesAreClosed) {
  RawClient client(world_);
  EXPECT_EQ(client.ask(get_info).error, "");
  const auto descriptors = settled_descriptors(1);
  const std::vector<int> passed(16, process_.pidfd());
  EXPECT_EQ(client.ask(get_info, passed).error, "");
  EXPECT_EQ(client.ask(R"({"method":"io.reeve.Registry.Nonsense"})", passed).error,
            "org.varlink.service.MethodNotFound");
  EXPECT_EQ(client.ask(call_of("Reserve", R"({"worker":1})"), passed).error, invalid_parameter);
  EXPECT_EQ(client.ask(on_active("GetWorker"), passed).error, "");
  expect_descriptors(descriptors);
}

TEST_F(PassedDescriptors, BelongToTheMessageTheyCameWith) {
  auto first = Child::sleeper();
  auto second = Child::sleeper();
  auto third = Child::sleeper();
  for (const char* name : {"first", "second", "third"})
    world_.reserve(run_, name);
  const auto activation = [&](const char* name, const std::string& process,
                              std::size_t padding = 0) {
    return call_of("Activate", "{\"worker\":\"" + std::string(name) + "\"," + run_member() +
                                   std::string(padding, ' ') + process + "}");
  };
  RawClient client(world_);
  // By pid, and longer than what is read at once; then two by pidfd.
  const std::array second_pidfd{second.pidfd()};
  const std::array third_pidfd{third.pidfd()};
  auto sender = std::thread([&] {
    EXPECT_TRUE(client.send_message(activation(
        "first", ",\"process\":{\"pid\":" + std::to_string(first.pid()) + "}", 300'000)));
    EXPECT_TRUE(
        client.send_message(activation("second", ",\"processFileDescriptor\":0"), second_pidfd));
    EXPECT_TRUE(client.send_message(activation("third", ",\"processFileDescriptor\":0", 300'000),
                                    third_pidfd));
    EXPECT_TRUE(client.send_message(activation("first", ",\"processFileDescriptor\":0")));
  });
  for (const auto* process : {&first, &second, &third}) {
    const auto reply = client.receive();
    EXPECT_EQ(reply.error, "") << reply;
    EXPECT_NE(reply.member("worker").find("\"pid\":" + std::to_string(process->pid())),
              std::string::npos)
        << reply;
  }
  EXPECT_NE(client.receive().error, "");  // nothing came with the last
  sender.join();
}

// ---- a subscriber that does not read

class SlowSubscriber : public BadInput {
 protected:
  // Each makes two events.
  void make_and_withdraw(int reservations) {
    RawClient client(world_);
    constexpr int at_once = 50;
    for (int done = 0; done < reservations; done += at_once) {
      for (int i = 0; i < at_once; ++i) {
        const auto worker = "{\"worker\":\"w\"," + run_member() + "}";
        ASSERT_TRUE(client.send_message(call_of("Reserve", worker, R"(,"oneway":true)")));
        ASSERT_TRUE(client.send_message(call_of("Unregister", worker, R"(,"oneway":true)")));
      }
      ASSERT_EQ(client.ask(get_info).error, "");
    }
  }
};

TEST_F(SlowSubscriber, IsToldOfTheGapAndBlocksNobody) {
  make_and_withdraw(2200);  // the log of events is full now
  const auto before = resident_bytes_of_daemon();
  RawClient slow(world_);
  ASSERT_TRUE(slow.send_message(call_of("Subscribe", "{}", R"(,"more":true)")));
  EXPECT_NE(slow.receive().member("event").find("runOpened"), std::string::npos);
  Follower quick(world_, run_);
  make_and_withdraw(4500);
  EXPECT_LT(resident_bytes_of_daemon(), before + 8U * 1024 * 1024);

  // Others have missed nothing.
  ASSERT_EQ(quick.next().kind, EventKind::run_opened);
  const auto event_in = [](const RawReply& reply) {
    json::Parser parser;
    api::Subscribe::Output output;
    const auto parsed = parser.parse(reply.parameters);
    EXPECT_TRUE(parsed.ok() && json::decode(*parsed, output, json::UnknownMembers::refused))
        << reply;
    return output.event;
  };
  auto event = event_in(slow.receive());
  int gaps = 0;
  int after_gap = 0;
  world_.reserve(run_, "last");
  while (!(event.worker && event.worker->worker == "last") && !HasFailure()) {
    const auto next = event_in(slow.receive());
    if (next.kind == EventKind::gap) {
      ++gaps;
      ASSERT_TRUE(next.missed);
      EXPECT_EQ(next.sequence, event.sequence + *next.missed);
      EXPECT_GT(*next.missed, 0);
    } else {
      EXPECT_EQ(next.sequence, event.sequence + 1);
      if (gaps > 0) ++after_gap;
    }
    event = next;
  }
  EXPECT_EQ(gaps, 1);
  EXPECT_GE(after_gap, 4000);
}

}  // namespace
}  // namespace reeve::test
