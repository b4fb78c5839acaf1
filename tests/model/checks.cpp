// Everything that can be asked, asked and compared.
#include <fmt/core.h>
#include <unistd.h>

#include "model/play.hpp"

namespace reeve::model {

// What may still change is asked for until it is as it must be.
template <class Method>
void Play::query(const typename Method::Input& input, const Expected& expected) {
  const std::string name(Method::name);
  std::string said;
  await(
      [&] {
        ask_->send(name, json::encoded(input));
        const auto reply = next_reply(*ask_, name);
        try {
          auto wanted = expected;
          compare(reply, wanted, [](const std::string& parameters, Expected& output) {
            compare_output<Method>(parameters, output, {});
          });
          return true;
        } catch (const Difference& difference) {
          said = difference.what();
          return false;
        }
      },
      [&] { return name + " of all\n" + said; });
}

void Play::check_quickly() {
  if (!model.is_down) query<api::GetStatistics>({}, model.get_statistics({}));
}

void Play::check_all() {
  check_places();
  if (model.is_down) return;
  query<api::ListRuns>({}, model.list_runs());
  query<api::ListWorkers>({}, model.list_workers({}));
  query<api::ListProcesses>({{}, true}, model.list_processes(Step().set("all", "1")));
  query<api::ValidateWorkers>({}, model.validate_workers({}));
  if (has_litter_) return;
  query<api::ListEntries>({}, model.list_entries());
  query<api::CountEntries>({}, model.count_entries());
}

// Where each process is, as the kernel says.
void Play::check_places() const {
  for (const auto& [key, process] : model.processes) {
    if (key == 0 || !process.is_alive) continue;
    const auto place = process.place;
    const auto actual = troupe.control_group_of(key);
    const auto expected = place.in_service  ? model.service + "/main"
                          : place.run == 0  ? test::control_group_of(::getpid())
                          : place.leaf == 0 ? model.control_group_of(place.run) + "/entered"
                                            : leaves_.at(place.leaf);
    if (actual != expected)
      throw Difference(
          fmt::format("process={} is in {} and should be in {}", key, actual, expected));
  }
}

}  // namespace reeve::model
