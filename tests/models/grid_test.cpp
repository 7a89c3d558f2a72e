// Where outputs look, held against what networks do rather than against their layers' numbers: with
// kernels that are their own mirror images, a network gives a turned picture turned outputs only
// where output 0 looks as far from the first pixel as the last one from the last pixel.
#include "models/grid.h"

#include <cmath>

#include "models/sharing/sharing.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

struct Net {
  const char* name;
  ModelOptions options;
  Grid grid;
  int64_t size;  ///< of a square picture whose outputs' places are their own mirror image
};

std::vector<Net> nets() {
  std::vector<Net> all;
  const auto add = [&](const char* name, Grid grid, int64_t size, auto&& change) {
    ModelOptions options;
    options.sharing = Sharing::hard;
    options.tasks = {{"edges", 1}};
    options.trunk.width = 0.01;
    options.head.width = 4;
    options.head.dropout = 0;
    change(options);
    all.push_back({name, options, grid, size});
  };
  const auto deeplab = [](int depth, bool first, bool aspp) {
    return [=](ModelOptions& o) {
      o.trunk.depth = depth;
      o.trunk.stride_on_first = first;
      o.head.aspp = aspp;
    };
  };
  const auto plain = [](int depth) {
    return [=](ModelOptions& o) {
      o.trunk.depth = depth;
      o.trunk.deeplab = false;
      o.head.aspp = false;
    };
  };
  const auto vgg = [](const char* split) {
    return [=](ModelOptions& o) {
      o.trunk.kind = TrunkOptions::Kind::vgg16;
      o.trunk.split = split;
      o.head.aspp = false;
    };
  };
  const auto sharing = [](Sharing way) {
    return [=](ModelOptions& o) {
      o.sharing = way;
      o.trunk.width = 0.125;
      o.tasks.push_back({"depth", 1});
    };
  };
  add("resnet18 deeplab, aspp", {0, 8}, 41, deeplab(18, false, true));
  add("resnet18 deeplab, linear", {0, 8}, 41, deeplab(18, false, false));
  add("resnet50 deeplab", {0, 8}, 33, deeplab(50, false, true));
  add("resnet50 deeplab, strides first", {0, 8}, 33, deeplab(50, true, true));
  add("resnet18 plain", {0, 32}, 97, plain(18));
  add("resnet50 plain", {0, 32}, 65, plain(50));
  for (const bool small_deeplab : {true, false})
    add(small_deeplab ? "resnet18 deeplab, small stem" : "resnet18 plain, small stem",
        {0, small_deeplab ? 2.0 : 8.0}, 33, [=](ModelOptions& o) {
          o.trunk.small_stem = true;
          o.trunk.deeplab = small_deeplab;
          o.head.aspp = false;
        });
  add("vgg16", {15.5, 32}, 96, vgg(""));
  add("vgg16, the last stage a task's own", {15.5, 32}, 64, vgg("features.24"));
  add("vgg16, all but a layer a task's own", {15.5, 32}, 64, vgg("features.1"));
  add("mlp", {0, 1}, 5, [](ModelOptions& o) {
    o.trunk.kind = TrunkOptions::Kind::mlp;
    o.head.aspp = false;
  });
  for (const Sharing way : test::all_ways())
    if (way != Sharing::mtan)  // whose pools round up, which is not symmetric
      add(name_of(way), {0, 8}, 33, sharing(way));
  return all;
}

/// Every kernel the mean of itself and itself turned by half a turn.
void make_symmetric(ParameterStore& store) {
  for (Parameter& p : store.parameters()) {
    const Shape& shape = p.value.shape();
    if (shape.rank() != 4) continue;
    const int64_t taps = shape[1] * shape[2], channels = shape[3];
    double* w = p.value.data<double>();
    for (int64_t k = 0; k < shape[0]; ++k, w += taps * channels)
      for (int64_t t = 0; t <= taps / 2; ++t)
        for (int64_t c = 0; c < channels; ++c) {
          double &a = w[t * channels + c], &b = w[(taps - 1 - t) * channels + c];
          a = b = 0.5 * (a + b);
        }
  }
}

Tensor turned(const Tensor& image) {
  const int64_t pixels = image.shape()[1] * image.shape()[2], channels = image.shape()[3];
  const std::vector<double> in = image.to_vector();
  std::vector<double> out;
  for (int64_t i = pixels - 1; i >= 0; --i)
    for (int64_t c = 0; c < channels; ++c) out.push_back(in[static_cast<size_t>(i * channels + c)]);
  return Tensor::from(image.shape(), out, DType::f64);
}

Tensor output(const Model& model, CpuContext& cpu, const Tensor& image) {
  Tape tape(&cpu, Tape::Mode::no_grad);
  Pass pass{tape, /*training=*/true, Noise{}};  // its batch norm keeps values apart from 0
  return model.forward(pass, tape.constant(image), nullptr)[0].value();
}

}  // namespace

TEST_CASE("outputs look where their network's grid says", "[models][geometry]") {
  CpuContext cpu(2);
  for (const Net& net : nets()) {
    INFO(net.name);
    const auto model = make_model(&cpu, DType::f64, net.options);
    for (size_t k = 0; k < net.options.tasks.size(); ++k) CHECK(model->grid(k) == net.grid);
    make_symmetric(model->store());
    std::vector<double> pixels;
    for (int64_t i = 0; i < net.size * net.size * 3; ++i)
      pixels.push_back(std::sin(0.37 * static_cast<double>(i)) + 0.2);
    const Tensor image = Tensor::from({1, net.size, net.size, 3}, pixels, DType::f64);
    const Tensor there = output(*model, cpu, image), back = output(*model, cpu, turned(image));
    const std::vector<double> a = turned(there).to_vector(), b = back.to_vector();
    double apart = 0, least = a[0], most = a[0];
    for (size_t i = 0; i < a.size(); ++i) {
      apart = std::max(apart, std::abs(a[i] - b[i]));
      least = std::min(least, a[i]);
      most = std::max(most, a[i]);
    }
    CAPTURE(apart, least, most);
    CHECK(apart < 1e-9 * (most - least));
    // As far behind the last output as before the first; one output more for each stride.
    const auto outputs = static_cast<double>(there.shape()[1]);
    CHECK(2 * net.grid.first + (outputs - 1) * net.grid.stride ==
          static_cast<double>(net.size - 1));
  }
}

TEST_CASE("MTAN's outputs look where its trunk's do", "[models][geometry]") {
  CpuContext cpu(1);
  ModelOptions options;
  options.sharing = Sharing::mtan;
  options.trunk.width = 0.01;
  options.head.width = 4;
  options.tasks = {{"edges", 1}, {"depth", 1}};
  const auto model = make_model(&cpu, DType::f32, options);
  CHECK(model->grid(1) == model->trunk().grid());
  CHECK(model->grid(1) == Grid{0, 8});
}

TEST_CASE("the grid of a chain of layers", "[models][geometry]") {
  CHECK(Grid{}.through(7, 2, 3) == Grid{0, 2});
  CHECK(Grid{}.through(3, 1, 4, 4) == Grid{0, 1});
  CHECK(Grid{}.through(2, 2, 0).through(2, 2, 0) == Grid{1.5, 4});
  CHECK(Grid{}.through(3, 2, 0).through(5, 3, 1) == Grid{3, 6});
}
