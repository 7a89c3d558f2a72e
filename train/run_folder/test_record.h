// test.json in a run folder: what the final test saw beside its metrics (train/metrics/detail.h), and
// data.json: what the data are. Both are for reports, sealed, and small: bounded by their number of
// tasks and classes, not by the samples. Runs of an older weft have none.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/metrics/detail.h"

namespace weft {

void write_test_record(const std::string& folder, const std::vector<TaskDetail>& tasks);
/// nullopt: there is none. DataError where it is broken.
std::optional<std::vector<TaskDetail>> read_test_record(const std::string& folder);

/// A task's labels in the training part.
struct LabelSummary {
  std::string task;
  std::string kind;                       ///< its word in the run file
  std::vector<std::string> classes = {};  ///< their names, or numbers; empty: it has none
  std::array<int64_t, 3> labelled{};      ///< samples with a label: training, validation, test
  int64_t missing = 0;                    ///< training samples that should have one, and have none
  int64_t labels = 0, invalid = 0;        ///< of what was read: labels (or pixels), and none
  std::vector<int64_t> balance = {};      ///< labels of each class
  double least = 0, mean = 0, most = 0;   ///< of numbers
  std::vector<int64_t> histogram = {};    ///< of numbers (every n-th of a large label), bins of
                                          ///< one width from least to most
  std::string value = {};                 ///< what the numbers are
};

struct DataSummary {
  std::string kind;                         ///< data.kind
  std::array<int64_t, 3> samples{};         ///< training, validation, test
  int64_t read = 0;                         ///< training samples whose labels were looked at
  int height = 0, width = 0, channels = 0;  ///< of a sample as the network sees it
  std::vector<std::string> notes = {};  ///< how the data were read, where that is not as they are
  std::vector<LabelSummary> tasks = {};
};

void write_data_summary(const std::string& folder, const DataSummary& summary);
std::optional<DataSummary> read_data_summary(const std::string& folder);

}  // namespace weft
