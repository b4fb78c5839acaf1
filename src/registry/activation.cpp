#include "registry/activation.hpp"

#include <cerrno>
#include <iterator>

#include "base/log.hpp"
#include "registry/site.hpp"

namespace reeve::registry {

namespace {

// What a process forks after its move is inside, so that a few rounds find all, unless somebody
// else moves them out again as fast.
constexpr int rounds_at_most = 100;
// Each leaves a note on the cgroup while it is under way, and a cgroup holds 128 attributes.
constexpr std::ptrdiff_t moves_at_once = 64;

Error process_error(int number, const process::Process& process, const char* attempt) {
  return {number, "process " + std::to_string(process.pid()), attempt};
}

}  // namespace

Activation::Activation(loop::Loop& loop, const cgroup::Mount& mount, Place place,
                       cgroup::Directory leaf, const process::Process& process, Beginning beginning,
                       MayMove may_move, Handler handler)
    : loop_(loop),
      mount_(mount),
      place_(std::move(place)),
      leaf_(std::move(leaf)),
      process_(process),
      may_move_(std::move(may_move)),
      handler_(std::move(handler)) {
  const auto origin = process.control_group();
  const bool inside = origin.ok() && mount.below(*origin) == leaf_.path();
  soon_ = loop_.after(Microseconds{0}, [this, inside, beginning] {
    if (!inside) return scan(&Activation::move_main);
    if (beginning == Beginning::resumed) return scan(&Activation::move_descendants);
    // Born inside, and all it forks with it: nothing to move, nothing to look for.
    if (!process_.is_alive()) return finish(process_error(ESRCH, process_, "activate"));
    finish(Done{});
  });
}

void Activation::scan(void (Activation::*then)()) {
  if (!scan_) scan_ = std::make_unique<process::DescendantScan>(process_.pid());
  if (scan_->advance()) return (this->*then)();
  soon_ = loop_.after(Microseconds{0}, [this, then] { scan(then); });
}

bool Activation::is_left_alone(const process::Process& descendant) const {
  // A zombie stays where it died: the kernel passes over it, and it would be found for ever.
  if (!descendant.is_alive()) return true;
  const auto path = descendant.control_group();
  if (!path) return path.error().number == ESRCH;
  const auto below = mount_.below(*path);
  if (below == place_.entered) return false;
  const auto run = run_at(place_.root, below);
  return !run || *run;
}

Result<std::list<Activation::Moving>> Activation::descendants_outside() {
  const auto scan = std::exchange(scan_, nullptr);
  auto descendants = scan->take();
  if (!descendants) return descendants.error();
  std::list<Moving> outside;
  for (auto& descendant : *descendants)
    if (!is_left_alone(descendant)) outside.push_back({std::move(descendant), nullptr, {}});
  return outside;
}

void Activation::move_main() {
  const auto outside = descendants_outside();
  if (!outside) return finish(outside.error());
  for (const auto& descendant : *outside)
    if (!may_move_(descendant.process))
      return finish(process_error(EPERM, descendant.process, "move"));
  main_ = std::make_unique<Move>(loop_, mount_, leaf_, process_, Move::Where::into_registry,
                                 [this](Status status) {
                                   if (!status) return finish(std::move(status));
                                   scan(&Activation::move_descendants);
                                 });
}

void Activation::move_descendants() {
  auto found = descendants_outside();
  // While it lives the pid is its own, and so were the children that the scan found below it.
  if (!process_.is_alive()) return finish(process_error(ESRCH, process_, "activate"));
  if (!found) {
    failure_ = found.error();
    return move_back_next();
  }
  auto& outside = *found;
  if (outside.empty()) return finish(Done{});
  for (const auto& moving : outside)
    if (!may_move_(moving.process)) {
      failure_ = process_error(EPERM, moving.process, "move");
      return move_back_next();
    }
  // The rest is found again by the next scan.
  if (std::ssize(outside) > moves_at_once)
    outside.erase(std::next(outside.begin(), moves_at_once), outside.end());
  else if (++rounds_ > rounds_at_most) {
    failure_ = process_error(EBUSY, process_, "gather all descendants of");
    return move_back_next();
  }
  pending_ = outside.size();
  // All at once: 64 cold moves in one submit take what two take alone.
  for (auto& moving : outside)
    moving.move =
        std::make_unique<Move>(loop_, mount_, leaf_, moving.process, Move::Where::into_registry,
                               [this](const Status& status) { descendant_moved(status); });
  moved_.splice(moved_.end(), outside);
}

void Activation::descendant_moved(const Status& status) {
  if (!status && status.error().number != ESRCH && !failure_) failure_ = status.error();
  if (--pending_ > 0) return;
  if (failure_) return move_back_next();
  scan(&Activation::move_descendants);
}

void Activation::move_back_next() {
  const auto send_home = [this](const process::Process& process, const std::string& path,
                                std::optional<cgroup::Directory>& home) {
    auto directory = cgroup::Directory::open(mount_.point, path);
    if (!directory) return false;
    home.emplace(std::move(*directory));
    move_back_ = std::make_unique<Move>(
        loop_, mount_, *home, process, Move::Where::back, [this](const Status& status) {
          if (!status && status.error().number != ESRCH)
            log::warning("{}; it stays in the cgroup of its worker", status.error().message());
          move_back_next();
        });
    return true;
  };
  while (!moved_.empty()) {
    Moving& last = moved_.back();
    if (!last.home && send_home(last.process, last.move->origin(), last.home)) return;
    moved_.pop_back();
  }
  if (main_ && !main_home_ && send_home(process_, main_->origin(), main_home_)) return;
  finish(*failure_);
}

void Activation::finish(Status status) {
  const auto handler = std::move(handler_);
  handler(std::move(status));  // may destroy this
}

}  // namespace reeve::registry
