// Parts, augmentation, normalisation and the loader: parts by hash of the key; batches that are a
// pure function of (seed, part, cursor), whatever the number of workers; errors in their place.
#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <latch>
#include <set>
#include <thread>

#include "data/cached.h"
#include "data/scenes/scenes_dataset.h"
#include "data/split.h"
#include "tests/support/catch.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::message_of;

namespace {

TaskSpec task_of(TaskKind kind, int classes = 0) {
  TaskSpec task;
  task.name = name_of(kind);
  task.kind = kind;
  task.classes = classes;
  return task;
}

/// n images of h x w whose every pixel is the sample's number; label 0: depth = number + 1.
class Numbered : public Dataset {
 public:
  Numbered(int64_t n, int h = 4, int w = 6) : n_(n), h_(h), w_(w) {}
  int64_t size() const override { return n_; }
  Sample load(int64_t i) const override {
    if (i == broken) throw DataError("n7.png: broken PNG");
    Sample sample{Picture(h_, w_ + (i == wide), 3, static_cast<float>(i)), {}};
    if (i != unlabelled) sample.labels.push_back(Picture(h_, w_, 1, static_cast<float>(i + 1)));
    if (i == unlabelled) sample.labels.emplace_back();
    return sample;
  }
  std::string key(int64_t i) const override { return fmt::format("n{}.png", i); }
  Split split(int64_t i) const override { return i < held_out ? Split::test : Split::train; }

  int64_t broken = -1, wide = -1, unlabelled = -1, held_out = 0;

