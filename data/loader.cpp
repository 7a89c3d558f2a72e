// Batches ahead of time; see loader.h. Workers take cursors in rising order and stay at most a few
// batches ahead; an error is kept with its cursor and thrown when that batch is asked for.
#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <system_error>

#include "engine/error.h"

namespace weft {
namespace {

/// The numbers 0 .. n - 1 in the epoch's order (Fisher and Yates).
std::vector<int64_t> epoch_order(int64_t n, const LoaderOptions& options, size_t stream,
                                 int64_t epoch) {
  std::vector<int64_t> order(n);
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  if (!options.shuffle) return order;
  std::string name = "order." + options.part;
  if (options.per_task) name += "." + options.tasks[stream].name;
  const Philox philox(options.seed, Stream::data, static_cast<uint32_t>(epoch), name);
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[i], order[philox.below(i, i + 1)]);
  return order;
}

LoaderOptions with_depth_unit(LoaderOptions options, const Dataset& dataset) {
  options.fit.depth_unit = dataset.depth_unit();
  return options;
}

}  // namespace

EpochPlan plan_epoch(const Dataset& dataset, const std::vector<int64_t>& indices,
                     const LoaderOptions& options) {
  if (indices.empty()) {
    throw DataError(fmt::format("the '{}' part of the data set is empty", options.part));
  }
  EpochPlan plan;
  if (!options.per_task) {
    plan.streams = {indices};
  } else {
    plan.streams.resize(options.tasks.size());
    for (int64_t index : indices) {
      const int only = dataset.only_task(index);
      for (size_t k = 0; k < plan.streams.size(); ++k) {
        if (only < 0 || only == static_cast<int>(k)) plan.streams[k].push_back(index);
      }
    }
  }
  int64_t least = std::numeric_limits<int64_t>::max(), most = 0;
  for (size_t s = 0; s < plan.streams.size(); ++s) {
    const auto count = static_cast<int64_t>(plan.streams[s].size());
    least = std::min(least, count);
    most = std::max(most, count);
    if (count == 0 && options.drop_last) {
      throw DataError(fmt::format("the '{}' part of the data set has no images of task '{}'",
                                  options.part, options.tasks[s].name));
    }
  }
  if (options.drop_last) {
    plan.batch = std::min(options.batch, least);
    plan.batches = least / plan.batch;
  } else {
    plan.batch = std::min(options.batch, most);
    plan.batches = (most + plan.batch - 1) / plan.batch;
  }
  return plan;
}

Loader::Loader(const Dataset& dataset, const std::vector<int64_t>& indices, LoaderOptions options)
    : dataset_(dataset),
      options_(with_depth_unit(std::move(options), dataset)),
      plan_(plan_epoch(dataset, indices, options_)) {
  if (plan_.batch % options_.ranks != 0)
    throw ConfigError(fmt::format(
        "data.batch: a batch of the '{}' part has {} images, which {} ranks cannot divide evenly",
        options_.part, plan_.batch, options_.ranks));
  cursor_ = next_to_make_ = options_.start_cursor;
  try {
    for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    const size_t started = workers_.size();
    stop();
    throw ConfigError(fmt::format("data.workers is {}, the system gives {} threads: {}; lower it",
                                  options_.workers, started, error.code().message()));
  } catch (...) {
    stop();
    throw;
  }
}

Loader::~Loader() { stop(); }

void Loader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_all();
  workers_.clear();
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
    made_.wait(lock, [this] { return drafts_.count(cursor_) > 0 || lost_; });
    if (lost_) std::rethrow_exception(lost_);
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
  batch.epoch = batch.cursor / plan_.batches;
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
    try {
      drafts_[cursor] = std::move(draft);
    } catch (...) {
      lost_ = std::current_exception();
    }
    made_.notify_all();
    if (lost_) return;
  }
}

