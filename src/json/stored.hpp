// What a reeved wrote down for one that follows it: read leniently, for that may be an older one.
#pragma once

#include <cerrno>
#include <string>

#include "json/codec.hpp"

namespace reeve::json {

// EBADMSG for what is no such record. Of the loop's thread alone.
template <class Record>
Result<Record> stored(const std::string& text) {
  static Parser parser;
  const auto parsed = parser.parse(text);
  if (!parsed) return Error{EBADMSG, parsed.error(), "read a record:"};
  Record record;
  const auto decoded = decode(*parsed, record, UnknownMembers::ignored);
  if (!decoded)
    return Error{EBADMSG, decoded.error().member + " " + decoded.error().reason, "read a record:"};
  return record;
}

}  // namespace reeve::json
