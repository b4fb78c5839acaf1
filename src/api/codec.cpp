#include "api/codec.hpp"

namespace reeve::json {

REEVE_CODECS()

}  // namespace reeve::json
