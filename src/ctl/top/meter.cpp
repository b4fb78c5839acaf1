#include "ctl/top/meter.hpp"

#include <fcntl.h>

#include "base/text.hpp"
#include "cgroup/directory.hpp"
#include "sys/calls.hpp"

namespace reeve::ctl::top {

void Measurement::remember() {
  processor_history.add(processor ? std::optional(processor->count()) : std::nullopt);
  memory_history.add(memory);
}

void Measurement::take(const Reading& reading, std::optional<Microseconds> since) {
  if (std::exchange(since_, since) != since) last_.reset();
  processor.reset();
  if (last_ && last_->processor && reading.processor && reading.at > last_->at) {
    const auto used = *reading.processor - *last_->processor;
    const std::chrono::duration<double> time = reading.at - last_->at;
    // A cgroup that was made anew begins with 0.
    if (used >= Microseconds{})
      processor =
          Microseconds(static_cast<std::int64_t>(static_cast<double>(used.count()) / time.count()));
  }
  memory = reading.memory;
  tasks = reading.tasks;
  last_ = reading;
  remember();
}

void Measurement::take_sum(const std::vector<Row>& rows) {
  processor.reset();
  memory.reset();
  tasks.reset();
  for (const auto& row : rows) {
    if (row.measured == nullptr) continue;
    processor = sum(processor, row.measured->processor);
    memory = sum(memory, row.measured->memory);
    tasks = sum(tasks, row.measured->tasks);
  }
  remember();
}

Reading Meter::read(const std::string& control_group, Controllers& controllers) const {
  Reading reading{monotonic_now()};
  if (control_group.empty()) return reading;
  const auto content = [&](const char* file) {
    return sys::read_file_at(AT_FDCWD, mount_.point + control_group + file);
  };
  const auto number = [&](const char* file, bool& may_be) -> std::optional<std::int64_t> {
    if (!may_be) return std::nullopt;
    const auto text = content(file);
    may_be = text.ok();
    return may_be ? parse_number<std::int64_t>(trim(*text)) : std::nullopt;
  };
  if (const auto processor = content("/cpu.stat"))
    if (const auto used = cgroup::flat_value(*processor, "usage_usec"))
      reading.processor.emplace(*used);
  reading.memory = number("/memory.current", controllers.memory);
  reading.tasks = number("/pids.current", controllers.tasks);
  return reading;
}

void Meter::measure(std::vector<Row>& rows) {
  ++round_;
  measure(rows, {});
  std::erase_if(measurements_, [this](const auto& each) { return each.second.round_ != round_; });
}

void Meter::measure(std::vector<Row>& rows, Controllers above) {
  for (auto& row : rows) {
    auto& measurement = measurements_[row.identity()];
    measurement.round_ = round_;
    row.measured = &measurement;  // which a rehash does not move
    auto controllers = above;
    if (row.kind == RowKind::pool) {
      measure(row.rows, above);
      measurement.take_sum(row.rows);
      continue;
    }
    measurement.take(read(row.control_group, controllers),
                     row.since ? std::optional(row.since->monotonic) : std::nullopt);
    measure(row.rows, controllers);
  }
}

}  // namespace reeve::ctl::top
