// Batches of one part of a data set, made ahead by worker threads. A batch is a pure function of
// (seed, part, cursor): epoch = cursor / batches, the epoch's order by Philox(seed, data, epoch,
// part), a sample's augmentation by Philox(seed, data, epoch, its key). So the number of workers
// changes nothing, and a resume needs the cursor only.
// per_task: each task draws images of its own, in an order of its own (the part's name with the
// task's); a training epoch is as long as the smallest task, as DomainNet's sampler has it.
#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "data/augment.h"
#include "data/dataset.h"
#include "data/normalize.h"
#include "engine/tensor.h"

namespace weft {

struct Batch {
  /// f32 [N, H, W, C], normalised. per_task: [K N, H, W, C], stacked in task order; what a task
  /// lacks at the end of an evaluation is blank.
  Tensor images;
  /// Per task f32 [N, H, W, C] or [N, 1, 1, C]; NaN: no label. per_task: of its own images alone,
  /// without the blank ones.
  std::vector<Tensor> targets;
  int64_t epoch = 0;
  int64_t cursor = 0;
  std::vector<std::string> keys;
};

struct LoaderOptions {
  std::vector<TaskSpec> tasks;  ///< in the order of the samples' labels
  int64_t batch = 16;           ///< a part that is smaller makes one batch
  FitOptions fit;
  Normalize normalize = Normalize::imagenet;
  bool shuffle = true;
  bool drop_last = true;
  int workers = 2;  ///< 0: next() makes the batch itself
  uint64_t seed = 1;
  int64_t start_cursor = 0;
  int64_t end_cursor = 0;  ///< nothing is made from here on; 0: endless
  std::string part = "train";
  bool per_task = false;  ///< each task brings its own images
  /// Of a training batch's rows, those of one rank (engine/ranks.h): every rank has as many. Order
  /// and augmentation are the whole batch's.
  int rank = 0, ranks = 1;
};

/// What an epoch is made of: samples by stream (one for all tasks, or one a task), the rows that
/// each gives to a batch, and how many batches there are.
struct EpochPlan {
  std::vector<std::vector<int64_t>> streams;
  int64_t batch = 1, batches = 1;
};
/// An empty part is a DataError, as is a training part without samples of some task.
EpochPlan plan_epoch(const Dataset& dataset, const std::vector<int64_t>& indices,
                     const LoaderOptions& options);

class Loader {
 public:
  /// An empty part is a DataError, more workers than the system gives threads a ConfigError. The
  /// data set must outlive the loader.
  Loader(const Dataset& dataset, const std::vector<int64_t>& indices, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The batch at the cursor, which then moves on; throws what making that batch threw.
  Batch next();
  int64_t cursor() const { return cursor_; }
  int64_t batches_per_epoch() const { return plan_.batches; }
  /// How long next() has waited for batches so far.
  double waited_seconds() const { return waited_; }

 private:
  /// A batch in plain memory: the consumer alone allocates tensors.
  struct Draft {
    int64_t rows = 0;
    Picture first;  ///< the first sample's image, for the shape
    std::vector<float> images;
    std::vector<std::vector<float>> targets;
    std::vector<int64_t> counts;  ///< of each task's samples
    std::vector<std::string> keys;
    std::exception_ptr error;
  };

  Draft make(int64_t cursor);
  Draft make_unchecked(int64_t cursor);
  /// By stream.
  std::vector<std::vector<int64_t>> samples_at(int64_t cursor);
  /// `only`: the task that the sample is for; -1: all.
  void add_sample(Draft& draft, int64_t row, int64_t index, int64_t epoch, int only) const;
  Batch finish(Draft& draft) const;
  void work();
  /// Ends the workers and waits for them.
  void stop();

  const Dataset& dataset_;
  const LoaderOptions options_;
  const EpochPlan plan_;
  int64_t cursor_ = 0;
  double waited_ = 0;

  std::mutex order_mutex_;
  int64_t order_epoch_ = -1;
  std::vector<std::vector<int64_t>> orders_;  ///< of the streams

  std::mutex mutex_;
  std::condition_variable made_, wanted_;
  std::map<int64_t, Draft> drafts_;  ///< by cursor
  int64_t next_to_make_ = 0;
  std::exception_ptr lost_;  ///< why a batch could not even be kept
  bool stop_ = false;
  std::vector<std::jthread> workers_;
};

}  // namespace weft
