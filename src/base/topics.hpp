// Messages that an operator looks up, or reacts to: in the journal each has its MESSAGE_ID, which
// units/reeve.catalog explains (journalctl --catalog). An id stays what it is for ever.
#pragma once

#include <string_view>

namespace reeve::log {

struct Topic {
  std::string_view id;
};

namespace topic {

inline constexpr Topic cannot_serve{"102f29de039cf3499a1322e8a1aba37d"};
inline constexpr Topic runs_adopted{"d82fcb777c2034c2a40b1cf5cf2ae971"};
inline constexpr Topic owners_lost{"767cd64ba5206a56ca16aaddd3d36365"};
inline constexpr Topic run_ended{"ffbf64ae1ba692a2af2408087096339f"};
inline constexpr Topic tree_stuck{"c21a32554a08797a7ee624eda5d903ca"};
inline constexpr Topic foreign_cgroup{"0fa5f8ab7c9e859ec36ef2fda011c4d2"};
inline constexpr Topic configuration_refused{"7d05c09569fca2fbb34c8c1ede951ddb"};
inline constexpr Topic socket_made_again{"79ba5f451bfefc6c9799f044310bdb57"};
inline constexpr Topic slot_held{"f8a36281e2414fd1855e5810f43ff147"};
inline constexpr Topic pool_halted{"b8a18fc9d6a343e8b515ed0056db3072"};
inline constexpr Topic worker_ended{"929673f3a7374bcb8c79032c6b1cb57c"};
inline constexpr Topic worker_not_started{"f24e6757bfdc419a84262e6c161d2fc7"};
inline constexpr Topic worker_late{"406b04c9bcc5494a91b02ed7e4a0aed4"};
inline constexpr Topic pin_killed{"0657e861f1e8f60b052ee74b3e1d252a"};

}  // namespace topic

}  // namespace reeve::log
