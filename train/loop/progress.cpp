// The bar is redrawn at most ten times a second; both forms come from progress_line.
#include "train/loop/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace weft {
namespace {

int columns(std::FILE* out) {
  winsize size{};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

double seconds_since(Progress::Clock::time_point start) {
  return std::chrono::duration<double>(Progress::Clock::now() - start).count();
}

}  // namespace

std::string clock_text(double seconds) {
  const auto s = static_cast<int64_t>(std::llround(std::max(seconds, 0.0)));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string progress_line(const std::string& label, int64_t done, int64_t total, int64_t from,
                          double seconds, const std::string& note, int width) {
  const double rate = seconds > 0 ? static_cast<double>(done - from) / seconds : 0;
  std::string tail = fmt::format(" {}/{}", done, total);
  if (rate > 0) {
    tail += rate >= 1 ? fmt::format("  {:.1f}/s", rate) : fmt::format("  {:.1f} s each", 1 / rate);
    const double left = static_cast<double>(total - done) / rate;
    tail += done < total ? fmt::format("  {} left", clock_text(left))
                         : fmt::format("  in {}", clock_text(seconds));
  }
  if (!note.empty()) tail += "  " + note;
  if (width == 0) return label + tail;
  constexpr int cells = 24;
  const int full = total > 0 ? static_cast<int>(cells * std::min(done, total) / total) : cells;
  std::string line = fmt::format("{} [{}{}]{}", label, std::string(full, '#'),
                                 std::string(cells - full, '-'), tail);
  if (static_cast<int>(line.size()) > width - 1) line.resize(std::max(width - 1, 0));
  return line;
}

Progress::Progress(std::string label, int64_t total, int64_t from, std::FILE* out,
                   Clock::time_point start)
    : label_(std::move(label)),
      total_(total),
      from_(from),
      shown_(from),
      out_(out),
      bar_(isatty(fileno(out)) && !std::getenv("NO_COLOR")),
      start_(start),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputc('\n', out_);
}

void Progress::update(int64_t done, const std::string& note) {
  const double seconds = seconds_since(start_);
  if (bar_) {
    if (drawn_ && done < total_ && seconds_since(last_) < 0.1) return;
    const std::string line =
        progress_line(label_, done, total_, from_, seconds, note, columns(out_));
    std::fprintf(out_, "\r%s\033[K", line.c_str());
    std::fflush(out_);
    last_ = Clock::now();
    drawn_ = true;
  } else if (done == total_ || done * 10 / std::max<int64_t>(total_, 1) >
                                   shown_ * 10 / std::max<int64_t>(total_, 1)) {
    std::fprintf(out_, "%s\n",
                 progress_line(label_, done, total_, from_, seconds, note, 0).c_str());
    std::fflush(out_);
    shown_ = done;
  }
}

void Progress::say(const std::string& line) {
  std::fprintf(out_, drawn_ ? "\r\033[K%s\n" : "%s\n", line.c_str());
  std::fflush(out_);
  drawn_ = false;
}

}  // namespace weft
