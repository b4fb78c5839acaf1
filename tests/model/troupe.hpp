// The processes of a sequence: light ones that do nothing until they are told to. Each holds an end
// of one socket and nothing else of the program's, so that its end tells when all are gone.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "reeve/types.hpp"

namespace reeve::model {

class Troupe {
 public:
  // What one of them says.
  struct Note {
    int token = 0;
    pid_t pid = 0;
  };
  // Of what differs in them.
  struct Role {
    bool ignores_term = false;
    uid_t user = 0;
    std::string born_in;  // the directory of a cgroup; the parent's cgroup if empty
    pid_t pid = 0;        // a free one that it is to have; any if 0
  };

  // `socket` is where they connect to.
  explicit Troupe(std::string socket);
  ~Troupe();  // kills and reaps them all

  // By this program. Fails if the kernel does not let it.
  std::optional<ProcessId> spawn(int key, const Role& role);
  // By one of them.
  ProcessId fork(int parent, int key, const Role& role);
  // By reeved: what it is to execute, with `mouth` as its input, and then to be made one of them.
  static std::vector<std::string> command(int key, const std::string& socket, bool ignores_term);
  [[nodiscard]] int mouth() const { return mouth_.get(); }
  void enlist(int key, pid_t pid);
  // A connection that belongs to that process: reeved takes it for the caller. 0 is this program.
  FileDescriptor connect(int key);
  void exit(int key, int code);
  void signal(int key, int number);

  [[nodiscard]] bool is_alive(int key) const;
  [[nodiscard]] bool await_death(int key) const;
  // The wait(2) status.
  int reap(int key);
  // Below the cgroup2 mount; empty once it is reaped.
  [[nodiscard]] std::string control_group_of(int key) const;
  [[nodiscard]] int pidfd(int key) const { return members_.at(key).pidfd.get(); }

  // Kills what is left. Whether then nobody is left who was started or forked here.
  bool dissolve();

 private:
  struct Member {
    pid_t pid = 0;
    FileDescriptor pidfd;
    bool is_reaped = false;
  };
  Note await_note(int token, FileDescriptor* passed = nullptr);
  ProcessId join(int key, pid_t pid, FileDescriptor pidfd);
  void tell(int key, int order, int value);
  [[noreturn]] void perform();

  std::string socket_;
  FileDescriptor ear_, mouth_;
  std::map<int, Member> members_;
};

}  // namespace reeve::model
