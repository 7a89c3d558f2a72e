// VGG-16: the published number of parameters, torchvision's names on both sides of the split,
// forward and every gradient against loops over scalars, costs, weights from a file, refusals.
#include "models/vgg.h"

#include "models/sharing/sharing.h"
#include "tests/support/catch.h"
#include "tests/support/naive_network.h"
#include "tests/support/temp_folder.h"
#include "train/run_folder/checkpoint.h"
#include "train/run_folder/pretrained.h"

using namespace weft;
using weft::test::Image;
using weft::test::message_of;
using weft::test::TempFolder;
using weft::test::Witness;

namespace {

ModelOptions vgg(const std::string& sharing, const std::string& split, double width) {
  ModelOptions options;
  options.sharing = from_word<Sharing>("sharing", sharing);
  options.trunk.kind = TrunkOptions::Kind::vgg16;
  options.trunk.split = split;
  options.trunk.width = width;
  options.tasks = {{"odd", 1, true}, {"room", 3, true}};
  return options;
}

/// What features.N is: 0 a pool, 1 a convolution; ReLUs follow convolutions.
const std::vector<std::pair<int, bool>>& layers() {
  static const std::vector<std::pair<int, bool>> all = {
      {0, true},  {2, true},   {4, false}, {5, true},   {7, true},  {9, false},
      {10, true}, {12, true},  {14, true}, {16, false}, {17, true}, {19, true},
      {21, true}, {23, false}, {24, true}, {26, true},  {28, true}, {30, false}};
  return all;
}

Image naive_layers(const Witness& witness, Image x, const std::string& shared,
                   const std::string& own, int split) {
  for (const auto& [n, conv] : layers()) {
    const std::string name = fmt::format("{}features.{}", n < split ? shared : own, n);
    x = conv ? Witness::relu(witness.conv3x3(x, name)) : Witness::max_pool2(x);
  }
  return x;
}

void check_against_naive(const ModelOptions& options, int split) {
  CpuContext cpu(2);
  const auto model = make_model(&cpu, DType::f64, options);
  Witness witness(*model);
  Image image(1, 32, 32, 3);
  std::vector<double> pixels;
  for (size_t i = 0; i < image.at.size(); ++i) {
    pixels.push_back(test::uneven(static_cast<int64_t>(i)));
    image.at[i] = pixels.back();
  }
  std::vector<Image> expected;
  for (const TaskShape& task : options.tasks) {
    const std::string shared =
        options.sharing == Sharing::single ? "trunks." + task.name + "." : "";
    const Image x = naive_layers(witness, image, shared, "heads." + task.name + ".", split);
    expected.push_back(
        witness.linear(Witness::mean_over_pixels(x), "heads." + task.name + ".fc", true));
  }
  Tape tape(&cpu);
  Pass pass{tape, true, Noise{}};
  const Var x = tape.constant(Tensor::from({1, 32, 32, 3}, pixels, DType::f64));
  witness.check(tape, model->forward(pass, x, nullptr), expected);
}

}  // namespace

TEST_CASE("VGG-16 has 14.715 M parameters, wherever it is split", "[models][vgg]") {
  CpuContext cpu;
  ParameterStore store(&cpu, DType::f32);
  make_vgg16(store, "", {}, 1);
  CHECK(store.count() == 14714688);
  ParameterStore halves(&cpu, DType::f32);
  make_vgg16(halves, "", {.split = "features.17"}, 1);
  const int64_t shared = halves.count();
  make_vgg16_head(halves, "odd", {.split = "features.17"}, 1, {.image_label = true}, 1);
  CHECK(shared < 2000000);
  CHECK(halves.count() == 14714688 + 512 + 1);
}

TEST_CASE("VGG-16: a split puts torchvision's names on both sides", "[models][vgg]") {
  CpuContext cpu;
  const auto model = make_model(&cpu, DType::f32, vgg("hard", "features.24", 0.05));
  ParameterStore& store = model->store();
  for (const char* name : {"features.0.weight", "features.0.bias", "features.21.weight",
                           "heads.odd.features.24.weight", "heads.room.features.24.bias",
                           "heads.room.features.28.weight", "heads.odd.fc.weight"})
    CHECK(store.find(name) != nullptr);
  for (const char* name : {"features.24.weight", "heads.odd.features.21.weight"})
    CHECK(store.find(name) == nullptr);
  CHECK(store.part_of(*store.find("heads.odd.features.24.weight")) == Part::head);
  CHECK(store.part_of(*store.find("features.21.weight")) == Part::trunk);
}

