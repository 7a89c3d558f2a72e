// Progress of a long loop on a stream: on a terminal one line that is drawn over, with a bar, rate
// and time left; elsewhere (or with NO_COLOR) a plain line for every tenth of the way.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace weft {

/// "0:09", "12:40" or "3:02:07".
std::string clock_text(double seconds);

/// The line at `done` of `total` after `seconds` for the `done - from` steps since `from`.
/// width > 0: with a bar, cut to that many columns; 0: plain.
std::string progress_line(const std::string& label, int64_t done, int64_t total, int64_t from,
                          double seconds, const std::string& note, int width);

class Progress {
 public:
  using Clock = std::chrono::steady_clock;
  /// `from`: where a resumed loop starts, so that the rate counts its own steps only. `start`: when
  /// it did, which is before now where the first steps are reported together.
  Progress(std::string label, int64_t total, int64_t from = 0, std::FILE* out = stderr,
           Clock::time_point start = Clock::now());
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Whether there is a line that is drawn over.
  bool live() const { return bar_; }
  /// So many of the steps that are done are not this loop's work: they were skipped.
  void set_from(int64_t from) { from_ = from; }
  /// `note` is shown at the end, such as "loss 1.234".
  void update(int64_t done, const std::string& note = "");
  /// A line of its own above the bar.
  void say(const std::string& line);

 private:
  std::string label_;
  int64_t total_, from_, shown_;
  std::FILE* out_;
  bool bar_, drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace weft
