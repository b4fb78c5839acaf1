// Described values to JSON and back.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "json/value.hpp"
#include "schema/mismatch.hpp"
#include "schema/type.hpp"

namespace reeve::json {

using schema::Mismatch;

// Messages are read strictly; records, which a newer reeved may have written, are not.
enum class UnknownMembers { refused, ignored };

// At the end of `out`. An absent optional is left out.
void encode(std::string& out, const schema::Type& type, const void* value);
Result<Done, Mismatch> decode(const Value& json, const schema::Type& type, void* value,
                              UnknownMembers unknown);

template <class T>
std::string encoded(const T& value) {
  std::string out;
  encode(out, schema::type<T>, &value);
  return out;
}

template <class T>
Result<Done, Mismatch> decode(const Value& json, T& value, UnknownMembers unknown) {
  return decode(json, schema::type<T>, &value, unknown);
}

}  // namespace reeve::json
