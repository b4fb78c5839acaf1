// The terminal that standard input and output are, taken over for a while, and given back as it
// was: however that ends, but for SIGKILL.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "ctl/top/layout.hpp"

namespace reeve::ctl::top {

class Screen {
 public:
  // Whether there is such a terminal.
  static bool is_possible();
  // From here on signals that do not end a process are told by the descriptor alone.
  static Result<Screen> take();
  Screen(Screen&&) noexcept = default;
  Screen& operator=(Screen&&) = delete;
  ~Screen();

  [[nodiscard]] static Size size();
  // In one write: nothing that is half drawn is ever seen.
  void draw(const std::vector<ScreenLine>& lines) const;

  [[nodiscard]] int signals() const { return signals_.get(); }
  // Gives the terminal back, and stops until this process is to go on.
  void suspend() const;
  // Takes it over once more: somebody else may have had it meanwhile.
  void resume() const;

 private:
  explicit Screen(FileDescriptor signals) : signals_(std::move(signals)) {}
  FileDescriptor signals_;
};

}  // namespace reeve::ctl::top
