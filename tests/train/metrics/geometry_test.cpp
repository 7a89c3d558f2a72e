// One geometry: what an output is trained on is what it is read as. A ramp of labels, taken where
// outputs look and grown again, is the ramp; an edge comes back where it was, to a tenth of a
// pixel; on rendered rooms an oracle is right wherever it was asked.
#include "train/metrics/geometry.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "data/augment.h"
#include "data/resize.h"
#include "data/scenes/scenes_dataset.h"
#include "engine/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/metrics/baseline.h"
#include "train/metrics/decode.h"
#include "train/metrics/labels.h"
#include "train/metrics/metrics.h"

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

std::unique_ptr<Trunk> trunk_of(ParameterStore& store, TrunkOptions::Kind kind, bool deeplab) {
  TrunkOptions options;
  options.kind = kind;
  options.deeplab = deeplab;
  options.width = 0.01;
  return make_trunk(store, "", options, 1);
}

Picture picture_of(int height, int width, const std::function<double(int y, int x)>& f) {
  Picture picture(height, width, 1);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) *picture.at(y, x) = static_cast<float>(f(y, x));
  return picture;
}

Tensor tensor_of(const Picture& picture) {
  return Tensor::from({1, picture.height, picture.width, picture.channels},
                      std::vector<double>(picture.pixels.begin(), picture.pixels.end()));
}

/// Logits of an oracle: 1 for the class that the output is trained on, 0 for the others; any
/// without a label says class 0.
Tensor one_hot(const Tensor& labels, int classes) {
  std::vector<double> logits;
  for (double label : labels.to_vector())
    for (int c = 0; c < classes; ++c) logits.push_back(label == c);
  const Shape& shape = labels.shape();
  return Tensor::from({shape[0], shape[1], shape[2], classes}, logits);
}

/// The rule of before, for comparison: grown as if output i lay at (i + 1/2) labels / outputs -
/// 1/2.
Tensor half_pixel(const Tensor& prediction, int height, int width) {
  const Shape& shape = prediction.shape();
  Picture picture(static_cast<int>(shape[1]), static_cast<int>(shape[2]),
                  static_cast<int>(shape[3]));
  const std::vector<double> values = prediction.to_vector();
  picture.pixels.assign(values.begin(), values.end());
  return tensor_of(resize_bilinear(picture, height, width));
}

double metric(const TaskMetrics& metrics, const std::string& name) {
  for (const Metric& m : metrics.finish())
    if (m.name == name) return m.value.value();
  FAIL("no metric " << name);
  return 0;
}

}  // namespace

TEST_CASE("a ramp sampled where outputs look grows back to the ramp", "[geometry]") {
  const TaskSpec task = task_of(TaskKind::edges);
  const auto ramp = [](int y, int x) { return 100.0 * y + x; };
  CpuContext cpu(1);
  ParameterStore store(&cpu, DType::f32), flat(&cpu, DType::f32), pooled(&cpu, DType::f32);
  const auto deeplab = trunk_of(store, TrunkOptions::Kind::resnet, true),
             plain = trunk_of(flat, TrunkOptions::Kind::resnet, false),
             vgg = trunk_of(pooled, TrunkOptions::Kind::vgg16, true);
  int crossed = 0, beyond = 0;  // pixels between two outputs; last outputs past the picture's edge
  for (const Trunk* trunk : {deeplab.get(), plain.get(), vgg.get()})
    for (int size = trunk == vgg.get() ? 32 : 1; size <= (trunk == deeplab.get() ? 72 : 100);
         ++size) {
      const int height = size, width = size + 3;
      const Shape out = trunk->cost(height, width).out;
      const Grid grid = trunk->grid();
      INFO("stride " << grid.stride << ", " << height << " x " << width << " -> " << out[0] << " x "
                     << out[1]);
      const Tensor labels =
          labels_at(task, Semantics::sound, tensor_of(picture_of(height, width, ramp)), {grid},
                    out[0], out[1]);
      const Picture grown =
          predicted_label(task, Semantics::sound, labels, {grid}, 0, height, width);
      const auto pixel = [&](int64_t i, int extent) {
        return std::min(std::floor(grid.first + static_cast<double>(i) * grid.stride + 0.5),
                        extent - 1.0);
      };
      beyond += grid.first + static_cast<double>(out[0] - 1) * grid.stride > height - 1;
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
          const double at_y = std::clamp<double>(y, pixel(0, height), pixel(out[0] - 1, height)),
                       at_x = std::clamp<double>(x, pixel(0, width), pixel(out[1] - 1, width));
          crossed += at_x == x && std::fmod(x - pixel(0, width), grid.stride) != 0;
          if (std::abs(*grown.at(y, x) - (100 * at_y + at_x)) > 1e-3) {
            CAPTURE(y, x, *grown.at(y, x), at_y, at_x);
            FAIL_CHECK("not on the ramp");
          }
        }
    }
  CHECK(crossed > 100000);
  CHECK(beyond > 5);  // with 64 rows, output 8 of stride 8 would look at row 64
}

