// Batches ahead of time; see loader.h. Workers take cursors in rising order and stay at most a few
// batches ahead; an error is kept with its cursor and thrown when that batch is asked for.
#include "train/data/loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "engine/error.h"

namespace weft {
namespace {

/// The numbers 0 .. n - 1 in the epoch's order (Fisher and Yates).
std::vector<int64_t> epoch_order(int64_t n, const LoaderOptions& options, int64_t epoch) {
  std::vector<int64_t> order(n);
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  if (!options.shuffle) return order;
  const Philox philox(options.seed, Stream::data, static_cast<uint32_t>(epoch),
                      "order." + options.part);
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[i], order[philox.below(i, i + 1)]);
  return order;
}

LoaderOptions with_depth_unit(LoaderOptions options, const Dataset& dataset) {
  options.fit.depth_unit = dataset.depth_unit();
  return options;
}

int label_channels(const TaskSpec& task) { return task.kind == TaskKind::normals ? 3 : 1; }

}  // namespace

Loader::Loader(const Dataset& dataset, std::vector<int64_t> indices, LoaderOptions options)
    : dataset_(dataset),
      indices_(std::move(indices)),
      options_(with_depth_unit(std::move(options), dataset)) {
  const auto count = static_cast<int64_t>(indices_.size());
  if (count == 0) {
    throw DataError(fmt::format("the '{}' part of the data set is empty", options_.part));
  }
  batch_ = std::min(options_.batch, count);
  batches_per_epoch_ = options_.drop_last ? count / batch_ : (count + batch_ - 1) / batch_;
  cursor_ = next_to_make_ = options_.start_cursor;
  for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { work(); });
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

Batch Loader::next() {
  if (options_.end_cursor > 0 && cursor_ >= options_.end_cursor) {
    throw Error(fmt::format("loader '{}': next() past its end", options_.part));
  }
  const auto start = std::chrono::steady_clock::now();
  Draft draft;
  if (options_.workers == 0) {
    draft = make(cursor_);
  } else {
    std::unique_lock lock(mutex_);
    made_.wait(lock, [this] { return drafts_.count(cursor_) > 0; });
    const auto it = drafts_.find(cursor_);
    if (it->second.error) std::rethrow_exception(it->second.error);
    draft = std::move(it->second);
    drafts_.erase(it);
  }
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
  waited_ += waited.count();
  if (draft.error) std::rethrow_exception(draft.error);
  Batch batch = finish(draft);
  {
    const std::lock_guard lock(mutex_);
    batch.cursor = cursor_++;
  }
  wanted_.notify_all();
  batch.epoch = batch.cursor / batches_per_epoch_;
  return batch;
}

void Loader::work() {
  std::unique_lock lock(mutex_);
  const auto may_make = [this] {
    const bool more = options_.end_cursor == 0 || next_to_make_ < options_.end_cursor;
    return more && next_to_make_ < cursor_ + options_.workers + 2;
  };
  while (true) {
    wanted_.wait(lock, [&] { return stop_ || may_make(); });
    if (stop_) return;
    const int64_t cursor = next_to_make_++;
    lock.unlock();
    Draft draft = make(cursor);
    lock.lock();
    drafts_[cursor] = std::move(draft);
    made_.notify_all();
  }
}

std::vector<int64_t> Loader::samples_at(int64_t cursor) {
  const int64_t epoch = cursor / batches_per_epoch_, batch = cursor % batches_per_epoch_;
  const std::lock_guard lock(order_mutex_);
  if (order_epoch_ != epoch) {
    order_ = epoch_order(static_cast<int64_t>(indices_.size()), options_, epoch);
    order_epoch_ = epoch;
  }
  std::vector<int64_t> samples;
  const int64_t end = std::min((batch + 1) * batch_, static_cast<int64_t>(indices_.size()));
  for (int64_t i = batch * batch_; i < end; ++i) samples.push_back(indices_[order_[i]]);
  return samples;
}

Loader::Draft Loader::make(int64_t cursor) {
  try {
    return make_unchecked(cursor);
  } catch (...) {
    Draft failed;
    failed.error = std::current_exception();
    return failed;
  }
}

Loader::Draft Loader::make_unchecked(int64_t cursor) {
  Draft draft;
  draft.targets.resize(options_.tasks.size());
  for (int64_t index : samples_at(cursor)) {
    add_sample(draft, index, cursor / batches_per_epoch_);
  }
  return draft;
}

void Loader::add_sample(Draft& draft, int64_t index, int64_t epoch) const {
  const std::string key = dataset_.key(index);
  const Philox draws(options_.seed, Stream::data, static_cast<uint32_t>(epoch), "augment." + key);
  const Sample sample = fit_sample(dataset_.load(index), options_.tasks, options_.fit, draws);
  const Picture& image = sample.image;
  if (draft.count == 0) draft.first = Picture(image.height, image.width, image.channels);
  const Picture& first = draft.first;
  if (image.height != first.height || image.width != first.width ||
      image.channels != first.channels) {
    throw DataError(fmt::format(
        "{}: {} x {} x {} pixels, but {} in the same batch has {} x {} x {}; set data.size or "
        "data.augment.crop",
        key, image.height, image.width, image.channels, draft.keys[0], first.height, first.width,
        first.channels));
  }
  const size_t size = image.pixels.size(), pixels = static_cast<size_t>(image.height) * image.width;
  draft.images.resize((draft.count + 1) * size);
  normalize_pixels(image, options_.normalize, draft.images.data() + draft.count * size);
  for (size_t k = 0; k < options_.tasks.size(); ++k) {
    const TaskSpec& task = options_.tasks[k];
    const size_t wanted = (task.image_label() ? 1 : pixels) * label_channels(task);
    const std::vector<float>& label = sample.labels[k].pixels;
    std::vector<float>& target = draft.targets[k];
    if (label.empty()) {
      target.insert(target.end(), wanted, invalid_pixel);
    } else if (label.size() == wanted) {
      target.insert(target.end(), label.begin(), label.end());
    } else {
      throw DataError(fmt::format("{}: the label of task '{}' has {} numbers, expected {}", key,
                                  task.name, label.size(), wanted));
    }
  }
  draft.keys.push_back(key);
  ++draft.count;
}

Batch Loader::finish(Draft& draft) const {
  const auto tensor = [&](const std::vector<float>& numbers, int height, int width, int channels) {
    Tensor t = Tensor::empty({draft.count, height, width, channels}, DType::f32);
    std::memcpy(t.raw(), numbers.data(), numbers.size() * sizeof(float));
    return t;
  };
  const Picture& first = draft.first;
  Batch batch;
  batch.images = tensor(draft.images, first.height, first.width, first.channels);
  for (size_t k = 0; k < options_.tasks.size(); ++k) {
    const TaskSpec& task = options_.tasks[k];
    batch.targets.push_back(tensor(draft.targets[k], task.image_label() ? 1 : first.height,
                                   task.image_label() ? 1 : first.width, label_channels(task)));
  }
  batch.keys = std::move(draft.keys);
  return batch;
}

}  // namespace weft
