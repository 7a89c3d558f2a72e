// DomainNet as AdaShare lays it out: train.txt and test.txt with lines "path class", DomainNet.json
// {train, train1, train2, val, test: {domain: [line numbers from 0]}}; test counts in test.txt, the
// others in train.txt. Each domain is a task (its column or name) with images of its own: a sample
// has the label of its own task only.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/spec.h"

namespace weft {

class DomainNet final : public Dataset {
 public:
  /// Tasks of kind classification, one for each domain that is to be used.
  DomainNet(const DataSpec& data, std::vector<TaskSpec> tasks);

  int64_t size() const override { return static_cast<int64_t>(entries_.size()); }
  Sample load(int64_t index) const override;
  std::string key(int64_t index) const override { return entries_[index].path; }
  Split split(int64_t index) const override { return entries_[index].split; }
  SampleContents contents(int64_t index) const override;

  /// The sample's domain: a loader per task draws from the indices that have it.
  int only_task(int64_t index) const override { return entries_[index].task; }
  std::optional<int64_t> class_of(int64_t index, size_t task) const override {
    const Entry& entry = entries_[index];
    return entry.task == static_cast<int>(task) ? std::optional<int64_t>(entry.label)
                                                : std::nullopt;
  }

 private:
  struct Entry {
    std::string path;
    int label, task;
    Split split;
  };

  std::string root_;
  std::vector<TaskSpec> tasks_;
  std::vector<Entry> entries_;
};

}  // namespace weft