std::vector<std::vector<int64_t>> Loader::samples_at(int64_t cursor) {
  const int64_t epoch = cursor / plan_.batches, batch = cursor % plan_.batches;
  const std::lock_guard lock(order_mutex_);
  if (order_epoch_ != epoch) {
    std::vector<std::vector<int64_t>> orders;  // whole, or the old ones stay
    for (size_t s = 0; s < plan_.streams.size(); ++s) {
      const auto count = static_cast<int64_t>(plan_.streams[s].size());
      orders.push_back(epoch_order(count, options_, s, epoch));
    }
    orders_ = std::move(orders);
    order_epoch_ = epoch;
  }
  std::vector<std::vector<int64_t>> samples(plan_.streams.size());
  for (size_t s = 0; s < samples.size(); ++s) {
    const std::vector<int64_t>& stream = plan_.streams[s];
    const int64_t rows = plan_.batch / options_.ranks;
    const int64_t begin = batch * plan_.batch + options_.rank * rows;
    const int64_t end = std::min(begin + rows, static_cast<int64_t>(stream.size()));
    for (int64_t i = begin; i < end; ++i) {
      samples[s].push_back(stream[orders_[s][i]]);
    }
  }
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
  draft.counts.resize(options_.tasks.size());
  const auto samples = samples_at(cursor);
  size_t most = 0;
  for (const auto& stream : samples) most = std::max(most, stream.size());
  draft.rows = static_cast<int64_t>(samples.size() * most);
  for (size_t s = 0; s < samples.size(); ++s) {
    const int task = options_.per_task ? static_cast<int>(s) : -1;
    for (size_t i = 0; i < samples[s].size(); ++i) {
      const auto row = static_cast<int64_t>(s * most + i);
      add_sample(draft, row, samples[s][i], cursor / plan_.batches, task);
    }
  }
  return draft;
}

void Loader::add_sample(Draft& draft, int64_t row, int64_t index, int64_t epoch, int only) const {
  const std::string key = dataset_.key(index);
  const Philox noise(options_.seed, Stream::data, static_cast<uint32_t>(epoch), "augment." + key);
  const Sample sample = fit_sample(dataset_.load(index), options_.tasks, options_.fit, noise);
  const Picture& image = sample.image;
  const size_t size = image.pixels.size(), pixels = static_cast<size_t>(image.height) * image.width;
  if (draft.first.empty()) {
    draft.first = Picture(image.height, image.width, image.channels);
    draft.images.resize(draft.rows * size);
  }
  const Picture& first = draft.first;
  if (image.height != first.height || image.width != first.width ||
      image.channels != first.channels) {
    throw DataError(fmt::format(
        "{}: {} x {} x {} pixels, but {} in the same batch has {} x {} x {}; set data.size or "
        "data.augment.crop",
        key, image.height, image.width, image.channels, draft.keys[0], first.height, first.width,
        first.channels));
  }
  normalize_pixels(image, options_.normalize, draft.images.data() + row * size);
  for (size_t k = 0; k < options_.tasks.size(); ++k) {
    if (only >= 0 && only != static_cast<int>(k)) continue;
    ++draft.counts[k];
    const TaskSpec& task = options_.tasks[k];
    const size_t wanted = (task.image_label() ? 1 : pixels) * task.label_channels();
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
}

Batch Loader::finish(Draft& draft) const {
  const auto tensor = [](const std::vector<float>& numbers, int64_t rows, int height, int width,
                         int channels) {
    Tensor t = Tensor::empty({rows, height, width, channels}, DType::f32);
    if (!numbers.empty()) std::memcpy(t.raw(), numbers.data(), numbers.size() * sizeof(float));
    return t;
  };
  const Picture& first = draft.first;
  Batch batch;
  batch.images = tensor(draft.images, draft.rows, first.height, first.width, first.channels);
  for (size_t k = 0; k < options_.tasks.size(); ++k) {
    const TaskSpec& task = options_.tasks[k];
    const bool one = task.image_label();
    batch.targets.push_back(tensor(draft.targets[k], draft.counts[k], one ? 1 : first.height,
                                   one ? 1 : first.width, task.label_channels()));
  }
  batch.keys = std::move(draft.keys);
  return batch;
}

}  // namespace weft
