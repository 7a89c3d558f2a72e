// model.init takes a trunk that is this network's and no other: what is missing and what is over is
// listed, shapes and values are checked, and a part is taken only when asked for.
#include "train/run_folder/pretrained.h"

#include <cmath>
#include <functional>

#include "io/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "train/run_folder/checkpoint.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

ModelOptions options(int depth, const std::string& sharing = "hard",
                     const std::vector<std::string>& tasks = {"a", "b"}) {
  ModelOptions o;
  o.sharing = from_word<Sharing>("sharing", sharing);
  o.trunk.depth = depth;
  o.trunk.width = 0.0625;
  o.head.aspp = false;
  for (const std::string& task : tasks) o.tasks.push_back({task, 1, true});
  return o;
}

struct Source {
  CpuContext cpu{1};
  TempFolder folder;
  std::string path = folder.file("init.safetensors");

  std::unique_ptr<Model> model(const ModelOptions& o) { return make_model(&cpu, DType::f32, o); }
  /// The tensors of a network of other weights than `into` has.
  void write(ModelOptions from, const std::function<void(std::vector<NamedTensor>&)>& change = {}) {
    from.seed = 9;
    auto tensors = file_tensors(model(from)->store());
    if (change) change(tensors);
    write_safetensors(path, tensors);
  }
  ModelSpec start(bool partial = false, bool heads = false) const {
    ModelSpec spec;
    spec.init = path;
    spec.init_partial = partial;
    spec.init_heads = heads;
    return spec;
  }
  std::string complaint(const ModelOptions& into, bool partial = false) {
    const auto m = model(into);
    return message_of<DataError>([&] { load_pretrained(start(partial), *m); });
  }
};

void set(std::vector<NamedTensor>& tensors, const std::string& name, double value) {
  for (NamedTensor& t : tensors)
    if (t.name == name) {
      auto values = t.value.to_vector();
      values[0] = value;
      t.value = Tensor::from(t.value.shape(), values, t.value.dtype());
    }
}

}  // namespace

TEST_CASE("model.init: another network's trunk is refused, with what is missing and what is over",
          "[train][init]") {
  Source source;
  source.write(options(18));
  CHECK(source.complaint(options(18)).empty());
  const std::string deeper = source.complaint(options(34));
  CHECK_THAT(deeper, contains_text("100 of 180 tensors are there; missing: layer1.2.conv1.weight"));
  CHECK_THAT(deeper, contains_text("more; set model.trunk") && !contains_text("unexpected:"));
  CHECK_THAT(deeper, contains_text("model.init_partial = true"));
  source.write(options(34));
  CHECK_THAT(source.complaint(options(18)),
             contains_text("100 of 100 tensors are there; unexpected: "));
  source.write(options(18), [](auto& tensors) { tensors.resize(1); });
  CHECK_THAT(source.complaint(options(18)), contains_text("1 of 100 tensors are there; missing: "));
  source.write(options(34), [](auto& tensors) { tensors.erase(tensors.begin()); });  // both ways
  CHECK_THAT(source.complaint(options(18)),
             contains_text("missing: ") && contains_text("unexpected: "));
  // One tensor over, of a name that no trunk has; classifiers and heads are no part of it.
  source.write(options(18), [](auto& tensors) {
    tensors.push_back({"fc.weight", Tensor::from({2}, {1, 2})});
    tensors.push_back({"classifier.0.weight", Tensor::from({2}, {1, 2})});
  });
  CHECK(source.complaint(options(18)).empty());
  source.write(options(18), [](auto& tensors) {
    tensors.push_back({"attention.weight", Tensor::from({2}, {1, 2})});
  });
  CHECK_THAT(source.complaint(options(18)), contains_text("; unexpected: attention.weight"));
  source.write(options(18), [](auto& tensors) {
    for (NamedTensor& t : tensors) t.name = "module." + t.name;
  });
  CHECK_THAT(source.complaint(options(18)), contains_text("holds none of the trunk's tensors"));
}

