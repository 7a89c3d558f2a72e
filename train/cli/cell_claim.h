// CellClaim: which of several `weft study` processes, on one machine or on many that share a folder,
// runs a cell: the one that holds the lock on its claim file. The child that runs the cell inherits
// the lock, so the cell is free when both have ended, whatever became of them, and another process
// goes on from its last checkpoint. How a cell ended is noted in the file before the claim falls, so
// that no other rank runs it again, whatever its machine still knows of the cell's folder; a later
// start heeds no note of an earlier one.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace weft::cli {

class CellClaim {
 public:
  /// nullopt: another process has it. DataError where the file cannot be made or locked.
  static std::optional<CellClaim> take(const std::string& path);
  CellClaim(CellClaim&& other) noexcept;
  CellClaim& operator=(CellClaim&& other) noexcept;
  ~CellClaim();

  using Time = std::chrono::system_clock::time_point;
  /// The number that was noted last; nullopt: none was, at or after `begin`.
  std::optional<int> noted_since(Time begin) const;
  void note(int number);
  /// While it is so, processes that are started inherit the claim.
  void let_children_inherit(bool inherit) const;

 private:
  CellClaim(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_ = -1;
};

}  // namespace weft::cli
