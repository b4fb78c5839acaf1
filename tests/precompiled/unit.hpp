// See world.hpp.
#include <gtest/gtest.h>

#include "api/codec.hpp"
#include "api/methods.hpp"
