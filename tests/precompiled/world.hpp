// What nearly every test program includes, compiled once for each of them: parsing it takes longer
// than all else.
#include <filesystem>
#include <fstream>

#include "support/command.hpp"
#include "support/world.hpp"
