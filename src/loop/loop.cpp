#include "loop/loop.hpp"

#include <fcntl.h>
#include <liburing.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/test_hooks.hpp"
#include "sys/features.hpp"

namespace reeve::loop {

namespace {

constexpr unsigned submission_entries = 1024;
constexpr unsigned completion_entries = 8192;
constexpr unsigned completions_at_once = 256;
constexpr std::uint64_t nobody =
    ~0ULL;  // user data of a cancel request: its own result says nothing

// Whether io_uring_enter(2) is to be called again.
bool passes(int failure) {
  return failure == -ETIME || failure == -EINTR || failure == -EAGAIN || failure == -EBUSY;
}

}  // namespace

struct Loop::Ring {
  io_uring ring{};
  bool ready = false;
  ~Ring() {
    if (ready) io_uring_queue_exit(&ring);
  }
};

Operation::Operation(Operation&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)),
      slot_(other.slot_),
      generation_(other.generation_) {}

Operation& Operation::operator=(Operation&& other) noexcept {
  if (this == &other) return *this;
  retire();
  loop_ = std::exchange(other.loop_, nullptr);
  slot_ = other.slot_;
  generation_ = other.generation_;
  return *this;
}

bool Operation::pending() const {
  return loop_ != nullptr && loop_->slots_[slot_].generation == generation_;
}

void Operation::retire() {
  if (pending()) loop_->cancel(slot_);
  loop_ = nullptr;
}

Timer::Timer(Timer&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), key_(other.key_) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  disarm();
  loop_ = std::exchange(other.loop_, nullptr);
  key_ = other.key_;
  return *this;
}

void Timer::disarm() {
  if (loop_ != nullptr) loop_->timers_.erase(key_);
  loop_ = nullptr;
}

Loop::Loop() : ring_(std::make_unique<Ring>()) {}

// A write that is under way reads its text from a slot: were that freed, any number could end up in
// cgroup.procs. So what cannot be cancelled is waited for, and the ring goes before the slots.
Loop::~Loop() {
  for (Slot& slot : slots_)
    slot.handler = nullptr;
  const auto is_awaited = [](const Slot& slot) { return slot.in_flight && !slot.cancellable; };
  while (ring_->ready && std::any_of(slots_.begin(), slots_.end(), is_awaited)) {
    const int waited = io_uring_submit_and_wait(&ring_->ring, 1);
    if (waited < 0 && !passes(waited)) break;
    collect();
  }
  ring_.reset();
}

Result<std::unique_ptr<Loop>> Loop::create() {
  auto loop = std::unique_ptr<Loop>(new Loop);
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                     IORING_SETUP_CLAMP;
  parameters.cq_entries = completion_entries;
  const int made = io_uring_queue_init_params(submission_entries, &loop->ring_->ring, &parameters);
  if (made < 0) return Error{-made, {}, "set up an io_uring"};
  loop->ring_->ready = true;
  // Without a bound, 64 writes to cgroup files start 64 kernel threads that wait for one mutex:
  // a waste, and no reason to refuse service where a seccomp profile forbids to set it.
  std::array<unsigned, 2> workers{2, 2};
  if (!sys::is_switched_off(sys::Feature::bounded_workers))
    (void)io_uring_register_iowq_max_workers(&loop->ring_->ring, workers.data());
  return loop;
}

io_uring_sqe* Loop::next_entry() {
  for (;;) {
    if (io_uring_sqe* entry = io_uring_get_sqe(&ring_->ring)) return entry;
    // The queue is full: hand it to the kernel. EAGAIN and EBUSY pass when completions are taken,
    // which the kernel keeps in its own list meanwhile (IORING_FEAT_NODROP).
    (void)io_uring_submit(&ring_->ring);
  }
}

Operation Loop::start(Handler handler, const std::function<void(io_uring_sqe*, Slot&)>& prepare,
                      bool cancellable) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot.handler = std::move(handler);
  slot.in_flight = true;
  slot.cancellable = cancellable;
  io_uring_sqe* entry = next_entry();
  prepare(entry, slot);
  slot.fault = cancellable ? 0 : injected_fault({ENOMEM, EAGAIN});
  if (slot.fault < 0) io_uring_prep_nop(entry);
  io_uring_sqe_set_data64(entry, index);
  return {this, index, slot.generation};
}

Operation Loop::poll(int fd, short events, Handler handler) {
  return start(
      std::move(handler),
      [=](io_uring_sqe* entry, Slot&) {
        io_uring_prep_poll_add(entry, fd, static_cast<unsigned short>(events));
      },
      true);
}

