#include "registry/live_worker.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "base/text.hpp"
#include "registry/live_run.hpp"
#include "registry/names.hpp"

namespace reeve::registry {

namespace {

constexpr Microseconds exited_kept_for{3'600'000'000};
// rmdir(2) of a cgroup takes what clone(2) into another waits for: whoever takes its place comes
// first.
constexpr Microseconds removal_delay{3'000};
constexpr Microseconds removal_retry{100'000};
constexpr Microseconds retry_after{1'000'000};

// Whom a token belongs to.
enum class Awaited : std::uint64_t { exit, emptiness, reaping };
constexpr std::uint64_t awaited_kinds = 3;
std::uint64_t token_of(Awaited awaited, std::uint64_t token) {
  return token * awaited_kinds + static_cast<std::uint64_t>(awaited);
}

}  // namespace

LiveWorker::LiveWorker(const Surroundings& surroundings, LiveRun& run, std::string directory,
                       WorkerRecord record)
    : surroundings_(surroundings),
      run_(run),
      directory_(std::move(directory)),
      record_(std::move(record)) {}

LiveWorker::~LiveWorker() {
  for (const auto& key : {spawning_, collecting_})
    if (key) surroundings_.spawner.forget(*key);
  const auto ended = run_.is_closing() ? api::failure(api::RunClosing{run_.id()})
                                       : api::failure(api::NoSuchWorker{run_.id(), name()});
  for (const auto& then : std::exchange(when_settled_, {}))
    then();
  if (creation_answer_) creation_answer_(ended);
  if (activation_answer_) activation_answer_(ended);
  exit_waiters_.answer(ended);
  empty_waiters_.answer(ended);
  reaping_waiters_.answer(ended);
  if (freezing_) freezing_->give_up(ended);
}

std::string LiveWorker::path() const {
  return run_.directory().path() + "/" + directory_;
}

Result<cgroup::Directory> LiveWorker::open_directory() const {
  return run_.directory().open_child(directory_);
}

WorkerState LiveWorker::state() const {
  if (record_.exit) return WorkerState::exited;
  // Whatever becomes of a reservation, no process was ever bound to it.
  if (!record_.activated_at) return WorkerState::reserved;
  return state_of(record_.phase);
}

reeve::Worker LiveWorker::described(WithUsage usage) const {
  reeve::Worker worker;
  worker.run = run_.id();
  worker.worker = record_.name;
  worker.state = state();
  // A process on its way in is not the worker's yet.
  if (record_.process && record_.phase != WorkerPhase::activating)
    worker.process = process_id(*record_.process);
  worker.handle = record_.handle;
  worker.fingerprint = record_.fingerprint;
  worker.control_group = path();
  worker.reserved_at = record_.reserved_at;
  worker.activated_at = record_.activated_at;
  if (record_.exit) worker.exit = exit();
  worker.usage = record_.usage;
  worker.limits = record_.limits;
  worker.metadata = record_.metadata;
  if (frozen_ && !worker.exit) worker.frozen = true;
  worker.status_text = record_.status_text;
  if (usage == WithUsage::current && !worker.usage)
    if (const auto directory = open_directory()) worker.usage = directory->usage();
  return worker;
}

// ---- what the lifecycle asks for

void LiveWorker::apply(WorkerEvent event) {
  const auto [phase, actions] = step(record_.phase, event);
  record_.phase = phase;
  if (const auto performed = perform(actions); !performed)
    log::warning("worker {} of run {}: {}", name(), run_.id(), performed.error().message());
}

// The record first: an acknowledgement follows the kernel's.
Status LiveWorker::request(WorkerEvent event) {
  const auto before = record_.phase;
  const auto [phase, actions] = step(before, event);
  record_.phase = phase;
  if (actions.has(WorkerAction::write_record))
    if (auto written = write_record(); !written) {
      record_.phase = before;
      return written;
    }
  return perform(actions.without(WorkerAction::write_record));
}

// Where somebody has removed the cgroup, the record has gone with it: nothing is left to survive.
Status LiveWorker::take_leave(WorkerEvent event) {
  auto taken = request(event);
  if (taken.ok() || !taken.error_is(ENOENT)) return taken;
  apply(event);
  return Done{};
}

Status LiveWorker::perform(WorkerActions actions) {
  using enum WorkerAction;
  Status written = Done{};
  auto& events = surroundings_.events;
  if (actions.has(disarm_timer)) timer_.disarm();
  if (actions.has(record_exit)) this->record_exit();
  if (actions.has(record_usage))
    if (const auto directory = open_directory()) record_.usage = directory->usage();
  if (actions.has(write_record)) written = this->write_record();
  if (actions.has(watch_process)) this->watch_process();
  if (actions.has(announce_reserved)) events.announce(EventKind::reserved, run_.id(), described());
  if (actions.has(announce_activated)) {
    ++surroundings_.totals.activated;
    events.announce(EventKind::activated, run_.id(), described());
  }
  if (actions.has(announce_exited)) {
    ++surroundings_.totals.exited;
    events.announce(EventKind::exited, run_.id(), described());
    if (record_.exit->reaped)
      events.announce(EventKind::reaped, run_.id(), described());
    else
      watch_reaping();
  }
  if (actions.has(announce_expired))
    events.announce(EventKind::reservation_expired, run_.id(), described());
  if (actions.has(announce_unregistered))
    events.announce(EventKind::unregistered, run_.id(), described());
  if (actions.has(unlist)) run_.unlist(*this);
  if (actions.has(signal_process) && process_) {
    thaw_to_be_heard();
    const auto number = record_.stop_signal ? signal_number(*record_.stop_signal) : std::nullopt;
    if (const auto sent = process_.signal(number.value_or(SIGTERM));
        !sent && sent.error().number != ESRCH)
      log::warning("{}", sent.error().message());
  }
  if (actions.has(arm_expiry))
    timer_ = surroundings_.loop.at(record_.expires_at, [this] { apply(WorkerEvent::expired); });
  if (actions.has(arm_grace))
    timer_ = surroundings_.loop.at(*record_.kill_at, [this] { apply(WorkerEvent::grace_over); });
  if (actions.has(arm_age) && !run_.is_configured())
    timer_ = surroundings_.loop.at(record_.exit->at.monotonic + exited_kept_for,
                                   [this] { apply(WorkerEvent::expired); });
  if (actions.has(kill_tree)) this->kill_tree();
  if (actions.has(answer_exit)) exit_waiters_.answer(described());
  if (actions.has(answer_empty)) empty_waiters_.answer(described());
  if (actions.has(remove_directory)) this->remove_directory();
  if (actions.has(forget)) run_.forget(*this);
  return written;
}

Status LiveWorker::write_record() const {
  const auto directory = open_directory();
  return directory.ok() ? write_record(*directory) : Status(directory.error());
}

Status LiveWorker::write_record(const cgroup::Directory& directory) const {
  auto record = record_;
  // `creating` is what a crash finds without a record.
  if (record.phase == WorkerPhase::creating)
    record.phase = program_ ? WorkerPhase::spawning : WorkerPhase::reserved;
  return directory.write_record(json::encoded(record));
}

void LiveWorker::kill_tree() {
  kill_process();
  if (!emptying_) {
    auto directory = open_directory();
    if (!directory) {
      // Removed by somebody's hand: nothing can be in it. Otherwise it is tried again.
      const bool gone = directory.error().number == ENOENT;
      if (!gone) log::warning("{}; will try again", directory.error().message());
      soon_ = surroundings_.loop.after(gone ? Microseconds{0} : retry_after, [this, gone] {
        apply(gone ? WorkerEvent::emptied : WorkerEvent::still_populated);
      });
      return;
    }
    emptying_ = std::make_unique<Emptying>(
        surroundings_.loop, surroundings_.mount, std::move(*directory),
        [this](Emptying::News news) {
          if (news == Emptying::News::stuck) {
            if (!std::exchange(stuck_, true))
              log::tell(log::Level::warning, log::topic::tree_stuck, {run_.id(), name()},
                        "cgroup {} cannot be emptied: a process is stuck in the kernel; trying on",
                        path());
            return apply(WorkerEvent::still_populated);
          }
          stuck_ = false;
          emptying_.reset();
          apply(WorkerEvent::emptied);
        });
  }
  emptying_->kill();
}

void LiveWorker::kill_process() const {
  // On its way in, it is not yet known to be one that the caller had a right to.
  if (activation_ || !process_ || !process_.is_alive()) return;
  if (const auto sent = process_.signal(SIGKILL); !sent && sent.error().number != ESRCH)
    log::warning("{}", sent.error().message());
}

void LiveWorker::remove_directory() {
  soon_ = surroundings_.loop.after(removal_delay, [this] { remove_directory_now(); });
}

void LiveWorker::remove_directory_now() {
  removal_ = std::make_unique<Removal>(
      surroundings_.loop, run_.directory(), directory_, [this](int result) {
        removal_.reset();
        if (result == -EBUSY || result == -ENOTEMPTY) {
          soon_ = surroundings_.loop.after(removal_retry,
                                           [this] { apply(WorkerEvent::removal_refused); });
          return;
        }
        if (result < 0)
          log::warning("cannot remove cgroup {}: {}; it goes with its run", path(),
                       errno_name(-result));
        apply(WorkerEvent::removed);
      });
}

// ---- the process

void LiveWorker::watch_process() {
  run_.bind_process(process_.pid(), *this);
  process_watch_ =
      surroundings_.loop.poll(process_.pidfd(), POLLIN, [this](int) { notice_death(); });
}

void LiveWorker::notice_death() {
  if (surroundings_.before_death) surroundings_.before_death();
  if (record_.exit || !process_ || process_.is_alive() || is_dying_) return;
  process_watch_.retire();
  is_dying_ = true;
  if (const auto handler = std::exchange(when_dead_, nullptr)) {
    makes_way_ = true;
    handler();
    makes_way_ = false;
  }
  run_.after_birth_of(name(), [this] { learn_of_end(); });
}

void LiveWorker::learn_of_end() {
  if (!is_child_of_spawner_) return death_noticed();
  // Asking the spawner takes longer than all else that has to be done before another can start.
  const auto status = process_.status_of_zombie();
  if (!status) return reap([this] { death_noticed(); });
  process_.was_reaped(*status);
  death_noticed();
}

void LiveWorker::death_noticed() {
  is_dying_ = false;
  run_.release_process(process_.pid(), *this);
  apply(WorkerEvent::process_exited);
  if (is_child_of_spawner_) reap([this] { run_.settle(); });
  run_.settle();
}

void LiveWorker::reap(std::function<void()> then) {
  is_child_of_spawner_ = false;
  collecting_ = surroundings_.spawner.reap(
      process_, [this, then = std::move(then)](std::optional<int> wait_status) {
        collecting_.reset();
        if (wait_status) process_.was_reaped({*wait_status});
        then();
      });
}

void LiveWorker::notice_end_of_run() {
  notice_death();
  empty_waiters_.answer(described());
}

void LiveWorker::record_exit() {
  // Read before the directory goes.
  if (const auto directory = open_directory()) record_.usage = directory->usage();
  record_.exit = exit_as_of_now();
}

std::optional<Exit> LiveWorker::exit() const {
  if (!record_.exit) return is_dying_ ? std::optional(exit_as_of_now()) : std::nullopt;
  auto exit = *record_.exit;
  if (!exit.reaped) complete(exit);
  return exit;
}

Exit LiveWorker::exit_as_of_now() const {
  Exit exit;
  exit.at = now();
  complete(exit);
  return exit;
}

void LiveWorker::complete(Exit& exit) const {
  // Asked first: what is reaped by then has its status.
  const bool is_reaped = !process_.is_unreaped();
  auto status = process_ ? process_.exit_status() : std::nullopt;
  if (!status && is_child_of_spawner_) status = process_.status_of_zombie();
  exit.reaped = is_reaped || status;
  if (!status) return;
  const int code = status->wait_status;
  if (WIFEXITED(code)) {
    exit.cause = ExitCause::exited;
    exit.code = WEXITSTATUS(code);
    return;
  }
  const bool out_of_memory = record_.usage && record_.usage->out_of_memory_kills.value_or(0) > 0;
  exit.signal = signal_name(WTERMSIG(code));
  exit.cause = WCOREDUMP(code)                              ? ExitCause::dumped
               : out_of_memory && WTERMSIG(code) == SIGKILL ? ExitCause::oom_killed
                                                            : ExitCause::signaled;
}

void LiveWorker::watch_reaping() {
  reaping_ = std::make_unique<Reaping>(surroundings_.loop, process_, [this] { process_reaped(); });
}

void LiveWorker::process_reaped() {
  reaping_.reset();
  complete(*record_.exit);
  if (phase() == WorkerPhase::emptying || phase() == WorkerPhase::exited)
    if (const auto written = write_record(); !written)
      log::warning("{}", written.error().message());
  surroundings_.events.announce(EventKind::reaped, run_.id(), described());
  reaping_waiters_.answer(described());
}

Status LiveWorker::signal(int number, bool whole_tree) const {
  if (!whole_tree) return process_.signal(number);
  auto directory = open_directory();
  if (!directory) return directory.error();
  signal_tree(*directory, surroundings_.mount, number);
  return Done{};
}

void LiveWorker::want(Freezing::State state, Answer<Done> answer) {
  if (!freezing_)
    freezing_ = std::make_unique<Freezing>(surroundings_.loop, [this] { return open_directory(); });
  freezing_->want(state, [this, state, answer = std::move(answer)](const auto& outcome) {
    if (outcome.ok()) frozen_ = state == Freezing::State::frozen;
    answer(outcome);
  });
}

void LiveWorker::thaw_to_be_heard() {
  if (!frozen_ && !(freezing_ && freezing_->wants_frozen())) return;
  thaw([path = path()](const api::Outcome<Done>& thawed) {
    if (!thawed.ok() && api::is<api::SystemFailed>(thawed.error()))
      log::warning("cgroup {} was to be thawed and is not: {}", path, thawed.error().parameters);
  });
}

Waiters<reeve::Worker>::Token LiveWorker::stop(Microseconds grace, Answer<reeve::Worker> answer) {
  const auto kill_at = monotonic_now() + grace;
  record_.kill_at = std::min(record_.kill_at.value_or(kill_at), kill_at);
  const auto token = empty_waiters_.add(std::move(answer));
  const bool is_asked_again = phase() == WorkerPhase::stopping;
  apply(WorkerEvent::stop);
  if (is_asked_again) thaw_to_be_heard();
  return token_of(Awaited::emptiness, token);
}

void LiveWorker::take_status_text(std::string text) {
  if (text.empty())
    record_.status_text.reset();
  else
    record_.status_text = std::move(text);
  if (const auto written = write_record(); !written) log::warning("{}", written.error().message());
}

Status LiveWorker::take_main_process(process::Process process) {
  if (phase() != WorkerPhase::active || process.identity().same_as(process_.identity()))
    return Done{};
  const auto where = process.control_group();
  if (!where) return where.error();
  if (!cgroup::is_within(surroundings_.mount.below(*where), path()))
    return Error{EXDEV, "process " + std::to_string(process.pid()), "take as main process"};
  auto record = record_;
  record.process = recorded(process.identity());
  std::swap(record, record_);
  if (auto written = write_record(); !written) {
    std::swap(record, record_);
    return written;
  }
  run_.release_process(process_.pid(), *this);
  if (std::exchange(is_child_of_spawner_, false))
    surroundings_.spawner.collect(std::move(process_));
  process_ = std::move(process);
  watch_process();
  return Done{};
}

void LiveWorker::extend_grace(Microseconds until) {
  if (phase() != WorkerPhase::stopping || !record_.kill_at || *record_.kill_at >= until) return;
  record_.kill_at = until;
  apply(WorkerEvent::stop);
}

Waiters<reeve::Worker>::Token LiveWorker::wait(Answer<reeve::Worker> answer) {
  return token_of(Awaited::exit, exit_waiters_.add(std::move(answer)));
}

Waiters<reeve::Worker>::Token LiveWorker::await_emptiness(Answer<reeve::Worker> answer) {
  return token_of(Awaited::emptiness, empty_waiters_.add(std::move(answer)));
}

Waiters<reeve::Worker>::Token LiveWorker::await_reaping(Answer<reeve::Worker> answer) {
  return token_of(Awaited::reaping, reaping_waiters_.add(std::move(answer)));
}

void LiveWorker::forget_waiter(Waiters<reeve::Worker>::Token token) {
  switch (static_cast<Awaited>(token % awaited_kinds)) {
    case Awaited::exit:
      return exit_waiters_.remove(token / awaited_kinds);
    case Awaited::emptiness:
      return empty_waiters_.remove(token / awaited_kinds);
    case Awaited::reaping:
      return reaping_waiters_.remove(token / awaited_kinds);
  }
}

bool LiveWorker::is_populated() const {
  const auto directory = open_directory();
  if (!directory) return directory.error().number != ENOENT;
  const auto populated = directory->is_populated();
  return !populated.ok() || *populated;
}

Status LiveWorker::write_note(const std::string& name, const std::string& note) const {
  const auto directory = open_directory();
  return directory.ok() ? directory->write_note(name, note) : Status(directory.error());
}

Result<Notes> LiveWorker::notes() const {
  const auto directory = open_directory();
  return directory.ok() ? directory->notes() : Result<Notes>(directory.error());
}

}  // namespace reeve::registry