TEST_CASE("model.init_partial takes what fits, and says how many of how many", "[train][init]") {
  Source source;
  const auto taken = [&](const ModelOptions& into) {
    const auto model = source.model(into);
    const Taken t = load_pretrained(source.start(true), *model);
    return std::pair{t.tensors, t.of};
  };
  source.write(options(18));
  CHECK(taken(options(34)) == std::pair{100, 180});
  source.write(options(34));
  CHECK(taken(options(18)) == std::pair{100, 100});
  source.write(options(18), [](auto& tensors) { tensors.resize(1); });
  CHECK(taken(options(18)) == std::pair{1, 100});
  // Another shape does not fit: the first convolution of one channel.
  ModelOptions grey = options(18);
  grey.trunk.in_channels = 1;
  source.write(options(18));
  CHECK(taken(grey) == std::pair{99, 100});
  CHECK_THAT(source.complaint(grey),
             contains_text("misshapen: conv1.weight is [4, 3, 7, 7], not [4, 1, 7, 7]"));
  source.write(options(18),
               [](auto& tensors) { tensors.erase(tensors.begin() + 1, tensors.end()); });
  CHECK_THAT(source.complaint(grey, true), contains_text("holds none of the trunk's tensors in"));
}

TEST_CASE("model.init: DEN's groups do not start from whole blocks, and the message says so",
          "[train][init][den]") {
  Source source;
  source.write(options(18));
  const std::string text = source.complaint(options(18, "den"));
  CHECK(text.find("divides them into groups") != std::string::npos);
  CHECK(text.find("takes the stem and the shortcuts alone") != std::string::npos);
  source.write(options(18, "den"));
  CHECK(source.complaint(options(18, "den")) == "");
  CHECK(source.complaint(options(18, "hard")).find("groups") == std::string::npos);
}

TEST_CASE("model.init: values are numbers, variances not below 0, files of ours whole",
          "[train][init]") {
  Source source;
  const auto with = [&](const std::string& name, double value) {
    source.write(options(18), [&](auto& tensors) { set(tensors, name, value); });
    return source.complaint(options(18));
  };
  CHECK_THAT(with("conv1.weight", std::nan("")), contains_text("'conv1.weight': element 0 is nan"));
  CHECK_THAT(with("layer1.0.bn1.bias", INFINITY), contains_text("is inf"));
  CHECK_THAT(with("bn1.running_var", -1), contains_text("'bn1.running_var': element 0 is -1"));
  CHECK(with("bn1.running_var", 0).empty());  // what half precision made of 5.6e-45
  write_safetensors(source.path, file_tensors(source.model(options(18))->store()),
                    {{"format_version", "2"}, {"state", "{}"}, {"run", ""}});
  CHECK(source.complaint(options(18)).empty());
}

TEST_CASE("model.init: every copy of a trunk takes the one, and a run's own copies their own",
          "[train][init]") {
  Source source;
  source.write(options(18));
  const auto value = [](Model& model, const std::string& name) {
    return model.store().find(name)->value.to_vector();
  };
  const auto single = source.model(options(18, "single"));
  CHECK(load_pretrained(source.start(), *single).tensors == 200);
  CHECK(value(*single, "trunks.a.conv1.weight") == value(*single, "trunks.b.conv1.weight"));
  // From a run of networks side by side, each its own.
  source.write(options(18, "single"));
  CHECK(source.complaint(options(18, "single")).empty());
  const auto again = source.model(options(18, "single"));
  load_pretrained(source.start(), *again);
  CHECK(value(*again, "trunks.a.conv1.weight") != value(*again, "trunks.b.conv1.weight"));
  CHECK(source.complaint(options(18, "single", {"a", "c"})) != "");  // c is nobody's
  CHECK(source.complaint(options(18)) != "");
  // Batch norm of a task's own starts from the one.
  ModelOptions own = options(18);
  own.own_statistics = own.own_norm = true;
  source.write(options(18));
  const auto model = source.model(own);
  const Taken taken = load_pretrained(source.start(), *model);
  CHECK(taken.tensors == taken.of);
}

