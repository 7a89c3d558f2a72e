// CellClaim: which of several `weft study` processes, on one machine or on many that share a folder,
// runs a cell: the one that holds the lock on its claim file. The child that runs the cell inherits
// the lock, so the cell is free when both have ended, whatever became of them, and another process
// goes on from its last checkpoint. A cell that failed has its exit code noted in the file, under the
// job's name (train/ranks/job.h), so that no other rank of that job tries it again.
#pragma once

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

  /// The number that a rank of this job has noted; nullopt: none has.
  std::optional<int> noted_in(const std::string& job) const;
  void note(const std::string& job, int number);
  /// While it is so, processes that are started inherit the claim.
  void let_children_inherit(bool inherit) const;

 private:
  CellClaim(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_ = -1;
};

}  // namespace weft::cli
