#include "bus/calls.hpp"

#include "base/log.hpp"
#include "bus/codec.hpp"
#include "sys/closing.hpp"

namespace reeve::bus {

namespace {

// What D-Bus has a name of its own for.
const char* standard_name(const api::Failure& failure) {
  if (api::is<api::PermissionDenied>(failure)) return SD_BUS_ERROR_ACCESS_DENIED;
  if (api::is<api::InvalidParameter>(failure)) return SD_BUS_ERROR_INVALID_ARGS;
  if (api::is<api::MethodNotImplemented>(failure)) return SD_BUS_ERROR_NOT_SUPPORTED;
  return failure.error.c_str();
}

}  // namespace

class BusCall : public service::Call {
 public:
  BusCall(Calls& calls, Message message, std::shared_ptr<service::Caller> caller)
      : calls_(&calls), message_(std::move(message)), caller_(std::move(caller)) {}

  [[nodiscard]] const service::Caller& caller() const override { return *caller_; }
  [[nodiscard]] bool more() const override { return false; }
  [[nodiscard]] std::string sender() const { return sd_bus_message_get_sender(message_.get()); }
  [[nodiscard]] sd_bus_message* message() const { return message_.get(); }

  std::int64_t keep_descriptor(FileDescriptor descriptor) {
    descriptors_.emplace_back(descriptor.release(), sys::closer_of_passed(caller_->user));
    return static_cast<std::int64_t>(descriptors_.size()) - 1;
  }
  FileDescriptor take_descriptor(std::int64_t index) override {
    if (index < 0 || index >= static_cast<std::int64_t>(descriptors_.size())) return {};
    return std::move(descriptors_[static_cast<std::size_t>(index)]);
  }

  void reply(const schema::Type& type, const void* output) override {
    if (calls_ == nullptr) return;
    sd_bus_message* made = nullptr;
    int done = sd_bus_message_new_method_return(message_.get(), &made);
    const Message answer(made);
    if (done >= 0) done = append_output(made, type, output);
    if (done >= 0) done = sd_bus_send(nullptr, made, nullptr);
    end(done);
  }

  void fail(const api::Failure& failure) override {
    if (calls_ == nullptr) return;
    end(sd_bus_reply_method_errorf(message_.get(), standard_name(failure), "%s",
                                   failure.message().c_str()));
  }

  void stream(const schema::Type&, const void*) override {}  // only with more()
  [[nodiscard]] bool has_room() const override { return true; }
  void on_room(std::function<void()>) override {}
  void on_abandoned(std::function<void()> handler) override {
    if (calls_ != nullptr) abandoned_ = std::move(handler);
  }

  void abandon() {
    calls_ = nullptr;
    if (const auto handler = std::exchange(abandoned_, nullptr)) handler();
  }

 private:
  void end(int done) {
    if (done < 0) log::warning("cannot answer {}: {}", sender(), errno_name(-done));
    abandoned_ = nullptr;
    std::exchange(calls_, nullptr)->ended(*this);
  }

  Calls* calls_;
  Message message_;
  std::shared_ptr<service::Caller> caller_;
  std::vector<FileDescriptor> descriptors_;
  std::function<void()> abandoned_;
};

Calls::Calls(sd_bus* bus, service::Service& service, std::function<void()> attend)
    : service_(service), attend_(std::move(attend)), callers_(bus) {
  callers_.on_gone([this](const std::string& sender) {
    for (auto each = pending_.find(sender); each != pending_.end(); each = pending_.find(sender)) {
      const auto call = std::move(pending_.extract(each).mapped());
      call->abandon();
    }
  });
}

Calls::~Calls() {
  for (const auto& [sender, call] : std::exchange(pending_, {}))
    call->abandon();
}

void Calls::take(sd_bus_message* message, const api::Interface& interface) {
  callers_.identify(
      sd_bus_message_get_sender(message),
      [this, message = std::make_shared<Message>(shared(message)),
       &interface](const std::shared_ptr<service::Caller>& caller) {
        const auto call = std::make_shared<BusCall>(*this, std::move(*message), caller);
        pending_.emplace(call->sender(), call);
        const auto read = [&call](const schema::Type& type, void* input) {
          return read_input(call->message(), type, input, [&call](FileDescriptor descriptor) {
            return call->keep_descriptor(std::move(descriptor));
          });
        };
        const std::string method = sd_bus_message_get_member(call->message());
        service_.dispatch(api::full_name(interface.name, method), read, call);
      });
}

void Calls::ended(const BusCall& call) {
  const auto [first, last] = pending_.equal_range(call.sender());
  for (auto each = first; each != last; ++each)
    if (each->second.get() == &call) {
      pending_.erase(each);
      break;
    }
  attend_();
}

}  // namespace reeve::bus