TEST_CASE("an edge comes back where it was, to a tenth of a pixel", "[geometry]") {
  // Outputs that know how far the edge is; whoever reads them half a cell off is 4 pixels wrong.
  const TaskSpec task = task_of(TaskKind::segmentation, 2);
  for (const int width : {65, 64, 60, 57})
    for (int tenth = 10; tenth < 10 * (width - 10); tenth += 7) {
      const double edge = 0.1 * tenth;
      const int outputs = width == 64 ? 9 : (width - 1) / 8 + 1;
      std::vector<double> logits;
      for (int i = 0; i < outputs; ++i) {
        logits.push_back(edge - std::min(8 * i, width - 1));
        logits.push_back(0);
      }
      const Picture label =
          predicted_label(task, Semantics::sound, Tensor::from({1, 1, outputs, 2}, logits),
                          {{0, 8}, 8, 0}, 0, 1, width);
      for (int x = 0; x < width - 8; ++x) {
        if (std::abs(x - edge) < 1e-6) continue;
        CAPTURE(width, edge, x);
        REQUIRE(label.pixels[static_cast<size_t>(x)] == (x > edge));
      }
    }
}

TEST_CASE("labels of another size than the picture cover the same area", "[geometry]") {
  // A picture of 33 pixels at stride 8; labels a third, half, twice, three times and 2.5 times it.
  const TaskSpec task = task_of(TaskKind::edges);
  for (const int labels : {11, 16, 33, 66, 82, 99}) {
    const double scale = labels / 33.0;
    const Geometry geometry{{0, 8}, 33, 33};
    // Value = the place in the picture, where 0 is the middle of its first pixel.
    const auto place = [&](int x) { return (x + 0.5) / scale - 0.5; };
    const Tensor taken =
        labels_at(task, Semantics::sound,
                  tensor_of(picture_of(labels, labels, [&](int, int x) { return place(x); })),
                  geometry, 5, 5);
    const Picture grown =
        predicted_label(task, Semantics::sound, Tensor::from({1, 1, 5, 1}, {0, 8, 16, 24, 32}),
                        {geometry.grid, 1, 33}, 0, 1, labels);
    for (int i = 0; i < 5; ++i) {
      CAPTURE(labels, i);  // the nearest label lies within half of one
      CHECK(std::abs(taken.to_vector()[static_cast<size_t>(i)] - 8 * i) <= 0.5 / scale + 1e-5);
    }
    for (int x = 0; x < labels; ++x) {
      CAPTURE(labels, x);
      CHECK(grown.pixels[static_cast<size_t>(x)] ==
            Catch::Approx(std::clamp(place(x), 0.0, 32.0)).margin(1e-5));
    }
  }
}

TEST_CASE("labels go where their picture goes when both are resized", "[geometry]") {
  // A ramp in both: the label is the ramp where the picture is, to half a pixel of the source.
  for (const int from : {40, 60, 90})
    for (const int to : {7, 20, 33, 61, 160}) {
      Sample sample;
      const double edge = 0.4 * from;
      sample.image = picture_of(4, from, [&](int, int x) { return x - edge; });
      sample.labels = {picture_of(4, from, [&](int, int x) { return x; })};
      FitOptions fit;
      fit.height = 4;
      fit.width = to;
      const double step = static_cast<double>(from) / to;
      for (const bool sound : {true, false}) {
        fit.sound = sound;
        const Sample fitted =
            fit_sample(sample, {task_of(TaskKind::edges)}, fit, Philox(1, Stream::data, 0, "fit"));
        double bias = 0, worst = 0;
        for (int x = 2; x < to - 2; ++x) {
          const double apart = *fitted.labels[0].at(1, x) - (*fitted.image.at(1, x) + edge);
          bias += apart / (to - 4);
          worst = std::max(worst, std::abs(apart));
        }
        CAPTURE(from, to, sound, bias, worst);
        if (sound) {
          CHECK(worst <= 0.5 + 1e-4);
        } else if (step > 1.3) {
          CHECK(bias < -0.1);
        }
      }
    }
}

TEST_CASE("compat keeps the official code's nearest floor", "[geometry][compat]") {
  const TaskSpec task = task_of(TaskKind::edges);
  const Tensor target = tensor_of(picture_of(1, 20, [](int, int x) { return x; }));
  for (const Geometry& geometry : {Geometry{}, Geometry{{0, 8}}, Geometry{{15.5, 32}, 7, 9}}) {
    CHECK(labels_at(task, Semantics::compat, target, geometry, 1, 3).to_vector() ==
          std::vector<double>{0, 6, 13});
    const Picture grown = predicted_label(task, Semantics::compat,
                                          Tensor::from({1, 1, 3, 1}, {1, 2, 3}), geometry, 0, 1, 5);
    CHECK(grown.pixels == std::vector<float>{1, 1, 2, 2, 3});
  }
}

