// Takes out of an answer what no model can know: times, usage, raw records and the order of lists.
// Works on any described type, so that a new method needs nothing here.
#pragma once

#include "schema/type.hpp"

namespace reeve::model {

// Whether an exit is known in all details, or may just be happening.
enum class Exits { known, happening };

void scrub(const schema::Type& type, void* value, Exits exits);

template <class T>
void scrub(T& value, Exits exits) {
  scrub(schema::type<T>, &value, exits);
}

}  // namespace reeve::model
