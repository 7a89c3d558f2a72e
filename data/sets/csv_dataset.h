// A set of the user's own, without code: a CSV index with a column of image paths and one column
// per task. Dense labels are paths (PNG, npy), image labels numbers or class names; an empty cell
// is a missing label. Paths are relative to data.root. See label_decode.h for the values.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"
#include "io/csv.h"
#include "io/picture_io.h"

namespace weft {

class CsvDataset final : public Dataset {
 public:
  /// Uses data.root, index, image, split, ratio and task_column. Checks the index at once: columns,
  /// splits, numbers, and that every file is there. `learned`: which class each word is, to a
  /// trained network, which may be evaluated where files of other parts are missing.
  CsvDataset(const DataSpec& data, std::vector<TaskSpec> tasks,
             const LearnedFromData* learned = nullptr);

  int64_t size() const override { return static_cast<int64_t>(csv_.rows.size()); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return csv_.rows[index][image_]; }
  Split split(int64_t index) const override { return splits_[index]; }
  int only_task(int64_t index) const override { return owners_.empty() ? -1 : owners_[index]; }
  bool labelled(int64_t index, size_t task) const override;
  std::optional<int64_t> class_of(int64_t index, size_t task) const override;

  LearnedFromData learned() const override;
  SampleContents contents(int64_t index) const override;

  /// Task k's class names in id order, where its column holds names instead of numbers.
  const std::vector<std::string>& class_names(size_t k) const { return names_[k]; }

 private:
  std::string place(int64_t row) const;
  void read_splits(const DataSpec& data);
  void read_owners(const DataSpec& data);
  void check_row(int64_t row, bool check_files) const;
  Picture image_label(int64_t row, size_t k) const;

  std::vector<TaskSpec> tasks_;
  std::string root_;
  PictureFormat format_;
  Csv csv_;
  int image_ = 0;
  std::vector<int> columns_;  ///< of each task
  std::vector<std::vector<std::string>> names_;
  std::vector<Split> splits_;
  std::vector<int> owners_;  ///< the one task of each row, or -1; empty: no such column
};

}  // namespace weft
