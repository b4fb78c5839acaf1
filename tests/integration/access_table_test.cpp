// Every cell of the table in access_table.hpp, tried on a real reeved by a real process.
#include "integration/access_table.hpp"

#include <fcntl.h>
#include <poll.h>

#include <cstdlib>
#include <map>
#include <memory>

namespace reeve::test {
namespace {

// ---- one cell of it

using Call = std::function<std::string()>;

struct Case {
  std::string name;
  Place place;
  CallerKind caller;
  Whose whose;
  ProcessOf process;
  std::string expected;
  // The call, with all that it needs made; it is made in the caller's process.
  std::function<Call(Stage&, const Child& process)> prepare;
};
void PrintTo(const Case& each, std::ostream* out) {
  *out << each.name;
}

template <class Method>
std::string ask(const World& world, const typename Method::Input& input,
                const std::vector<int>& descriptors) {
  auto client = world.connect();
  if constexpr (RequiresMore<Method>) {
    std::string error = "(no answer)";
    (void)client.call_more(api::full_name<Method>(), json::encoded(input),
                           [&](const varlink::Reply& reply) {
                             error = reply.error.substr(reply.error.rfind('.') + 1);
                             return false;
                           });
    return error.empty() ? "success" : error;
  } else {
    return outcome(call_on<Method>(client, input, descriptors));
  }
}

bool may(const Rule& rule, Place place, CallerKind caller, Whose whose) {
  const bool on_alices = whose == Whose::alices;
  if (place == Place::alices)
    return rule.where_alice_serves.at(static_cast<std::size_t>(caller)) == 'y';
  const auto cells = place != Place::roots_with_private_runs
                         ? (on_alices ? rule.on_alices : rule.on_bobs)
                         : (on_alices ? rule.privately_on_alices : rule.privately_on_bobs);
  return cells.at(static_cast<std::size_t>(caller)) == 'y';
}

std::string name_of(CallerKind caller) {
  switch (caller) {
    case CallerKind::root:
      return "Root";
    case CallerKind::alice:
      return "Alice";
    case CallerKind::alice_inside:
      return "AliceInsideHerRun";
    case CallerKind::alices_worker:
      return "AWorkerOfAlice";
    case CallerKind::strangers_worker_of_alice:
      return "AStrangersWorkerOfAlice";
    case CallerKind::bob:
      return "Bob";
    case CallerKind::stranger:
      return "AStranger";
  }
  return {};
}

std::string name_of(ProcessOf process) {
  switch (process) {
    case ProcessOf::nobody:
      return "";
    case ProcessOf::caller:
      return "WithAProcessOfTheirOwn";
    case ProcessOf::root:
      return "WithAProcessOfRoot";
    case ProcessOf::third:
      return "WithAProcessOfAnother";
  }
  return {};
}

std::string name_of(Place place) {
  switch (place) {
    case Place::roots:
      return "";
    case Place::roots_with_private_runs:
      return "WhereRunsArePrivate";
    case Place::alices:
      return "WhereAliceServes";
  }
  return {};
}

template <class Line>
void add_cases(std::vector<Case>& cases, const Line& line) {
  using Method = typename Line::Of;
  const auto add = [&](Place place, CallerKind caller, Whose whose, ProcessOf process) {
    const bool others = process == ProcessOf::root || process == ProcessOf::third;
    const bool permitted =
        may(line.rule, place, caller, whose) && (caller == CallerKind::root || !others);
    Case each;
    each.name = name_of(caller) + (permitted ? "May" : "MayNot") + std::string(Method::name) +
                std::string(line.variant);
    if (Line::names_run) each.name += whose == Whose::alices ? "OnAlicesRun" : "OnBobsRun";
    each.name += name_of(process) + name_of(place);
    each.place = place;
    each.caller = caller;
    each.whose = whose;
    each.process = process;
    const bool unseen = Line::names_run && !may(looks_at_a_run, place, caller, whose);
    each.expected = permitted ? "success" : unseen ? "NoSuchRun" : "PermissionDenied";
    each.prepare = [line](Stage& stage, const Child& given) -> Call {
      typename Method::Input input;
      if constexpr (Line::names_process)
        line.fill_in(stage, input, given);
      else
        line.fill_in(stage, input);
      return [input, &stage] { return ask<Method>(stage.world(), input, stage.descriptors()); };
    };
    cases.push_back(std::move(each));
  };
  for (const auto caller : callers)
    for (const auto whose : {Whose::alices, Whose::bobs}) {
      if (!Line::names_run && whose == Whose::bobs) continue;
      if constexpr (Line::names_process) {
        for (const auto process : {ProcessOf::caller, ProcessOf::root, ProcessOf::third})
          if (caller != CallerKind::root || process != ProcessOf::root)
            add(Place::roots, caller, whose, process);
      } else {
        add(Place::roots, caller, whose, ProcessOf::nobody);
        add(Place::roots_with_private_runs, caller, whose, ProcessOf::nobody);
        if (whose == Whose::alices && caller != CallerKind::bob &&
            caller != CallerKind::alices_worker && caller != CallerKind::strangers_worker_of_alice)
          add(Place::alices, caller, whose, ProcessOf::nobody);
      }
    }
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  std::apply([&](const auto&... each) { (add_cases(cases, each), ...); }, table);
  return cases;
}

// ---- the executor

// A process that makes one call when it is told to, tells the answer and stays.
class Caller {
 public:
  Caller(const User& user, std::optional<std::string> run_to_enter, Stage& stage, Call call) {
    std::array<int, 2> answer{};
    std::array<int, 2> go{};
    if (::pipe2(answer.data(), O_CLOEXEC) < 0 || ::pipe2(go.data(), O_CLOEXEC) < 0) std::abort();
    answer_ = FileDescriptor(answer[0]);
    FileDescriptor writer(answer[1]);
    const FileDescriptor told(go[0]);
    go_ = FileDescriptor(go[1]);
    process_ = Child::run([&] {
      become_user(user);
      if (run_to_enter && !stage.world().call<api::EnterRun>({run_to_enter})) return 1;
      tell(writer, "ready");
      char byte;
      if (::read(told.get(), &byte, 1) != 1) return 1;
      tell(writer, call());
      return ::pause();
    });
    writer.reset();
    EXPECT_EQ(read_line(), "ready");
  }