 private:
  int64_t n_;
  int h_, w_;
};

LoaderOptions plain_options(int64_t batch, int workers) {
  LoaderOptions options;
  options.tasks = {task_of(TaskKind::depth)};
  options.batch = batch;
  options.workers = workers;
  options.normalize = Normalize::none;
  return options;
}

std::vector<int64_t> all_of(const Dataset& dataset) {
  std::vector<int64_t> indices(dataset.size());
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  return indices;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

}  // namespace

TEST_CASE("split: exact shares, disjoint, by key alone", "[data]") {
  Numbered set(1000);
  set.held_out = 100;
  const Parts parts = make_parts(set);
  CHECK(parts.test.size() == 100);
  CHECK(parts.val.size() == 90);
  CHECK(parts.policy.size() == 162);
  CHECK(parts.weights.size() == 648);
  CHECK(parts.train.size() == 810);
  std::set<int64_t> seen(parts.test.begin(), parts.test.end());
  for (const auto* part : {&parts.val, &parts.policy, &parts.weights}) {
    seen.insert(part->begin(), part->end());
    CHECK(std::is_sorted(part->begin(), part->end()));
  }
  CHECK(seen.size() == 1000);
  CHECK(make_parts(set).val == parts.val);
  CHECK(make_parts(set, Semantics::sound, 0.5).policy.size() == 405);
  // Hashes are spread: no tenth of the indices gets all of val.
  CHECK(std::count_if(parts.val.begin(), parts.val.end(), [](int64_t i) { return i < 550; }) > 30);
  // Small sets still get every part.
  const Parts small = make_parts(Numbered(4));
  CHECK(small.val.size() == 1);
  CHECK(small.policy.size() == 1);
  CHECK(small.weights.size() == 2);
  const Parts one = make_parts(Numbered(1));
  CHECK((one.train.size() == 1 && one.policy.size() == 1 && one.weights.size() == 1));
  std::vector<std::string> keys;
  for (int i = 0; i < 200; ++i) keys.push_back(set.key(i));
  const std::vector<Split> splits = split_by_ratio(keys, 0.1, 0.25);
  CHECK(std::count(splits.begin(), splits.end(), Split::val) == 20);
  CHECK(std::count(splits.begin(), splits.end(), Split::test) == 50);
}

TEST_CASE("normalize: known numbers, and back", "[data]") {
  Picture picture(1, 2, 3);
  picture.pixels = {1, 0.5f, 0, 0.25f, 0.75f, 1};
  float out[6];
  normalize_pixels(picture, Normalize::imagenet, out);
  CHECK(out[0] == Catch::Approx((1 - 0.485) / 0.229));
  CHECK(out[2] == Catch::Approx((0 - 0.406) / 0.225));
  normalize_pixels(picture, Normalize::caffe, out);
  CHECK(out[0] == Catch::Approx(-104.00698793));
  CHECK(out[2] == Catch::Approx(255 - 122.67891434));
  for (Normalize how : {Normalize::none, Normalize::imagenet, Normalize::caffe}) {
    normalize_pixels(picture, how, out);
    const Picture back = restore_pixels(out, 1, 2, 3, how);
    for (int i = 0; i < 6; ++i)
      CHECK(back.pixels[i] == Catch::Approx(picture.pixels[i]).margin(1e-6));
  }
  CHECK_THAT(message_of<ConfigError>(
                 [&] { normalize_pixels(Picture(1, 1, 5), Normalize::imagenet, out); }),
             contains_text("5 channels"));
}

TEST_CASE("augment: flip, zoom and crop, sound and compat", "[data]") {
  const std::vector<TaskSpec> tasks = {task_of(TaskKind::normals), task_of(TaskKind::depth),
                                       task_of(TaskKind::classification, 3)};
  Sample sample{Picture(8, 8, 3, 0.5f), {Picture(8, 8, 3), Picture(8, 8, 1, 2), scalar_picture(1)}};
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      sample.labels[0].at(y, x)[0] = static_cast<float>(x + 1);
      sample.image.at(y, x)[0] = static_cast<float>(x + 1);
    }
  }
  FitOptions options;
  options.augment.flip = true;
  int flips = 0;
  for (uint32_t epoch = 0; epoch < 200; ++epoch) {
    const Philox draws(1, Stream::data, epoch, "x");
    options.sound = true;
    const Sample sound = fit_sample(sample, tasks, options, draws);
    options.sound = false;
    const Sample compat = fit_sample(sample, tasks, options, draws);
    const bool flipped = sound.image.pixels[0] == 8;
    flips += flipped;
    CHECK(sound.labels[0].pixels[0] == (flipped ? -8 : 1));
    CHECK(compat.labels[0].pixels[0] == (flipped ? 8 : 1));
    CHECK(sound.labels[2].pixels[0] == 1);
  }
  CHECK((flips > 70 && flips < 130));

  options.augment.flip = false;
  options.augment.scale = {0.5, 0.5};
  options.sound = true;
  const Sample half = fit_sample(sample, tasks, options, Philox(1, Stream::data, 0, "x"));
  CHECK((half.image.height == 8 && half.labels[1].height == 8));
  CHECK(half.image.at(0, 0)[1] == 0);                   // padded, centred
  CHECK(half.image.at(4, 4)[1] == Catch::Approx(0.5));  // the picture
  CHECK(std::isnan(half.labels[1].at(0, 0)[0]));
  CHECK(half.labels[1].at(4, 4)[0] == 4);  // half as large: twice as far
  options.sound = false;
  CHECK(fit_sample(sample, tasks, options, Philox(1, Stream::data, 0, "x")).labels[1].at(4, 4)[0] ==
        2);

  options.augment.scale = {1, 1};
  options.augment.crop = {3, 5};
  std::set<float> lefts;
  for (uint32_t epoch = 0; epoch < 60; ++epoch) {
    const Sample cut = fit_sample(sample, tasks, options, Philox(1, Stream::data, epoch, "x"));
    REQUIRE((cut.image.height == 3 && cut.image.width == 5 && cut.labels[0].width == 5));
    CHECK(cut.labels[0].pixels[0] == cut.image.pixels[0]);
    lefts.insert(cut.image.pixels[0]);
  }
  CHECK(lefts == std::set<float>{1, 2, 3, 4});
}

