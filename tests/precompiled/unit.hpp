// See world.hpp.
#include <gtest/gtest.h>

#include "api/interfaces.hpp"
#include "json/codec.hpp"
