// VD-CNN: names, sizes and cost; hard sharing, networks side by side and AdaShare with soft,
// selecting and skipping gates against loops over scalars (values, every gradient, the embedding's
// and the gates' own); texts of each task's own; the k-max head; which ids are read.
#include "models/vdcnn.h"

#include "models/sharing/sharing.h"
#include "models/sharing/way.h"
#include "tests/models/ways.h"
#include "tests/support/catch.h"
#include "tests/support/naive_network.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using weft::test::Image;
using weft::test::message_of;
using weft::test::Scalar;
using weft::test::Witness;

namespace {

constexpr int64_t texts = 2, length = 21, characters = 5, k_max = 2;

ModelOptions vdcnn(const std::string& sharing, int depth = 9) {
  ModelOptions options;
  options.sharing = from_word<Sharing>("sharing", sharing);
  options.trunk.kind = TrunkOptions::Kind::vdcnn;
  options.trunk.depth = depth;
  options.trunk.width = 1.0 / 16;
  options.trunk.in_channels = 1;
  options.trunk.characters = characters;
  options.trunk.embedding = 3;
  options.head.width = 5;
  options.head.dropout = 0;
  options.head.k_max = k_max;
  options.tasks = {{"topic", 3, true}, {"tone", 1, true}};
  return options;
}

int64_t id_at(int64_t i) { return (7 * i + i * i / 3) % characters; }

/// ids of `count` texts, on the device of a tape as numbers.
Tensor ids(int64_t count = texts) {
  std::vector<double> values;
  for (int64_t i = 0; i < count * length; ++i) values.push_back(static_cast<double>(id_at(i)));
  return Tensor::from({count, 1, length, 1}, values, DType::f64);
}

Image embedded(const Witness& w, const std::string& name, int64_t first_text, int64_t count) {
  const int64_t width = w.size(name) / characters;
  Image e(count, 1, length, width);
  for (int64_t i = 0; i < count * length; ++i)
    for (int64_t c = 0; c < width; ++c)
      e.at[static_cast<size_t>(i * width + c)] =
          w.parameter(name, id_at(first_text * length + i) * width + c);
  return e;
}

/// Kernel 1 x 3, padding 1 to the left and right, no bias.
Image conv3(const Witness& w, const Image& x, const std::string& name) {
  const int64_t out = w.size(name + ".weight") / (3 * x.c);
  Image y(x.n, 1, x.w, out);
  for (int64_t i = 0; i < x.n; ++i)
    for (int64_t p = 0; p < x.w; ++p)
      for (int64_t k = 0; k < out; ++k) {
        Scalar sum(0);
        for (int64_t t = 0; t < 3; ++t) {
          const int64_t at = p + t - 1;
          if (at < 0 || at >= x.w) continue;
          for (int64_t c = 0; c < x.c; ++c)
            sum = sum + x(i, 0, at, c) * w.parameter(name + ".weight", (k * 3 + t) * x.c + c);
        }
        y(i, 0, p, k) = sum;
      }
  return y;
}

/// Every second place, from the first.
Image halved(const Image& x) {
  Image y(x.n, 1, (x.w + 1) / 2, x.c);
  for (int64_t i = 0; i < y.n; ++i)
    for (int64_t p = 0; p < y.w; ++p)
      for (int64_t c = 0; c < y.c; ++c) y(i, 0, p, c) = x(i, 0, 2 * p, c);
  return y;
}

/// The largest of three around every second place.
Image pooled(const Image& x) {
  Image y = halved(x);
  for (int64_t i = 0; i < y.n; ++i)
    for (int64_t p = 0; p < y.w; ++p)
      for (int64_t c = 0; c < y.c; ++c)
        for (int64_t at = std::max<int64_t>(0, 2 * p - 1); at <= std::min(x.w - 1, 2 * p + 1); ++at)
          if (x(i, 0, at, c).value > y(i, 0, p, c).value) y(i, 0, p, c) = x(i, 0, at, c);
  return y;
}

/// Each channel's k largest, falling, one after the other: [n, 1, 1, k C].
Image largest(const Image& x, int64_t k) {
  Image y(x.n, 1, 1, k * x.c);
  for (int64_t i = 0; i < x.n; ++i)
    for (int64_t c = 0; c < x.c; ++c) {
      std::vector<Scalar> column;
      for (int64_t p = 0; p < x.w; ++p) column.push_back(x(i, 0, p, c));
      std::stable_sort(column.begin(), column.end(),
                       [](const Scalar& a, const Scalar& b) { return a.value > b.value; });
      for (int64_t j = 0; j < k; ++j) y(i, 0, 0, j * x.c + c) = column[static_cast<size_t>(j)];
    }
  return y;
}

Image head(const Witness& w, const Image& x, const std::string& task) {
  const std::string name = "heads." + task;
  const Image h1 = Witness::relu(w.linear(largest(x, k_max), name + ".fc1", true));
  const Image h2 = Witness::relu(w.linear(h1, name + ".fc2", true));
  return w.linear(h2, name + ".fc", true);
}

/// One task's pass of its own; p[l] = {select, skip}.
Image naive(const Witness& w, const std::string& prefix, const std::string& task, int per_stage,
            const std::vector<std::array<Scalar, 2>>& p, int64_t first_text = 0) {
  const Image e = embedded(w, prefix + "embedding.weight", first_text, texts);
  Image x = Witness::relu(w.batch_norm(conv3(w, e, prefix + "stem.0"), prefix + "stem.1"));
  size_t l = 0;
  for (int stage = 0; stage < 4; ++stage)
    for (int b = 0; b < per_stage; ++b, ++l) {
      const std::string block = fmt::format("{}layer{}.{}.", prefix, stage + 1, b);
      const bool shrinks = stage > 0 && b == 0;
      const Image seen = shrinks ? pooled(x) : x;
      const Image h = Witness::relu(w.batch_norm(conv3(w, seen, block + "conv1"), block + "bn1"));
      Image f = w.batch_norm(conv3(w, h, block + "conv2"), block + "bn2");
      if (shrinks)
        x = w.batch_norm(w.linear(halved(x), block + "downsample.0", false),
                         block + "downsample.1");
      for (size_t i = 0; i < f.at.size(); ++i)
        x.at[i] = relu(x.at[i] + f.at[i]) * p[l][0] + x.at[i] * p[l][1];
    }
  return head(w, x, task);
}

std::vector<std::array<Scalar, 2>> every_block(int blocks) {
  return std::vector<std::array<Scalar, 2>>(static_cast<size_t>(blocks), {Scalar(1), Scalar(0)});
}

}  // namespace

