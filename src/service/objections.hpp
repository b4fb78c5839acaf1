// What is wrong with a value that a client sent; nothing if it will do.
#pragma once

#include <optional>
#include <string>

#include "api/failure.hpp"

namespace reeve::service {

// How long a reservation waits for its process unless told otherwise.
inline constexpr Microseconds usual_reservation{60'000'000};

std::optional<api::Failure> objection_to_worker_name(const std::string& name);
// Texts that a client wants stored, which must fit in a record.
std::optional<api::Failure> objection_to_texts(const std::optional<std::string>& handle,
                                               const std::optional<std::string>& fingerprint,
                                               const std::optional<Metadata>& metadata);
// Microseconds: neither negative nor beyond what a deadline can hold.
std::optional<api::Failure> objection_to_duration(std::string_view parameter,
                                                  const std::optional<Microseconds>& duration);
std::optional<api::Failure> objection_to_limits(const std::optional<Limits>& limits);

}  // namespace reeve::service
