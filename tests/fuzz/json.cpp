// Whatever is sent as a call's parameters: what can be read is written and read again as the same.
#include "api/interfaces.hpp"
#include "fuzz.hpp"
#include "json/codec.hpp"

namespace reeve::fuzz {
namespace {

json::Parser& parser() {
  static json::Parser parser;
  return parser;
}

template <class T>
void keeps_its_meaning(const std::string& text) {
  T value;
  if (!json::decode(*parser().parse(text), value, json::UnknownMembers::ignored)) return;
  const auto written = json::encoded(value);
  const auto again = parser().parse(written);
  require(again.ok(), "what was written can be read");
  T copy;
  require(json::decode(*again, copy, json::UnknownMembers::refused).ok(),
          "what was written can be decoded");
  require(json::encoded(copy) == written, "a copy is written as the original");
}

template <class... Method>
void all_inputs_and_outputs(const std::string& text, api::List<Method...>) {
  (keeps_its_meaning<typename Method::Input>(text), ...);
  (keeps_its_meaning<typename Method::Output>(text), ...);
}

template <class... Failure>
void all_errors(const std::string& text, api::List<Failure...>) {
  (keeps_its_meaning<Failure>(text), ...);
}

void any_text_is_a_string(std::string_view bytes) {
  std::string written;
  json::write_string(written, bytes);
  const auto value = parser().parse(written);
  require(value.ok() && value->string().has_value(), "any text can be written as a string");
  std::string again;
  json::write_string(again, *value->string());
  require(again == written, "a string is written again as it was");
}

}  // namespace
}  // namespace reeve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto text = fuzz::text_of(data, size);
  fuzz::any_text_is_a_string(text);
  const auto value = fuzz::parser().parse(text);
  if (!value) return 0;
  const auto compact = value->text();
  const auto again = fuzz::parser().parse(compact);
  fuzz::require(again.ok() && again->text() == compact, "compact JSON stays as it is");
  const auto laid_out = fuzz::parser().parse(json::indented(compact));
  fuzz::require(laid_out.ok() && laid_out->text() == compact, "laying out changes no value");
  fuzz::all_inputs_and_outputs(compact, api::Registry::Methods{});
  fuzz::all_errors(compact, api::Registry::Errors{});
  return 0;
}