TEST_CASE("VD-CNN: names, parameters, maps and cost of the paper's three depths",
          "[models][vdcnn]") {
  CpuContext cpu;
  const std::pair<int, int> blocks_of[] = {{9, 4}, {17, 8}, {29, 14}};
  for (const auto& [depth, blocks] : blocks_of) {
    ParameterStore store(&cpu, DType::f32);
    const auto trunk = make_vdcnn(store, "", {.depth = depth, .characters = 70}, 1);
    CHECK(trunk->blocks() == blocks);
    CHECK(1 + 2 * blocks == depth);  // convolutions, the shortcuts' not counted
    CHECK(trunk->block_name(0) == "layer1.0");
    const std::vector<TrunkStage> stages = trunk->stages();
    REQUIRE(stages.size() == 4);
    CHECK(trunk->grid() == Grid{0, 8});
    CHECK((stages[3].end == blocks && stages[3].channels == 512 && stages[3].stride == 8));
    for (const char* name :
         {"embedding.weight", "stem.0.weight", "stem.1.bias", "layer1.0.conv1.weight",
          "layer2.0.downsample.0.weight", "layer4.0.bn2.bias"})
      CHECK(store.find(name) != nullptr);
    CHECK(store.find("layer1.0.downsample.0.weight") == nullptr);
    CHECK(store.find("embedding.weight")->value.shape() == Shape{70, 16});
    CHECK(store.find("layer2.0.conv1.weight")->value.shape() == Shape{128, 1, 3, 64});
    const TrunkCost cost = trunk->cost(1, 1014);
    CHECK(cost.out == Shape{1, 127, 512});
    CHECK(cost.stem.dense == 1014 * 3 * 16 * 64);
    CHECK(cost.residual[0].dense == 1014 * 3 * 2 * 64 * 64);
    CHECK(cost.shortcut[static_cast<size_t>(stages[1].begin)].dense == 507 * 64 * 128);
  }
  ParameterStore store(&cpu, DType::f32);
  make_vdcnn(store, "", {.depth = 9, .characters = 70}, 1);
  const auto block = [](int64_t in, int64_t out) {
    return 3 * out * (in + out) + 4 * out + (in == out ? 0 : in * out + 2 * out);
  };
  CHECK(store.count() == 70 * 16 + 3 * 16 * 64 + 2 * 64 + block(64, 64) + block(64, 128) +
                             block(128, 256) + block(256, 512));
  CHECK_THAT(message_of<ConfigError>([&] { make_vdcnn(store, "x.", {.depth = 10}, 1); }),
             contains_text("no VD-CNN of depth 10"));
}

TEST_CASE("VD-CNN equals loops over scalars: outputs and every gradient, the embedding's too",
          "[models][vdcnn]") {
  for (const std::string sharing : {"hard", "single"})
    for (const int depth : {9, 17}) {
      INFO(sharing << " " << depth);
      CpuContext cpu(2);
      const auto model = make_model(&cpu, DType::f64, vdcnn(sharing, depth));
      Witness witness(*model);
      std::vector<Image> expected;
      for (const TaskShape& task : model->tasks())
        expected.push_back(naive(witness, sharing == "single" ? "trunks." + task.name + "." : "",
                                 task.name, depth / 8, every_block(depth / 2)));
      Tape tape(&cpu);
      Pass pass{tape, true, Noise{}};
      witness.check(tape, model->forward(pass, tape.constant(ids()), nullptr), expected);
    }
}