TEST_CASE("augment: colours move by factors of the sample, and labels do not", "[data]") {
  const std::vector<TaskSpec> tasks = {task_of(TaskKind::depth)};
  Sample sample{Picture(2, 3, 3), {Picture(2, 3, 1, 2)}};
  for (size_t i = 0; i < 18; ++i) sample.image.pixels[i] = static_cast<float>(i) / 40.0f + 0.1f;
  const auto grey = [](const Picture& p, size_t i) {
    return 0.299 * p.pixels[3 * i] + 0.587 * p.pixels[3 * i + 1] + 0.114 * p.pixels[3 * i + 2];
  };
  FitOptions options;
  double least = 2, most = 0;
  for (uint32_t epoch = 0; epoch < 300; ++epoch) {
    const Philox noise(1, Stream::data, epoch, "augment.x");
    const auto factor = [&](uint32_t element) {
      return 1 + 0.4 * (2 * noise.uniform(element) - 1);
    };
    options.augment = {};
    options.augment.brightness = 0.4;
    const Sample bright = fit_sample(sample, tasks, options, noise);
    least = std::min(least, factor(4));
    most = std::max(most, factor(4));
    options.augment = {};
    options.augment.contrast = 0.4;
    const Sample contrast = fit_sample(sample, tasks, options, noise);
    options.augment = {};
    options.augment.saturation = 0.4;
    const Sample saturated = fit_sample(sample, tasks, options, noise);
    double mean = 0;
    for (size_t i = 0; i < 6; ++i) mean += grey(sample.image, i) / 6;
    for (size_t i = 0; i < 18; ++i) {
      const double x = sample.image.pixels[i], g = grey(sample.image, i / 3);
      CHECK(bright.image.pixels[i] == Catch::Approx(std::min(1.0, factor(4) * x)));
      CHECK(contrast.image.pixels[i] == Catch::Approx(mean + factor(5) * (x - mean)));
      CHECK(saturated.image.pixels[i] == Catch::Approx(g + factor(6) * (x - g)));
    }
    CHECK(bright.labels[0].pixels == sample.labels[0].pixels);
  }
  CHECK((least < 0.65 && most > 1.35));
  CHECK_THAT(
      message_of<ConfigError>([&] {
        fit_sample({Picture(2, 2, 4), {{}}}, tasks, options, Philox(1, Stream::data, 0, "x"));
      }),
      contains_text("pictures of 1 or 3 channels, and one has 4"));
}

TEST_CASE("loader: each epoch has every sample once, in an order of its own", "[data]") {
  const Numbered set(10);
  Loader loader(set, all_of(set), plain_options(5, 0));
  CHECK(loader.batches_per_epoch() == 2);
  std::vector<std::vector<float>> epochs;
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<float> order;
    for (int b = 0; b < 2; ++b) {
      const Batch batch = loader.next();
      CHECK(batch.epoch == epoch);
      CHECK(batch.images.shape() == Shape{5, 4, 6, 3});
      CHECK(batch.targets[0].shape() == Shape{5, 4, 6, 1});
      for (int i = 0; i < 5; ++i) {
        const float number = batch.images.data<float>()[i * 72];
        CHECK(batch.targets[0].data<float>()[i * 24] == number + 1);
        CHECK(batch.keys[i] == set.key(static_cast<int64_t>(number)));
        order.push_back(number);
      }
    }
    CHECK(std::set<float>(order.begin(), order.end()).size() == 10);
    epochs.push_back(order);
  }
  CHECK(epochs[0] != epochs[1]);
  CHECK(epochs[1] != epochs[2]);
}

TEST_CASE("loader: any number of workers and any starting cursor give the same bits", "[data]") {
  std::vector<TaskSpec> tasks = all_scene_tasks();
  const ScenesDataset set(tasks, 5, 32, 32, 23, 0, 0);
  LoaderOptions options;
  options.tasks = tasks;
  options.batch = 4;
  options.fit.augment = {{0.7, 1.4}, true, {24, 28}};
  options.workers = 0;
  std::vector<Batch> reference;
  {
    Loader loader(set, all_of(set), options);
    for (int i = 0; i < 12; ++i) reference.push_back(loader.next());
  }
  for (int workers : {1, 2, 7}) {
    if (test::sanitized && workers != 7) continue;
    for (int start : {0, 7}) {
      options.workers = workers;
      options.start_cursor = start;
      Loader loader(set, all_of(set), options);
      for (int i = start; i < 12; ++i) {
        const Batch batch = loader.next();
        CHECK(batch.cursor == i);
        CHECK(batch.keys == reference[i].keys);
        CHECK(same_bits(batch.images, reference[i].images));
        for (size_t k = 0; k < tasks.size(); ++k) {
          CHECK(same_bits(batch.targets[k], reference[i].targets[k]));
        }
      }
      CHECK(loader.waited_seconds() >= 0);
    }
  }
}

