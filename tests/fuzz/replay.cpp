// Runs a fuzz target without libFuzzer: over its seeds, and over changed copies of them, always the
// same.
//
//   PROGRAM SEEDS [CHANGED-COPIES]
#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>

#include "fuzz.hpp"

namespace {

using Bytes = std::string;

// A line of the file is an input; what does not print stands as \xNN there.
std::vector<Bytes> read_seeds(const char* path) {
  std::vector<Bytes> seeds;
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path);
    std::exit(1);
  }
  for (std::string line; std::getline(file, line);) {
    Bytes& seed = seeds.emplace_back();
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '\\') {
        seed += line[i];
      } else if (line[i + 1] == 'x') {
        seed += static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16));
        i += 3;
      } else {
        seed += line[++i];
      }
    }
  }
  return seeds;
}

// A little of what libFuzzer does: bytes replaced, taken out, put in, and parts of other inputs.
Bytes changed(Bytes input, const std::vector<Bytes>& seeds, std::mt19937& random) {
  const auto below = [&](std::size_t limit) {
    return limit == 0 ? 0 : std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const auto at = below(input.size());
    switch (below(4)) {
      case 0:
        if (!input.empty()) input[at] = static_cast<char>(below(256));
        break;
      case 1:
        input.erase(at, 1 + below(8));
        break;
      case 2:
        input.insert(at, 1, static_cast<char>(below(256)));
        break;
      default:
        const auto& other = seeds[below(seeds.size())];
        const auto from = below(other.size());
        input.insert(at, other.substr(from, 1 + below(other.size() - from)));
    }
  }
  return input;
}

Bytes under_way;

// The input that was found, as a line for the seeds.
void show_input(int) {
  for (const char c : under_way)
    std::fprintf(stderr,
                 c == '\\'              ? "\\\\"
                 : c >= ' ' && c <= '~' ? "%c"
                                        : "\\x%02x",
                 static_cast<unsigned char>(c));
  std::fprintf(stderr, "\n");
}

void run(const Bytes& input) {
  under_way = input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

}  // namespace

__attribute__((weak)) int LLVMFuzzerInitialize(int*, char***) {
  return 0;
}

int main(int count, char** arguments) {
  LLVMFuzzerInitialize(&count, &arguments);
  if (count < 2) return 2;
  std::signal(SIGABRT, show_input);
  const auto seeds = read_seeds(arguments[1]);
  for (const auto& seed : seeds)
    run(seed);
  const int copies = count > 2 ? std::atoi(arguments[2]) : 0;
  std::mt19937 random(1);
  for (int i = 0; i < copies; ++i)
    run(changed(seeds[static_cast<std::size_t>(i) % seeds.size()], seeds, random));
  std::printf("%zu seeds, %d changed copies\n", seeds.size(), copies);
  return 0;
}