TEST_CASE("VD-CNN under AdaShare equals one pass a task, gates and their gradients too",
          "[models][vdcnn]") {
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, vdcnn("adashare"));
  for (Parameter* logits : model->policy()->logits()) logits->trainable = false;
  Witness witness(*model);
  const std::vector<std::vector<Gate::Kind>> kinds = {
      {Gate::Kind::soft, Gate::Kind::select, Gate::Kind::soft, Gate::Kind::select},
      {Gate::Kind::select, Gate::Kind::soft, Gate::Kind::skip, Gate::Kind::soft}};
  Tape tape(&cpu);
  PolicySample sample;
  std::vector<Image> expected;
  std::vector<std::vector<std::array<Scalar, 2>>> gates;
  for (size_t k = 0; k < kinds.size(); ++k) {
    auto& task = sample.gates.emplace_back();
    auto& p = gates.emplace_back();
    std::vector<double> values;
    for (size_t l = 0; l < kinds[k].size(); ++l) {
      const Gate::Kind kind = kinds[k][l];
      task.push_back({kind});
      const double select = kind == Gate::Kind::select ? 1
                            : kind == Gate::Kind::skip ? 0
                                                       : 0.2 + 0.1 * double(3 * k + l);
      p.push_back({Scalar::input(select), Scalar::input(1 - select)});
      values.insert(values.end(), {select, 1 - select});
    }
    sample.p.push_back(tape.leaf(Tensor::from({4, 2}, values, DType::f64)));
    expected.push_back(naive(witness, "", model->tasks()[k].name, 1, p));
  }
  Pass pass{tape, true, Noise{}};
  witness.check(tape, model->forward(pass, tape.constant(ids()), &sample), expected);
  for (size_t k = 0; k < kinds.size(); ++k) {
    const std::vector<double> found = tape.grad(sample.p[k]).to_vector();
    for (size_t l = 0; l < kinds[k].size(); ++l) {
      if (kinds[k][l] != Gate::Kind::soft) continue;
      for (size_t side = 0; side < 2; ++side)
        CHECK(found[2 * l + side] ==
              Catch::Approx(witness.gradient(gates[k][l][side])).epsilon(1e-9));
    }
  }
}

TEST_CASE("VD-CNN on texts of each task's own equals a pass on each task's", "[models][vdcnn]") {
  CpuContext cpu(2);
  ModelOptions options = vdcnn("hard");
  options.separate_inputs = true;
  const auto model = make_model(&cpu, DType::f64, options);
  Witness witness(*model);
  const std::vector<Image> expected = {naive(witness, "", "topic", 1, every_block(4)),
                                       naive(witness, "", "tone", 1, every_block(4), texts)};
  Tape tape(&cpu);
  Pass pass{tape, true, Noise{}};
  witness.check(tape, model->forward(pass, tape.constant(ids(2 * texts)), nullptr), expected);
}

TEST_CASE("every way of sharing runs on VD-CNN's trunk", "[models][vdcnn]") {
  CpuContext cpu(2);
  for (const Sharing way : test::all_ways()) {
    INFO(name_of(way));
    if (way_of(way).per_input || way_of(way).levels) {  // pictures and tables; a ResNet's channels
      CHECK_THROWS_AS(make_model(&cpu, DType::f64, vdcnn(name_of(way), 17)), ConfigError);
      continue;
    }
    const auto model = make_model(&cpu, DType::f64, vdcnn(name_of(way), 17));
    Tape tape(&cpu);
    Pass pass{tape, true, Noise{}};
    const auto outputs = model->forward(pass, tape.constant(ids()), nullptr);
    REQUIRE(outputs.size() == 2);
    CHECK(outputs[0].shape() == Shape{texts, 1, 1, 3});
    tape.backward(add(sum(outputs[0]), sum(outputs[1])));
    for (const Parameter& p : model->store().parameters())
      if (p.trainable && p.grad.defined())
        for (double g : p.grad.to_vector()) CHECK(std::isfinite(g));
    CHECK(model->cost(1, length, nullptr).heads.dense ==
          5 * (2 * 32 + 5 + 3) + 5 * (2 * 32 + 5 + 1));
  }
}

TEST_CASE("VD-CNN with a linear head averages over the text", "[models][vdcnn]") {
  CpuContext cpu(2);
  ModelOptions options = vdcnn("hard");
  options.head.k_max = 0;
  const auto model = make_model(&cpu, DType::f64, options);
  CHECK(model->store().find("heads.tone.fc.weight")->value.shape() == Shape{1, 32});
  CHECK(model->store().find("heads.tone.fc1.weight") == nullptr);
}