TEST_CASE("VGG-16 equals loops over scalars: outputs and every gradient", "[models][vgg]") {
  SECTION("all shared") { check_against_naive(vgg("hard", "", 0.02), 31); }
  SECTION("split at a convolution") { check_against_naive(vgg("hard", "features.24", 0.02), 24); }
  SECTION("split at a pool") { check_against_naive(vgg("hard", "features.16", 0.02), 16); }
  SECTION("split between a convolution and its ReLU") {
    check_against_naive(vgg("hard", "features.20", 0.02), 20);
  }
  SECTION("networks side by side") { check_against_naive(vgg("single", "features.24", 0.02), 24); }
}

TEST_CASE("VGG-16's cost is the arithmetic of its layers", "[models][vgg]") {
  CpuContext cpu;
  const auto whole = make_model(&cpu, DType::f32, vgg("hard", "", 1));
  const ModelCost cost = whole->cost(224, 224, nullptr);
  CHECK(static_cast<double>(cost.trunk.dense) / 1e9 == Catch::Approx(15.3466).margin(1e-3));
  CHECK(cost.trunk_parameters == 14714688);
  const auto split = make_model(&cpu, DType::f32, vgg("hard", "features.24", 1));
  const ModelCost parts = split->cost(224, 224, nullptr);
  const int64_t own = 3 * 14 * 14 * int64_t{512} * 512 * 9;
  CHECK(parts.trunk.dense == cost.trunk.dense - own);
  CHECK(parts.heads.dense == 2 * own + 512 * (1 + 3));
  CHECK(parts.head_parameters - cost.head_parameters == 2 * 3 * (512 * 512 * 9 + 512));
}

TEST_CASE("VGG-16: a file's layers fill the shared part and every task's copy", "[models][vgg]") {
  CpuContext cpu;
  const TempFolder folder;
  const auto source = make_model(&cpu, DType::f32, vgg("hard", "", 0.05));
  std::vector<NamedTensor> tensors;
  for (const NamedTensor& t : file_tensors(source->store()))
    if (t.name.rfind("features.", 0) == 0) tensors.push_back(t);
  tensors.push_back({"classifier.0.weight", Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6})});
  write_safetensors(folder.file("vgg16.safetensors"), tensors);

  const auto same = [&](const char* theirs, Model& model, const std::string& ours) {
    return source->store().find(theirs)->value.to_vector() ==
           model.store().find(ours)->value.to_vector();
  };
  for (const char* sharing : {"hard", "single"}) {
    ModelOptions options = vgg(sharing, "features.24", 0.05);
    options.seed = 9;
    const auto model = make_model(&cpu, DType::f32, options);
    const bool single = std::string(sharing) == "single";
    ModelSpec start;
    start.init = folder.file("vgg16.safetensors");
    CHECK(load_pretrained(start, *model).tensors == (single ? 2 : 1) * 20 + 12);
    for (const char* trunk : {"trunks.odd.", "trunks.room."})
      for (const char* name : {"features.0.bias", "features.21.weight"})
        CHECK(same(name, *model, (single ? trunk : "") + std::string(name)));
    for (const char* head : {"heads.odd.", "heads.room."})
      for (const char* name : {"features.24.weight", "features.28.bias"})
        CHECK(same(name, *model, head + std::string(name)));
  }
}

TEST_CASE("VGG-16 says what it cannot do", "[models][vgg]") {
  CpuContext cpu;
  const auto refused = [&](const ModelOptions& options) {
    return message_of<ConfigError>([&] { make_model(&cpu, DType::f32, options); });
  };
  CHECK_THAT(refused(vgg("adashare", "", 0.05)),
             contains_text("single") && contains_text("resnet"));
  for (const char* split : {"features.0", "features.31", "features", "classifier.0"})
    CHECK_THAT(refused(vgg("hard", split, 0.05)),
               contains_text(split) && contains_text("features.30"));
}