  [[nodiscard]] const Child& process() const { return process_; }
  // Empty if the caller ended in the call.
  std::string make_call() {
    (void)!::write(go_.get(), "x", 1);
    return read_line();
  }

 private:
  static void tell(const FileDescriptor& writer, const std::string& text) {
    const auto line = text + "\n";
    (void)!::write(writer.get(), line.data(), line.size());
  }
  std::string read_line() {
    std::string line;
    for (;;) {
      pollfd entry{answer_.get(), POLLIN, 0};
      if (::poll(&entry, 1, 1000 * static_cast<int>(patience.count())) != 1) return "(no answer)";
      char byte;
      if (::read(answer_.get(), &byte, 1) != 1) return {};
      if (byte == '\n') return line;
      line += byte;
    }
  }

  FileDescriptor answer_;
  FileDescriptor go_;
  Child process_;
};

const User& user_of(CallerKind caller) {
  static const User root{0};
  switch (caller) {
    case CallerKind::root:
      return root;
    case CallerKind::alice:
    case CallerKind::alice_inside:
    case CallerKind::alices_worker:
      return people::alice;
    case CallerKind::bob:
      return people::bob;
    case CallerKind::strangers_worker_of_alice:
    case CallerKind::stranger:
      return people::stranger;
  }
  return people::stranger;
}

class AccessTable : public ::testing::TestWithParam<Case> {
 protected:
  static void TearDownTestSuite() { worlds.clear(); }

  // Made once for all cases of that place: each leaves it empty.
  static World& world_at(Place place) {
    auto& world = worlds[place];
    if (world) return *world;
    world = std::make_unique<World>(World::Daemon::not_started);
    if (place == Place::alices) {
      world->configure("");
      world->delegate_to(people::alice.id);
      EXPECT_TRUE(world->try_start([](const auto& daemon) {
        become_user(people::alice);
        return daemon();
      }));
      return *world;
    }
    world->configure("[access]\nopen-runs-users = [\"" + std::to_string(people::alice.id) +
                     "\"]\nopen-runs-groups = [\"" + std::to_string(people::bob.groups.front()) +
                     "\"]\n" + (place == Place::roots ? "" : "query = \"own\"\n"));
    world->start();
    return *world;
  }

  static std::string snapshot(World& world) {
    return world.call<api::ListEntries>({}).parameters + world.call<api::ListRuns>({}).parameters;
  }

 private:
  static inline std::map<Place, std::unique_ptr<World>> worlds;
};

TEST_P(AccessTable, Says) {
  const auto& [name, place, kind, whose, process_of, expected, prepare] = GetParam();
  World& world = world_at(place);
  {
    Stage stage(world, whose);
    std::optional<Stage> alices;
    if (whose != Whose::alices) alices.emplace(world, Whose::alices);
    const auto& home = alices ? alices->run() : stage.run();
    const auto& user = user_of(kind);
    const auto process = sleeper_of(process_of == ProcessOf::root    ? 0
                                    : process_of == ProcessOf::third ? people::third.id
                                                                     : user.id);
    const bool inside = kind == CallerKind::alice_inside;
    Caller caller(user, inside ? std::optional(home) : std::nullopt, stage,
                  prepare(stage, process));
    if (kind == CallerKind::alices_worker || kind == CallerKind::strangers_worker_of_alice) {
      world.reserve(home, "caller");
      world.activate(home, "caller", caller.process());
    }
    const auto before = snapshot(world);
    const auto origin = control_group_of(process.pid());
    const auto origin_of_caller = control_group_of(caller.process().pid());
    auto answer = caller.make_call();
    if (answer == "MethodNotImplemented") GTEST_SKIP() << "it is not offered yet";
    // Who closes the run it is in does not live to hear of it.
    if (answer.empty() &&
        eventually([&] { return world.call<api::GetRun>({home}).error == "NoSuchRun"; }))
      answer = "success";
    EXPECT_EQ(answer, expected);
    if (expected != "success") {
      EXPECT_EQ(snapshot(world), before);
      EXPECT_EQ(control_group_of(process.pid()), origin);
      EXPECT_EQ(control_group_of(caller.process().pid()), origin_of_caller);
    }
  }
  EXPECT_TRUE(eventually([&] { return world.root_is_empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Everybody, AccessTable, ::testing::ValuesIn(all_cases()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace reeve::test
