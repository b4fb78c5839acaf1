// logs: what workers wrote to the journal, and what reeved said of them there.
//
// What is there already is found by the journal's index. What comes then is looked at entry by
// entry, for workers yet to be started have cgroups that no index knows: it begins behind the entry
// that was the last before the search.
#include <fmt/core.h>
#include <unistd.h>

#include <deque>

#include "ctl/journal.hpp"
#include "ctl/output.hpp"
#include "ctl/verbs.hpp"

namespace reeve::ctl {

namespace {

constexpr std::array fields{"SYSLOG_IDENTIFIER", "_SYSTEMD_CGROUP", "REEVE_WORKER", "REEVE_POOL"};
constexpr std::int64_t lines_before_following = 10;

// A shell in a run looks at pools and other runs, too: $REEVE_RUN_ID does not narrow what it sees.
std::optional<std::string> run_of(const Options& options) {
  return options.run_given ? options.run : std::nullopt;
}

class Reader {
 public:
  Reader(const Options& options, Journal journal)
      : options_(options),
        wanted_{options.arguments.front(), run_of(options), ::geteuid()},
        journal_(std::move(journal)) {}

  // Whether there was anything.
  bool show_what_is_there() {
    journal_.seek_tail();
    if (journal_.previous()) last_ = {journal_.cursor(), journal_.time()};
    if (last_.cursor.empty() || options_.lines == 0 || !journal_.narrow(wanted_, fields))
      return false;
    const bool is_backwards = options_.reverse || options_.lines || options_.follow;
    return is_backwards ? show_backwards() : show_forwards();
  }

  bool follow() {
    journal_.widen();
    last_.cursor.empty() ? journal_.seek_head() : journal_.seek(last_.cursor);
    do {
      while (journal_.next())
        if (last_.cursor.empty() || !journal_.is_at(last_.cursor))
          if (const auto line = wanted_.line_of(journal_.entry())) print(*line);
      std::fflush(stdout);
    } while (journal_.wait());
    return false;
  }

 private:
  bool show_forwards() {
    bool found = false;
    options_.since ? journal_.seek(*options_.since) : journal_.seek_head();
    while (journal_.next() && journal_.time() <= until()) {
      const auto line = wanted_.line_of(journal_.entry());
      if (!line) continue;
      print(*line);
      found = true;
    }
    return found;
  }

  // Unless they are to be shown as they are met, they are kept until the first is.
  bool show_backwards() {
    std::deque<LogLine> lines;
    auto wanted = options_.lines.value_or(options_.follow ? lines_before_following : INT64_MAX);
    bool found = false;
    journal_.seek_tail();
    while (wanted > 0 && journal_.previous() &&
           journal_.time() >= options_.since.value_or(Microseconds{})) {
      if (journal_.time() > until()) continue;
      auto line = wanted_.line_of(journal_.entry());
      if (!line) continue;
      found = true;
      --wanted;
      options_.reverse ? print(*line) : lines.push_front(std::move(*line));
    }
    for (const auto& line : lines)
      print(line);
    return found;
  }

  [[nodiscard]] Microseconds until() const {
    return std::min(last_.time, options_.until.value_or(last_.time));
  }

  void print(const LogLine& line) const {
    if (options_.json != Json::off) return print_json(options_, json::encoded(line));
    fmt::print("{}\n", shown(line, options_.text_only ? LogFormat::text : LogFormat::brief));
  }

  const Options& options_;
  const Wanted wanted_;
  Journal journal_;
  struct {
    std::string cursor;
    Microseconds time{};
  } last_;
};

}  // namespace

ExitCode verb_logs(const Options& options) {
  if (options.follow && (options.reverse || options.until)) {
    fmt::print(stderr, "reevectl: --follow goes neither with --reverse nor with --until\n");
    return exit_usage;
  }
  auto journal = Journal::open();
  if (!journal) {
    fmt::print(stderr, "reevectl: {}\n", journal.error());
    return exit_failure;
  }
  if (Journal::hides_some() && options.legend)
    fmt::print(
        stderr,
        "reevectl: this user sees a part of the journal: root and the groups systemd-journal "
        "and adm see all\n");
  Reader reader(options, std::move(*journal));
  const bool found = reader.show_what_is_there();
  if (options.follow) {
    reader.follow();
    fmt::print(stderr, "reevectl: the journal cannot be followed any more\n");
    return exit_failure;
  }
  if (!found)
    fmt::print(stderr,
               "reevectl: the journal has nothing of {}{}: is that its name, and its stdout and "
               "stderr the journal?\n",
               options.arguments.front(), options.run_given ? " in run " + *options.run : "");
  return found ? exit_ok : exit_failure;
}

}  // namespace reeve::ctl
