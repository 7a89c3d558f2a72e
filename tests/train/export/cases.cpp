// The cases, and random models of them.
#include "tests/train/export/cases.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "models/binary_policy.h"
#include "models/execute.h"
#include "models/sharing/way.h"

namespace weft::test {
namespace {

ModelOptions options_of(Sharing way) {
  ModelOptions o;
  o.sharing = way;
  o.trunk.width = 0.0625;  // 4, 8, 16 and 32 channels
  o.head = {.aspp = false, .width = 5};
  o.tasks = {{"seg", 3}, {"depth", 1}, {"two words", 2, /*image_label=*/true}};
  o.seed = 7;
  return o;
}

void add_mlps(std::vector<ExportCase>& cases, Sharing way) {
  for (const Activation a : {Activation::relu, Activation::tanh, Activation::silu,
                             Activation::softplus, Activation::gelu})
    for (const Norm norm : {Norm::batch, Norm::none}) {
      const bool few = norm == Norm::batch ? a == Activation::relu : a == Activation::silu;
      if (way != Sharing::hard && !few) continue;
      ExportCase c{fmt::format("{} mlp {} {}", name_of(way), name_of(a), name_of(norm)),
                   options_of(way),
                   {1, 1, 5}};
      c.options.trunk.kind = TrunkOptions::Kind::mlp;
      c.options.trunk.width = 1;
      c.options.trunk.in_channels = 5;
      c.options.trunk.hidden = 6;
      c.options.trunk.blocks = 3;
      c.options.trunk.activation = a;
      c.options.trunk.mlp_norm = norm;
      for (TaskShape& task : c.options.tasks) task.image_label = true;
      cases.push_back(c);
    }
}

/// Of 24 characters three places are left.
void add_texts(std::vector<ExportCase>& cases, Sharing way) {
  const auto add = [&](const std::string& what, auto&& change) {
    const int depth = way == Sharing::mtan ? 17 : 9;  // its stages are single blocks, too
    ExportCase c{
        fmt::format("{} vdcnn{} {}", name_of(way), depth, what), options_of(way), {1, 24, 1}};
    c.options.trunk.kind = TrunkOptions::Kind::vdcnn;
    c.options.trunk.depth = depth;
    c.options.trunk.in_channels = 1;
    c.options.trunk.characters = 11;
    c.options.trunk.embedding = 3;
    c.options.head.k_max = 2;
    for (TaskShape& task : c.options.tasks) task.image_label = true;
    change(c.options);
    cases.push_back(c);
  };
  add("linear", [](ModelOptions& o) { o.head.k_max = 0; });
  add("k_max", [](ModelOptions&) {});
  if (way_of(way).planned) add("longer", [](ModelOptions& o) { o.trunk.depth = 29; });
  if (way_of(way).per_task == PerTask::all)
    add("own inputs", [](ModelOptions& o) { o.separate_inputs = true; });
  if (way_of(way).planned)
    add("own norm", [](ModelOptions& o) { o.own_statistics = o.own_norm = true; });
}

std::vector<ExportCase> make_cases() {
  std::vector<ExportCase> cases;
  const Shape picture{33, 26, 3};
  const auto add = [&](Sharing way, const std::string& what, auto&& change, const Shape& input) {
    ExportCase c{fmt::format("{} {}", name_of(way), what), options_of(way), input};
    change(c.options);
    cases.push_back(c);
  };
  for (const char* word : words_of(Sharing{})) {
    const auto way = from_word<Sharing>("sharing", word);
    if (way_of(way).per_input) continue;  // what runs depends on the image: refused by name
    add(
        way, "resnet18 aspp", [](ModelOptions& o) { o.head.aspp = true; }, picture);
    add(
        way, "resnet18 plain", [](ModelOptions& o) { o.trunk.deeplab = false; }, picture);
    add(way, "resnet18 small stem", [](ModelOptions& o) { o.trunk.small_stem = true; }, {9, 11, 3});
    add(way, "resnet50", [](ModelOptions& o) { o.trunk.depth = 50; }, {17, 17, 3});
    // Semantics "compat" (the official code's) is another network where bottlenecks stride alone.
    const auto compat = [](ModelOptions& o) {
      o.trunk.depth = 50;
      o.trunk.stride_on_first = true;
    };
    add(way, "resnet50 compat", compat, {17, 17, 3});
    add(way, "resnet50 plain compat",
        [&](ModelOptions& o) {
          compat(o);
          o.trunk.deeplab = false;
        },
        {33, 37, 3});
    if (way == Sharing::cross_stitch)
      add(
          way, "resnet18 per channel", [](ModelOptions& o) { o.share.per_channel = true; },
          picture);
    if (way != Sharing::mtan && !way_of(way).levels)  // its stages are single blocks
      add_mlps(cases, way);
    if (!way_of(way).levels) add_texts(cases, way);  // levels are a ResNet's channels
    if (way_of(way).any_trunk) {
      const auto vgg = [](ModelOptions& o) { o.trunk.kind = TrunkOptions::Kind::vgg16; };
      add(way, "vgg16", vgg, {32, 37, 3});
      add(way, "vgg16 split",
          [&](ModelOptions& o) {
            vgg(o);
            o.trunk.split = "features.17";
          },
          {32, 37, 3});
    }
    if (way_of(way).per_task == PerTask::all)
      add(
          way, "resnet18 own inputs", [](ModelOptions& o) { o.separate_inputs = true; }, picture);
    if (way_of(way).planned) {
      add(
          way, "resnet18 own statistics", [](ModelOptions& o) { o.own_statistics = true; },
          picture);
      add(
          way, "resnet18 own norm", [](ModelOptions& o) { o.own_statistics = o.own_norm = true; },
          picture);
    }
  }
  for (const bool mlp : {false, true}) {
    ExportCase soft = *std::find_if(cases.begin(), cases.end(), [&](const ExportCase& c) {
      return c.name == (mlp ? "adashare mlp relu batch" : "adashare resnet18 aspp");
    });
    soft.name += " soft";
    soft.soft = true;
    cases.push_back(soft);
  }
  ExportCase f64 = cases.front();
  f64.name += " f64";
  f64.dtype = DType::f64;
  cases.push_back(f64);
  return cases;
}

}  // namespace

const std::vector<ExportCase>& export_cases() {
  static const std::vector<ExportCase> cases = make_cases();
  return cases;
}

const ExportCase& export_case(std::string_view name) {
  const std::vector<ExportCase>& cases = export_cases();
  const auto found =
      std::find_if(cases.begin(), cases.end(), [&](const ExportCase& c) { return c.name == name; });
  if (found == cases.end()) throw Error(fmt::format("no such case: {}", name));
  return *found;
}

RandomModel::RandomModel(const ExportCase& c)
    : input_(c.input), model_(make_model(context_, c.dtype, c.options)) {
  const auto fill = [&](const Tensor& t, const std::string& name, double low, double high) {
    const Philox words(3, Stream::init, 0, name);
    std::vector<double> v;
    for (int64_t i = 0; i < t.numel(); ++i)
      v.push_back(low + (high - low) * words.uniform(static_cast<uint64_t>(i)));
    cpu_.copy(t, Tensor::from(t.shape(), v, t.dtype()));
  };
  for (Parameter& p : model_->store().parameters()) {
    const Shape& s = p.value.shape();
    const double size = s.rank() < 2 ? 0.5 : 2 / std::sqrt(static_cast<double>(s.inner(1)));
    if (model_->store().is_norm(p) && p.name.ends_with("weight"))
      fill(p.value, p.name, 0.5, 1.5);
    else
      fill(p.value, p.name, -size, size);
  }
  for (NamedStats& s : model_->store().stats()) {
    fill(s.stats.running_mean, s.name + "mean", -0.5, 0.5);
    fill(s.stats.running_var, s.name + "var", 0.5, 1.5);
  }
  if (Policy* policy = model_->policy()) {
    const Philox words(5, Stream::policy, 0, "select");
    std::vector<std::vector<int>> select(c.options.tasks.size());
    for (size_t k = 0; k < select.size(); ++k)
      for (int l = 0; l < policy->blocks(); ++l)  // nobody executes the second
        if (const size_t at = 100 * k + static_cast<size_t>(l); l != 1 && words.uniform(at) < 0.6)
          select[k].push_back(
              1 + static_cast<int>(words.below(1000 + at, static_cast<uint64_t>(policy->most()))));
        else
          select[k].push_back(0);
    sample_ = PolicySample{gates_from(select), {}};
    if (!c.soft) return;
    weights_.resize(select.size());
    for (size_t k = 0; k < select.size(); ++k)
      for (size_t l = 0; l < select[k].size(); ++l)
        weights_[k].push_back(words.uniform(1000 + 100 * k + l));
    sample_->gates = gates_of(weighed(weights_));
  }
}

ForwardPass RandomModel::forward() {
  return [this](Pass& pass, const Var& image) {
    const int copies = model_->separate_inputs() ? static_cast<int>(model_->tasks().size()) : 1;
    if (!sample_) return model_->forward(pass, repeat(image, copies), nullptr);
    PolicySample sample = *sample_;
    for (const std::vector<double>& task : weights_) {
      std::vector<double> p;
      for (const double w : task) p.insert(p.end(), {w, 1 - w});
      const auto blocks = static_cast<int64_t>(task.size());
      sample.p.push_back(pass.tape.constant(Tensor::from({blocks, 2}, p, model_->store().dtype())));
    }
    return model_->forward(pass, repeat(image, copies), &sample);
  };
}

std::vector<Tensor> RandomModel::outputs(const Tensor& inputs) {
  Tape tape(context_, Tape::Mode::no_grad);
  Pass pass{tape, /*training=*/false, Noise{}};
  std::vector<Tensor> out;
  for (const Var& y : forward()(pass, tape.constant(inputs.to(model_->store().dtype()))))
    out.push_back(y.value());
  return out;
}

const ExportedNetwork& RandomModel::exported() {
  if (!exported_)
    exported_ =
        export_network(context_, model_->store().dtype(), input_, model_->task_names(), forward());
  return *exported_;
}

RandomModel& random_model(const ExportCase& c) {
  static std::map<std::string, std::unique_ptr<RandomModel>> models;
  std::unique_ptr<RandomModel>& model = models[c.name];
  if (model == nullptr) model = std::make_unique<RandomModel>(c);
  return *model;
}

Tensor random_inputs(const ExportCase& c, int64_t n) {
  const Shape shape{n, c.input[0], c.input[1], c.input[2]};
  const Philox words(9, Stream::data, 0, "inputs");
  std::vector<double> v;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    const auto at = static_cast<uint64_t>(i),
               ids = static_cast<uint64_t>(c.options.trunk.characters);
    v.push_back(is_text(c) ? static_cast<double>(words.below(at, ids)) : words.normal(at));
  }
  return Tensor::from(shape, v);
}

double difference(const Tensor& wanted, const std::vector<float>& found) {
  const std::vector<double> y = wanted.to_vector();
  if (y.size() != found.size()) return std::numeric_limits<double>::infinity();
  double scale = 0, off = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    scale = std::max(scale, std::abs(y[i]));
    off = std::max(off, std::abs(y[i] - static_cast<double>(found[i])));
    if (std::isnan(y[i]) || std::isnan(found[i])) return std::numeric_limits<double>::infinity();
  }
  return scale > 0 ? off / scale : std::numeric_limits<double>::infinity();
}

double difference(const Tensor& wanted, const Tensor& found) {
  const auto* data = found.data<float>();
  return difference(wanted, std::vector<float>(data, data + found.numel()));
}

}  // namespace weft::test
