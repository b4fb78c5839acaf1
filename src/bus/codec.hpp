// Described values to D-Bus messages and back.
//
// Numbers are "x", whatever they count, texts and enumerations "s", descriptors "h". A structure is
// "a{sv}", so that what is absent is left out and members can be added. The input of a method is
// its required members one by one, and then, where it has optional ones, these in an "a{sv}"; its
// output is its members one by one.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "schema/mismatch.hpp"
#include "schema/type.hpp"

namespace reeve::bus {

std::string signature_of(const schema::Type& type);
std::string signature_of_input(const schema::Type& input);
std::string signature_of_output(const schema::Type& output);
// The names of what these signatures hold, each ended by a NUL character.
std::string names_of_input(const schema::Type& input);
std::string names_of_output(const schema::Type& output);

// Negative, as sd-bus tells it: the message is too large, or memory has run out.
int append(sd_bus_message* message, const schema::Type& type, const void* value);
int append_output(sd_bus_message* message, const schema::Type& output, const void* value);

// Takes a descriptor over; the index under which the call's handler finds it.
using TakeDescriptor = std::function<std::int64_t(FileDescriptor)>;
Result<Done, schema::Mismatch> read_input(sd_bus_message* message, const schema::Type& type,
                                          void* input, const TakeDescriptor& take);

}  // namespace reeve::bus