TEST_CASE("on rendered rooms an oracle is right wherever it was asked", "[geometry]") {
  const std::vector<TaskSpec> tasks = all_scene_tasks();
  const auto index_of = [&](TaskKind kind) {
    for (size_t k = 0; k < tasks.size(); ++k)
      if (tasks[k].kind == kind) return k;
    return tasks.size();
  };
  const size_t seg = index_of(TaskKind::segmentation), depth = index_of(TaskKind::depth);
  const Geometry geometry{{0, 8}};
  for (const auto& [height, width] : {std::pair{97, 129}, {96, 128}, {60, 84}}) {
    const ScenesDataset scenes(tasks, 5, height, width, 24, 1, 1);
    // The deeplab form's sizes: with 96 and 128 pixels the last output looks past the edge.
    const int rows = (height + 7) / 8 + (height == 96), columns = (width + 7) / 8 + (width == 128);
    TaskMetrics now(tasks[seg], Semantics::sound), before(tasks[seg], Semantics::sound);
    int64_t wrong = 0, asked = 0;
    for (int64_t i = 0; i < 24; ++i) {
      const Sample sample = scenes.load(i);
      const Tensor ids = tensor_of(sample.labels[seg]), metres = tensor_of(sample.labels[depth]);
      const auto taken = [&](size_t k, const Tensor& target, Semantics semantics) {
        return labels_at(tasks[k], semantics, target, geometry, rows, columns);
      };
      const auto grown = [&, h = height, w = width](size_t k, const Tensor& prediction) {
        return predicted_label(tasks[k], Semantics::sound, prediction, geometry, 0, h, w);
      };
      const Tensor logits = one_hot(taken(seg, ids, Semantics::sound), tasks[seg].classes);
      now.add(logits, ids, geometry);
      before.add(half_pixel(one_hot(taken(seg, ids, Semantics::compat), tasks[seg].classes), height,
                            width),
                 ids);
      const Picture said = grown(seg, logits),
                    far = grown(depth, taken(depth, metres, Semantics::sound));
      for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) {
          const int y = std::min(8 * r, height - 1), x = std::min(8 * c, width - 1);
          const auto differ = [&](const Picture& said, const Picture& label) {
            return !std::isnan(*label.at(y, x)) && *said.at(y, x) != *label.at(y, x);
          };
          wrong += differ(said, sample.labels[seg]) + differ(far, sample.labels[depth]);
          ++asked;
        }
    }
    CAPTURE(height, width, asked, metric(now, "miou"), metric(before, "miou"));
    CHECK(wrong == 0);
    // 71.3 and 71.2 and 61.6, with half a cell between label and prediction 56.1, 56.5 and 45.2.
    CHECK(metric(now, "miou") > metric(before, "miou") + 14);
  }
}

TEST_CASE("outputs that are not those of the picture are an error, not a shift", "[geometry]") {
  const TaskSpec task = task_of(TaskKind::depth);
  const Tensor target = tensor_of(picture_of(33, 40, [](int, int) { return 1; }));
  const auto message = [&](const Geometry& geometry, int64_t height, int64_t width) {
    return message_of<ShapeError>(
        [&] { labels_at(task, Semantics::sound, target, geometry, height, width); });
  };
  CHECK(message({{0, 8}}, 5, 5).empty());
  CHECK(message({{0, 8}}, 5, 6).empty());  // the last one looks past the edge
  CHECK(message({{15.5, 32}}, 1, 1).empty());
  CHECK(message({}, 5, 5) ==
        "task 'depth': predictions of 5 x 5, 1 pixels apart from pixel 0 on, are not those of a "
        "picture of 33 x 40; pass the geometry of the network that made them");
  CHECK_FALSE(message({{0, 8}}, 4, 5).empty());
  CHECK_FALSE(message({{0, 8}}, 6, 5).empty());
  CHECK_FALSE(message({{0, 16}}, 5, 5).empty());
  CHECK_FALSE(message({{0, 8}, 66, 80}, 5, 5).empty());
  CHECK_FALSE(message({}, 33, 41).empty());
  Baseline baseline(task, Semantics::sound);
  CHECK_FALSE(message_of<ShapeError>([&] { baseline.add(target, {}, 5, 5); }).empty());
  TaskMetrics metrics(task, Semantics::sound);
  CHECK_FALSE(message_of<ShapeError>([&] {
                metrics.add(Tensor::from({1, 1, 1, 1}, {1}), target);
              }).empty());
}