TEST_CASE("model.init: a run's folder is its best checkpoint, or its last", "[train][init]") {
  Source source;
  make_folder(source.folder.file("run/checkpoints"));
  const auto network = [&](uint64_t seed) {
    ModelOptions from = options(18);
    from.seed = seed;
    return source.model(from);
  };
  const auto taken = [&] {
    ModelSpec start;
    start.init = source.folder.file("run");
    const auto model = source.model(options(18));
    load_pretrained(start, *model);
    return model->store().find("conv1.weight")->value.to_vector();
  };
  const auto first = network(3), second = network(4);
  CHECK_THAT(message_of<DataError>([&] { taken(); }),
             contains_text("last.safetensors: there is no such checkpoint; is this a run folder?"));
  save(first->store(), source.folder.file("run/checkpoints/last.safetensors"));
  CHECK(taken() == first->store().find("conv1.weight")->value.to_vector());
  save(second->store(), source.folder.file("run/checkpoints/best.safetensors"));
  CHECK(taken() == second->store().find("conv1.weight")->value.to_vector());
}

TEST_CASE("model.init_heads takes heads of the same task and shapes, and says which it left",
          "[train][init]") {
  Source source;
  source.write(options(18, "hard", {"a", "b", "c"}));
  const SafetensorsFile file(source.path);
  ModelOptions into = options(18, "hard", {"a", "b", "new"});
  into.tasks[1].channels = 3;  // another shape
  const auto model = source.model(into);
  const auto drawn = model->store().find("heads.new.fc.weight")->value.to_vector();
  const Taken taken = load_pretrained(source.start(false, true), *model);
  CHECK(taken.tensors == taken.of);
  CHECK(taken.heads == std::vector<std::string>{"a"});
  REQUIRE(taken.heads_left.size() == 2);
  CHECK_THAT(taken.heads_left[0],
             contains_text("b (misshapen: heads.b.fc.weight is [1, ") && contains_text("not [3, "));
  CHECK(taken.heads_left[1] == "new (not there)");
  CHECK_THAT(taken.text(), contains_text("100 of 100 tensors of the trunk taken; heads taken: a; "
                                         "heads left as drawn: b (misshapen: "));
  CHECK(model->store().find("heads.new.fc.weight")->value.to_vector() == drawn);
  CHECK(model->store().find("heads.a.fc.weight")->value.to_vector() ==
        file.load("heads.a.fc.weight", DType::f32).to_vector());
  // Without the key heads are as they are drawn; where none fits, that is an error.
  const auto plain = source.model(into);
  CHECK(load_pretrained(source.start(), *plain).heads.empty());
  CHECK(plain->store().find("heads.a.fc.weight")->value.to_vector() !=
        model->store().find("heads.a.fc.weight")->value.to_vector());
  const auto other = source.model(options(18, "hard", {"x"}));
  CHECK_THAT(message_of<DataError>([&] { load_pretrained(source.start(false, true), *other); }),
             contains_text("none of its heads is one of this network's: x (not there); leave "
                           "model.init_heads out"));
}

TEST_CASE("model.init: statistics of each task do not become all tasks', and the message says so",
          "[train][init]") {
  Source source;
  ModelOptions own = options(18, "adashare");
  own.own_statistics = true;
  source.write(own);
  const std::string text = source.complaint(options(18));
  CHECK_THAT(text, contains_text("statistics of each task ('bn1.a.running_mean')") &&
                       contains_text("set model.init_partial = true, which takes the rest") &&
                       contains_text("model.bn.running = \"per-task\""));
  const auto model = source.model(options(18));
  const Taken taken = load_pretrained(source.start(true), *model);
  CHECK(taken.tensors == 60);  // weights: 20 convolutions and as many norms' two
  CHECK_THAT(taken.text(), contains_text("60 of 100 tensors of the trunk taken (missing: bn1."));
  own.sharing = Sharing::hard;
  CHECK(source.complaint(own).empty());
}