Operation Loop::write(FileDescriptor file, std::string content, Handler handler) {
  return start(
      std::move(handler),
      [&](io_uring_sqe* entry, Slot& slot) {
        slot.file = std::move(file);
        slot.text = std::move(content);
        io_uring_prep_write(entry, slot.file.get(), slot.text.data(),
                            static_cast<unsigned>(slot.text.size()), 0);
        io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
      },
      false);
}

Operation Loop::make_directory(SharedDescriptor directory, std::string path, Handler handler) {
  return start(
      std::move(handler),
      [&](io_uring_sqe* entry, Slot& slot) {
        slot.directory = std::move(directory);
        slot.text = std::move(path);
        io_uring_prep_mkdirat(entry, slot.directory->get(), slot.text.c_str(), 0755);
      },
      false);
}

Operation Loop::remove_directory(SharedDescriptor directory, std::string path, Handler handler) {
  return start(
      std::move(handler),
      [&](io_uring_sqe* entry, Slot& slot) {
        slot.directory = std::move(directory);
        slot.text = std::move(path);
        io_uring_prep_unlinkat(entry, slot.directory->get(), slot.text.c_str(), AT_REMOVEDIR);
      },
      false);
}

void Loop::cancel(std::uint32_t index) {
  Slot& slot = slots_[index];
  ++slot.generation;
  slot.handler = nullptr;
  if (!slot.cancellable || !slot.in_flight) return;
  io_uring_sqe* entry = next_entry();
  io_uring_prep_cancel64(entry, index, 0);
  io_uring_sqe_set_data64(entry, nobody);
}

void Loop::complete(std::uint64_t user_data, int result) {
  if (user_data == nobody) return;
  const auto index = static_cast<std::uint32_t>(user_data);
  Slot& slot = slots_[index];
  const auto handler = std::exchange(slot.handler, nullptr);
  ++slot.generation;
  slot.in_flight = false;
  slot.file.reset();
  slot.directory.reset();
  slot.text.clear();
  free_slots_.push_back(index);
  if (slot.fault < 0) result = slot.fault;
  if (handler) handler(result);
}

Timer Loop::at(Microseconds monotonic_deadline, std::function<void()> handler) {
  const Timer::Key key{monotonic_deadline, ++timer_sequence_};
  timers_.emplace(key, std::move(handler));
  return {this, key};
}

void Loop::run_due_timers() {
  const auto now = monotonic_now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto timer = timers_.extract(timers_.begin());
    timer.mapped()();
  }
}

void Loop::run_deferred() {
  // What these defer in turn waits for the next round, so that completions are not starved.
  const auto handlers = std::exchange(deferred_, {});
  for (const auto& handler : handlers)
    handler();
}

void Loop::submit() {
  (void)io_uring_submit(&ring_->ring);
}

int Loop::wait() {
  io_uring_cqe* first = nullptr;
  if (timers_.empty() && deferred_.empty())
    return io_uring_submit_and_wait_timeout(&ring_->ring, &first, 1, nullptr, nullptr);
  Microseconds patience{0};
  if (deferred_.empty())
    patience = std::max(patience, timers_.begin()->first.first - monotonic_now());
  __kernel_timespec timeout{};
  timeout.tv_sec = patience.count() / 1'000'000;
  timeout.tv_nsec = patience.count() % 1'000'000 * 1000;
  return io_uring_submit_and_wait_timeout(&ring_->ring, &first, 1, &timeout, nullptr);
}

void Loop::collect() {
  struct Completion {
    std::uint64_t user_data;
    int result;
  };
  std::array<Completion, completions_at_once> batch;
  // Copied out first: a handler may submit, and the kernel may then reuse the entries.
  std::array<io_uring_cqe*, completions_at_once> entries;
  const auto count = io_uring_peek_batch_cqe(&ring_->ring, entries.data(), completions_at_once);
  for (unsigned i = 0; i < count; ++i)
    batch[i] = {entries[i]->user_data, entries[i]->res};
  io_uring_cq_advance(&ring_->ring, count);
  for (unsigned i = 0; i < count; ++i)
    complete(batch[i].user_data, batch[i].result);
}

Status Loop::run() {
  while (!std::exchange(stopping_, false)) {
    const int waited = wait();
    if (waited < 0 && !passes(waited)) return Error{-waited, {}, "wait for the io_uring"};
    collect();
    run_due_timers();
    run_deferred();
  }
  return Done{};
}

}  // namespace reeve::loop
