// How a worker comes about: reserved, then activated or spawned, or adopted after a restart.
#include <cerrno>

#include "base/log.hpp"
#include "base/test_hooks.hpp"
#include "cgroup/limits.hpp"
#include "registry/live_run.hpp"
#include "registry/live_worker.hpp"
#include "registry/names.hpp"

namespace reeve::registry {

namespace {

constexpr unsigned creation_attempts = 1000;

}  // namespace

// ---- creation

void LiveWorker::create(Notes notes, Answer<reeve::Worker> answer) {
  notes_ = std::move(notes);
  creation_answer_ = std::move(answer);
  auto prepared = run_.worker_directories().take_prepared(name());
  if (!prepared) return directory_made(-EEXIST, 0);
  directory_ = std::move(*prepared);
  directory_made(0, 0);
}

void LiveWorker::create_and_spawn(Notes notes, SpawnRequest request, Answer<reeve::Worker> answer) {
  program_ = std::move(request);
  create(std::move(notes), std::move(answer));
}

// A directory of that name may still be there: of an earlier worker, or cut short by a crash.
void LiveWorker::directory_made(int result, unsigned attempts) {
  if (result == -EEXIST && attempts < creation_attempts) {
    directory_ = run_.worker_directories().claim(name());
    making_ = surroundings_.loop.make_directory(
        run_.directory().shared_descriptor(), directory_,
        [this, attempts](int made) { directory_made(made, attempts + 1); });
    return;
  }
  if (result < 0) return creation_ended(api::system_failed(Error{-result, path(), "make cgroup"}));
  if (phase() != WorkerPhase::creating)
    return creation_ended(api::failure(api::RunClosing{run_.id()}));
  auto directory = open_directory();
  const auto failure =
      directory.ok() ? equip(*directory) : std::optional(api::system_failed(directory.error()));
  if (failure)
    (void)surroundings_.loop.remove_directory(run_.directory().shared_descriptor(), directory_,
                                              nullptr);
  else if (program_)
    order_program(std::move(*directory));
  // Later, as what its predecessor leaves is told first.
  soon_ = surroundings_.loop.after(Microseconds{0}, [this, failure] { creation_ended(failure); });
}

// The record last: a directory that has one has all that was asked for.
std::optional<api::Failure> LiveWorker::equip(const cgroup::Directory& directory) const {
  if (record_.limits) {
    const auto limited = cgroup::limit(directory, *record_.limits);
    if (!limited && limited.error().error.number == ENOENT)
      return api::failure(api::LimitUnavailable{std::string(limited.error().controller)});
    if (!limited) return api::system_failed(limited.error().error);
  }
  for (const auto& [name, note] : notes_)
    if (const auto noted = directory.write_note(name, note); !noted)
      return api::system_failed(noted.error());
  if (mistaken("answer-before-record")) return std::nullopt;
  const auto written = write_record(directory);
  return written.ok() ? std::nullopt : std::optional(api::system_failed(written.error()));
}

void LiveWorker::creation_ended(const std::optional<api::Failure>& failure) {
  soon_.disarm();
  const auto answer = std::exchange(creation_answer_, nullptr);
  run_.end_birth_of(name());
  if (spawning_) {
    activation_answer_ = answer;  // for spawn_ended()
    if (phase() == WorkerPhase::creating) {
      run_.list(*this);
      apply(WorkerEvent::spawn);
      record_.handle = std::move(program_->handle);  // a reservation has none
    }
    program_.reset();
    return;
  }
  if (phase() != WorkerPhase::creating) return answer(api::failure(api::RunClosing{run_.id()}));
  if (failure) {
    answer(*failure);
    return apply(WorkerEvent::creation_failed);
  }
  run_.list(*this);
  apply(WorkerEvent::created);
  answer(described());
}

// ---- activation

void LiveWorker::activate(ActivationRequest request, Answer<reeve::Worker> answer) {
  auto leaf = open_directory();
  if (!leaf) return answer(api::system_failed(leaf.error()));
  process_ = std::move(request.process);
  record_.process = recorded(process_.identity());
  run_.bind_process(process_.pid(), *this);
  record_.handle = std::move(request.handle);
  record_.reserved_fingerprint = record_.fingerprint;
  if (request.fingerprint) record_.fingerprint = std::move(request.fingerprint);
  activation_answer_ = std::move(answer);
  const auto [phase, actions] = step(record_.phase, WorkerEvent::activate);
  record_.phase = phase;
  // The record comes before the move: a crash between the two leaves a worker that recovery finds.
  const bool late = mistaken("record-after-move");
  const auto written = perform(late ? actions.without(WorkerAction::write_record) : actions);
  if (!written) return activation_ended(written);
  start_activation(std::move(*leaf), Activation::Beginning::fresh, std::move(request.may_move));
}

void LiveWorker::start_activation(cgroup::Directory leaf, Activation::Beginning beginning,
                                  Activation::MayMove may_move) {
  activation_ = std::make_unique<Activation>(
      surroundings_.loop, surroundings_.mount,
      Activation::Place{surroundings_.root,
                        run_.directory().path() + "/" + std::string(entered_directory)},
      std::move(leaf), process_, beginning, std::move(may_move), [this](const Status& status) {
        activation_.reset();
        activation_ended(status);
      });
}

void LiveWorker::activation_ended(const Status& status) {
  const auto answer = std::exchange(activation_answer_, nullptr);
  if (phase() == WorkerPhase::condemned) {
    // It may have come in after the run was killed, and the run waits for its end.
    if (status.ok()) {
      watch_process();
      run_.kill_again();
    } else {
      process_ = {};
      run_.settle();
    }
    if (answer) answer(api::failure(api::RunClosing{run_.id()}));
  } else if (status.ok()) {
    record_.activated_at = now();
    record_.reserved_fingerprint.reset();
    apply(WorkerEvent::activated);
    if (answer) answer(described());
  } else {
    const auto process = process_id(*record_.process);
    run_.release_process(static_cast<pid_t>(process.pid), *this);
    record_.process.reset();
    record_.handle.reset();
    record_.fingerprint = std::exchange(record_.reserved_fingerprint, {});
    process_ = {};
    apply(WorkerEvent::activation_failed);
    if (answer) answer(refusal_of_move(status.error(), process));
  }
  settle();
}

void LiveWorker::settle() {
  for (const auto& then : std::exchange(when_settled_, {}))
    then();
}

void LiveWorker::when_settled(std::function<void()> then) {
  if (!is_unsettled()) return then();
  when_settled_.push_back(std::move(then));
}

// ---- spawning

// What a crash leaves of it was never acknowledged, and is killed: the record says so by now.
void LiveWorker::order_program(cgroup::Directory directory) {
  spawning_ = surroundings_.spawner.start(
      std::move(program_->program), std::move(directory),
      [this](spawn::Spawner::Outcome outcome) { spawn_ended(std::move(outcome)); });
}

void LiveWorker::spawn_ended(spawn::Spawner::Outcome outcome) {
  if (creation_answer_) creation_ended(std::nullopt);
  spawning_.reset();
  const auto answer = std::exchange(activation_answer_, nullptr);
  const auto result = [&]() -> api::Outcome<reeve::Worker> {
    if (phase() == WorkerPhase::abandoned || phase() == WorkerPhase::removing) {
      // Its time was over, and it was killed before it could execute its program.
      if (outcome.ok()) surroundings_.spawner.collect(std::move(*outcome));
      outcome = spawn::SpawnFailure{spawn::Step::execute, ETIMEDOUT};
    }
    if (outcome.ok()) return take_up(std::move(*outcome));
    if (phase() == WorkerPhase::condemned) {
      run_.settle();
      return api::failure(api::RunClosing{run_.id()});
    }
    record_.handle.reset();
    apply(WorkerEvent::spawn_failed);
    const auto [step, number] = outcome.error();
    return api::failure(
        api::SpawnFailed{std::string(schema::name_of(step)), number, errno_name(number)});
  }();
  answer(result);
  settle();
}

api::Outcome<reeve::Worker> LiveWorker::take_up(process::Process process) {
  process_ = std::move(process);
  is_child_of_spawner_ = true;
  record_.process = recorded(process_.identity());
  if (phase() == WorkerPhase::condemned) {
    watch_process();
    run_.kill_again();
    return api::failure(api::RunClosing{run_.id()});
  }
  record_.activated_at = now();
  if (const auto written = request(WorkerEvent::spawned); !written) {
    surroundings_.spawner.collect(std::move(process_));
    is_child_of_spawner_ = false;
    record_.process.reset();
    record_.activated_at.reset();
    record_.handle.reset();
    apply(WorkerEvent::spawn_failed);
    return api::system_failed(written.error());
  }
  return described();
}

// ---- adoption

void LiveWorker::adopt() {
  using enum WorkerPhase;
  if (const auto directory = open_directory()) frozen_ = directory->is_to_be_frozen();
  switch (phase()) {
    case reserved:
      (void)perform(WorkerActions(WorkerAction::arm_expiry));
      return;
    case activating:
      return resume_activation();
    case active:
    case stopping:
    case detached:
      adopt_process();
      // The daemon may have died before it had sent the signal that the record promises.
      if (phase() != active && record_.kill_at && !record_.exit)
        (void)perform(WorkerActions(WorkerAction::signal_process, WorkerAction::arm_grace));
      return;
    case emptying:
    case exited:
      if (!record_.exit) record_exit();
      if (!record_.exit->reaped) adopt_process();
      (void)perform(phase() == exited ? WorkerActions(WorkerAction::arm_age)
                                      : WorkerActions(WorkerAction::kill_tree));
      return;
    default:  // unlisted, and to be ended
      record_.phase = abandoned;
      return kill_tree();
  }
}

void LiveWorker::adopt_process() {
  if (record_.process)
    if (auto process = process::Process::reopen(identity_of(*record_.process)))
      process_ = std::move(*process);
  if (record_.exit) {  // it was a zombie when last seen
    if (process_ && process_.is_unreaped()) return watch_reaping();
    return process_reaped();
  }
  if (!process_)
    return apply(WorkerEvent::process_exited);  // died and was reaped while nobody watched
  const auto where = process_.control_group();
  if (where.ok() && process_.is_alive() && surroundings_.mount.below(*where) != path())
    log::warning("process {} of worker {} sits in cgroup {}: somebody moved it there",
                 process_.pid(), name(), *where);
  watch_process();
}

void LiveWorker::resume_activation() {
  auto leaf = open_directory();
  auto process = process::Process::reopen(identity_of(*record_.process));
  if (leaf.ok() && process.ok()) {
    const auto where = process->control_group();
    if (where.ok() && surroundings_.mount.below(*where) == path()) {
      process_ = std::move(*process);
      // Who had asked is not known any more: what it forked is taken in by the rights of the run.
      const auto user = static_cast<uid_t>(run_.record().uid);
      return start_activation(
          std::move(*leaf), Activation::Beginning::resumed,
          [user](const process::Process& moved) { return moved.may_be_managed_by(user); });
    }
  }
  activation_ended(Error{ESRCH, "process", "activate"});
}

}  // namespace reeve::registry
