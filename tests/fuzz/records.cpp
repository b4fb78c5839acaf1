// Whatever stands in a cgroup's extended attribute: it is read or refused, and a record that was
// read is written and read again as the same.
#include "registry/records.hpp"
#include "fuzz.hpp"
#include "json/codec.hpp"

namespace {

template <class Record>
void keeps_its_meaning(const reeve::Result<Record>& record,
                       reeve::Result<Record> (*read)(const std::string&)) {
  if (!record) return reeve::fuzz::require(!record.error().message().empty(), "a reason is given");
  const auto written = reeve::json::encoded(*record);
  const auto copy = read(written);
  reeve::fuzz::require(copy.ok(), "a record that was written can be read");
  reeve::fuzz::require(reeve::json::encoded(*copy) == written, "a copy is written as the original");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve::registry;
  const std::string text(reeve::fuzz::text_of(data, size));
  keeps_its_meaning(read_run_record(text), read_run_record);
  keeps_its_meaning(read_worker_record(text), read_worker_record);
  return 0;
}