TEST_CASE("loader: the last batch, small parts, missing labels, an end", "[data]") {
  Numbered set(10);
  set.unlabelled = 9;
  LoaderOptions options = plain_options(4, 2);
  options.shuffle = false;
  options.drop_last = false;
  options.end_cursor = 3;
  Loader loader(set, all_of(set), options);
  CHECK(loader.batches_per_epoch() == 3);
  CHECK(loader.next().images.shape()[0] == 4);
  loader.next();
  const Batch last = loader.next();
  CHECK(last.images.shape()[0] == 2);
  CHECK(last.targets[0].data<float>()[0] == 9);
  CHECK(std::isnan(last.targets[0].data<float>()[24]));
  CHECK_THROWS_AS(loader.next(), Error);
  Loader tiny(set, {3, 4}, plain_options(16, 1));
  CHECK(tiny.next().images.shape()[0] == 2);
  CHECK_THAT(message_of<DataError>([&] { Loader(set, {}, options); }),
             contains_text("'train' part"));
}

TEST_CASE("loader: a worker's error comes out of next(), at its own batch", "[data]") {
  Numbered set(10);
  set.broken = 7;
  LoaderOptions options = plain_options(2, 3);
  options.shuffle = false;
  for (int workers : {0, 3}) {
    options.workers = workers;
    Loader loader(set, all_of(set), options);
    for (int i = 0; i < 3; ++i) loader.next();
    for (int again = 0; again < 2; ++again) {
      CHECK(message_of<DataError>([&] { loader.next(); }) == "n7.png: broken PNG");
    }
  }
  set.broken = -1;
  set.wide = 3;
  options.workers = 1;
  Loader loader(set, all_of(set), options);
  loader.next();
  CHECK_THAT(message_of<DataError>([&] { loader.next(); }),
             contains_text("n3.png: 4 x 7 x 3 pixels") && contains_text("data.size"));
}

TEST_CASE("cached: samples are kept up to the limit, and stay the same", "[data]") {
  const Numbered plain(10);
  const size_t sample = 4 * 6 * 4 * sizeof(float);
  CachedDataset cached(std::make_unique<Numbered>(10), 3 * sample + 1);
  for (int round = 0; round < 2; ++round) {
    for (int64_t i = 0; i < 10; ++i) {
      CHECK(cached.load(i).image.pixels == plain.load(i).image.pixels);
      CHECK(cached.load(i).labels[0].pixels == plain.load(i).labels[0].pixels);
      CHECK(cached.key(i) == plain.key(i));
    }
    CHECK(cached.bytes() == 3 * sample);
  }
}

TEST_CASE("cached: runs side by side keep no more together than a quarter of the memory",
          "[data]") {
  constexpr int64_t gib = int64_t{1} << 30;
  CHECK(cache_bytes(512 * gib) == 2 * gib);
  CHECK(cache_bytes(16 * gib) == gib);
  CHECK(cache_bytes(4 * gib) == gib / 2);
  CHECK(cache_bytes(gib) == gib / 4);
  for (const int64_t available : {gib, 4 * gib, 16 * gib, 512 * gib})
    for (const size_t runs : {2, 3, 12, 64})
      CHECK(cache_bytes(available, runs) * static_cast<int64_t>(runs) <= available / 4);
  CHECK(cache_bytes(512 * gib, 12) == 2 * gib);  // where there is plenty, to each as to one alone
  CHECK(cache_bytes(16 * gib, 8) == gib / 2);
}

TEST_CASE("cached: threads share what is kept, within the limit", "[data]") {
  const Numbered plain(10);
  const size_t sample = 4 * 6 * 4 * sizeof(float);
  const CachedDataset cached(std::make_unique<Numbered>(10), 6 * sample + 1);
  std::atomic<int> wrong = 0;
  {
    std::latch start(4);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        for (int64_t i = 0; i < 30; ++i) {
          wrong += cached.load(i % 10).image.pixels != plain.load(i % 10).image.pixels;
        }
      });
    }
  }
  CHECK(wrong == 0);
  CHECK(cached.bytes() == 6 * sample);
}
