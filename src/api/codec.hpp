// The codec of the interface's types, compiled once in codec.cpp: every face includes it, and the
// compiler would otherwise spend most of its time on the same templates.
#pragma once

#include "api/types.hpp"
#include "json/codec.hpp"

namespace reeve::json {

#define REEVE_CODEC(scope, Type)                                                    \
  scope template void encode(std::string&, const Type&);                            \
  scope template Result<Done, Mismatch> decode(const Value&, Type&, UnknownMembers, \
                                               const std::string&);
#define REEVE_CODECS(scope)         \
  REEVE_CODEC(scope, ProcessId)     \
  REEVE_CODEC(scope, Timestamp)     \
  REEVE_CODEC(scope, Run)           \
  REEVE_CODEC(scope, Exit)          \
  REEVE_CODEC(scope, Usage)         \
  REEVE_CODEC(scope, Limits)        \
  REEVE_CODEC(scope, Worker)        \
  REEVE_CODEC(scope, Entry)         \
  REEVE_CODEC(scope, CleanupReport) \
  REEVE_CODEC(scope, Statistics)    \
  REEVE_CODEC(scope, Event)         \
  REEVE_CODEC(scope, StringMap)

REEVE_CODECS(extern)

}  // namespace reeve::json
