// Progress lines, clock texts, and the signals that stop a run between steps.
#include "train/loop/progress.h"

#include <csignal>

#include "tests/support/catch.h"
#include "train/step/stop.h"

using namespace weft;

TEST_CASE("progress: the line", "[progress]") {
  CHECK(progress_line("warmup", 30, 120, 0, 10, "loss 1.5", 0) ==
        "warmup 30/120  3.0/s  0:30 left  loss 1.5");
  CHECK(progress_line("warmup", 30, 120, 0, 10, "", 80) ==
        "warmup [######------------------] 30/120  3.0/s  0:30 left");
  CHECK(progress_line("warmup", 30, 120, 0, 10, "", 20) == "warmup [######-----");
  CHECK(progress_line("x", 110, 120, 100, 20, "", 0) == "x 110/120  2.0 s each  0:20 left");
  CHECK(progress_line("x", 4, 4, 0, 61, "", 0) == "x 4/4  15.2 s each  in 1:01");
  CHECK(progress_line("x", 0, 0, 0, 0, "", 80) == "x [########################] 0/0");
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(759.6) == "12:40");
  CHECK(clock_text(10927) == "3:02:07");
}

TEST_CASE("progress: plain lines, one for every tenth", "[progress]") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file);
  {
    Progress progress("data", 25, 0, file);
    for (int i = 1; i <= 25; ++i) progress.update(i);
    progress.say("done");
  }
  std::rewind(file);
  int lines = 0;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
    lines += c == '\n';
    CHECK(c != '\r');
  }
  std::fclose(file);
  CHECK(lines == 11);
}

TEST_CASE("progress: steps that are reported together have taken the time since the start",
          "[progress]") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file);
  {
    const auto start = Progress::Clock::now() - std::chrono::seconds(8);
    Progress progress("warmup", 150, 0, file, start);
    for (int i = 1; i <= 16; ++i) progress.update(i);
  }
  std::rewind(file);
  char line[80] = {};
  CHECK(std::fgets(line, sizeof line, file) != nullptr);
  std::fclose(file);
  INFO(line);
  CHECK(std::string(line).rfind("warmup 15/150  1.9/s  1:12 left", 0) == 0);
}

TEST_CASE("stop: a signal is remembered once", "[progress]") {
  {
    const StopSignals signals;
    CHECK(stop_signal() == 0);
    std::raise(SIGTERM);
    CHECK(stop_signal() == SIGTERM);
  }
  const StopSignals again;
  CHECK(stop_signal() == 0);
}
