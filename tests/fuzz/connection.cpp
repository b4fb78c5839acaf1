// A client that sends anything, in any pieces, with any descriptors: the daemon lives, tells only
// what can be read, answers the next call, and is left with nothing. The bits of a chunk's order:
//
//   0-3   how many descriptors go with the chunk; 15 means more than one message may bring
//   4     the daemon has read all before what follows is sent
//   5     the client reads what was answered so far
//   6     the client shuts down its sending side
//   7     the daemon ends, another takes up what it left, and the client connects to that
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "arena.hpp"
#include "fuzz.hpp"
#include "json/value.hpp"
#include "sys/calls.hpp"

namespace reeve::fuzz {
namespace {

class Client {
 public:
  Client() : socket_(process_.connect()) {}

  void send(std::string_view bytes, unsigned descriptors) {
    const auto passed = some_descriptors(descriptors);
    // An empty chunk brings no descriptors; what does not fit is not sent.
    if (socket_ && !bytes.empty()) (void)sys::send_bytes(socket_.get(), bytes, passed);
  }

  void shut_down() { ::shutdown(socket_.get(), SHUT_WR); }

  void connect_again() {
    answers_.clear();
    socket_ = process_.connect();
  }

  void read_answers() {
    std::array<char, 65536> buffer;
    for (;;) {
      const auto length = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (length <= 0) break;
      answers_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    for (std::size_t end; (end = answers_.find('\0')) != std::string::npos;) {
      check(answers_.substr(0, end));
      answers_.erase(0, end + 1);
    }
  }

 private:
  // Processes that may become workers, and what is no process at all.
  std::vector<int> some_descriptors(unsigned count) {
    const std::array<int, 5> choice{workers_[0].pidfd(), workers_[1].pidfd(), null_.get(),
                                    socket_.get(), process_.pidfd()};
    std::vector<int> chosen;
    for (unsigned i = 0; i < (count == 15 ? 20 : count); ++i)
      chosen.push_back(choice[i % choice.size()]);
    return chosen;
  }

  static void check(const std::string& answer) {
    static json::Parser parser;
    const auto json = parser.parse(answer);
    require(json.ok(), "an answer is JSON");
    const auto members = json->members();
    require(members.has_value() && !members->empty(), "an answer is an object");
    for (const auto& [key, value] : *members)
      require(key == "parameters"  ? value.is_object()
              : key == "error"     ? value.string().has_value()
              : key == "continues" ? value.boolean().has_value()
                                   : false,
              "an answer has the members of a varlink reply");
  }

  Idler process_;
  std::array<Idler, 2> workers_;
  FileDescriptor null_{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  FileDescriptor socket_;
  std::string answers_;
};

constexpr std::size_t chunks_at_most = 48;
constexpr int restarts_at_most = 3;

void play(std::string_view stream) {
  auto chunks = chunks_of(stream);
  if (chunks.size() > chunks_at_most) chunks.resize(chunks_at_most);
  int restarts = 0;
  auto daemon = std::make_unique<Daemon>();
  {
    Client client;
    for (const auto& [bytes, order] : chunks) {
      client.send(bytes, order & 15U);
      if ((order & 16U) != 0) daemon->catch_up();
      if ((order & 32U) != 0) client.read_answers();
      if ((order & 64U) != 0) client.shut_down();
      if ((order & 128U) != 0 && restarts++ < restarts_at_most) {
        daemon.reset();
        daemon = std::make_unique<Daemon>();
        client.connect_again();
      }
    }
    daemon->catch_up();
    client.read_answers();
  }
  daemon->end_all_runs();
}

}  // namespace
}  // namespace reeve::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  reeve::fuzz::enter_arena();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto descriptors = fuzz::open_descriptors();
  fuzz::play(fuzz::text_of(data, size));
  fuzz::require(fuzz::descriptors_are_back(descriptors), "no descriptor is left open");
  return 0;
}
