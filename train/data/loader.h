// Batches of one part of a data set, made ahead by worker threads. A batch is a pure function of
// (seed, part, cursor): epoch = cursor / batches_per_epoch, the epoch's order by Philox(seed, data,
// epoch, part), a sample's augmentation by Philox(seed, data, epoch, its key). So the number of
// workers changes nothing, and a resume needs the cursor only.
#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/tensor.h"
#include "train/data/augment.h"
#include "train/data/normalize.h"
#include "train/data/sample.h"

namespace weft {

struct Batch {
  Tensor images;                ///< f32 [N, H, W, C], normalised
  std::vector<Tensor> targets;  ///< per task f32 [N, H, W, C] or [N, 1, 1, C]; NaN: no label
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
};

class Loader {
 public:
  /// An empty part is a DataError. The data set must outlive the loader.
  Loader(const Dataset& dataset, std::vector<int64_t> indices, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The batch at the cursor, which then moves on; throws what making that batch threw.
  Batch next();
  int64_t cursor() const { return cursor_; }
  int64_t batches_per_epoch() const { return batches_per_epoch_; }
  /// How long next() has waited for batches so far.
  double waited_seconds() const { return waited_; }

 private:
  /// A batch in plain memory: the consumer alone allocates tensors.
  struct Draft {
    int count = 0;
    Picture first;  ///< the first sample's image, for the shape
    std::vector<float> images;
    std::vector<std::vector<float>> targets;
    std::vector<std::string> keys;
    std::exception_ptr error;
  };

  Draft make(int64_t cursor);
  Draft make_unchecked(int64_t cursor);
  std::vector<int64_t> samples_at(int64_t cursor);
  void add_sample(Draft& draft, int64_t index, int64_t epoch) const;
  Batch finish(Draft& draft) const;
  void work();

  const Dataset& dataset_;
  const std::vector<int64_t> indices_;
  const LoaderOptions options_;
  int64_t batch_ = 1, batches_per_epoch_ = 1, cursor_ = 0;
  double waited_ = 0;

  std::mutex order_mutex_;
  int64_t order_epoch_ = -1;
  std::vector<int64_t> order_;

  std::mutex mutex_;
  std::condition_variable made_, wanted_;
  std::map<int64_t, Draft> drafts_;  ///< by cursor
  int64_t next_to_make_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace weft
