// How many steps of a study's cells are done, were made by this call, and are left. A cell stands where
// an earlier call left it (from), is seen further on (at), and ends: finished, or given up (it failed, or
// is a trial that need not run); the rest of a cell given up is neither made nor left.
//   made = sum of at - from      left = sum of planned - at, of cells that have not ended
//   seconds left = seconds so far * left / made
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weft::cli {

class StudySteps {
 public:
  /// The next cell; finished before: from = planned.
  void add(int64_t planned, int64_t from) { cells_.push_back({planned, from, from, false}); }
  /// A cell that was seen at a step does not go back.
  void see(size_t cell, int64_t step) { cells_[cell].at = std::max(cells_[cell].at, step); }
  void finish(size_t cell) { see(cell, cells_[cell].planned); }
  void give_up(size_t cell) { cells_[cell].given_up = true; }

  int64_t at(size_t cell) const { return cells_[cell].at; }
  int64_t planned() const {
    int64_t steps = 0;
    for (const Cell& c : cells_) steps += c.planned;
    return steps;
  }
  int64_t made() const {
    int64_t steps = 0;
    for (const Cell& c : cells_) steps += c.at - c.from;
    return steps;
  }
  int64_t left() const {
    int64_t steps = 0;
    for (const Cell& c : cells_)
      if (!c.given_up) steps += std::max<int64_t>(0, c.planned - c.at);
    return steps;
  }
  /// Nothing to go by before the first step of this call.
  std::optional<double> seconds_left(double seconds) const {
    if (made() <= 0) return std::nullopt;
    return seconds * static_cast<double>(left()) / static_cast<double>(made());
  }

 private:
  struct Cell {
    int64_t planned, from, at;
    bool given_up;
  };
  std::vector<Cell> cells_;
};

}  // namespace weft::cli
