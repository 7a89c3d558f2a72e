// Whole training steps against PyTorch's, in f64: outputs, losses, regularisers, the Gumbel noise
// and the gates, every gradient, every parameter after the optimizer's step, and running statistics
// (tests/golden/make_step_goldens.py made them without a line of weft; there stands the format).
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "ops/concat.h"
#include "tests/support/catch.h"
#include "tests/support/source_dir.h"
#include "train/run_folder/checkpoint.h"
#include "train/step/build.h"
#include "train/step/step.h"

using namespace weft;
using nlohmann::json;

namespace {

constexpr double tolerance = 1e-9;

using Values = std::vector<double>;

/// ||a - b|| / ||b||, absolute where ||b|| is tiny; NaN must stand against NaN.
double error(const Values& a, const Values& b) {
  REQUIRE(a.size() == b.size());
  double apart = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    apart += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(apart) / (std::sqrt(size) < 1e-12 ? 1.0 : std::sqrt(size));
}

Values digest(const Tensor& t) {
  const Values v = t.to_vector();
  Values d(3, 0.0);
  for (size_t i = 0; i < v.size(); ++i) {
    d[0] += v[i] * v[i];
    d[1] += v[i] * std::cos(static_cast<double>(i));
    d[2] += v[i] * std::sin(static_cast<double>(i));
  }
  d[0] = std::sqrt(d[0]);
  return d;
}

class Golden {
 public:
  explicit Golden(const std::string& name)
      : file_(source_dir() + "/tests/golden/" + name + ".safetensors") {}

  void check_all() {
    const json cases = json::parse(file_.metadata().at("cases"));
    for (size_t c = 0; c < cases.size(); ++c) {
      INFO("case " << c << ": " << cases[c].at("name").get<std::string>());
      check(static_cast<int>(c), cases[c]);
    }
  }

 private:
  Values expected(int c, const std::string& name) const {
    return file_.load(fmt::format("{}/{}", c, name), DType::f64).to_vector();
  }

  void expect(int c, const std::string& name, const Values& values) const {
    INFO(name);
    CHECK(error(values, expected(c, name)) < tolerance);
  }

  void expect_image(int c, const std::string& name, const Var& v) const {
    expect(c, name, to_torch_layout(&cpu_, v.value()).to_vector());
  }

  void start(const RunFile& run) {
    model_ = make_model(&cpu_, run);
    load_tensors(file_, "0/before/", *model_);
    weights_.reset();
    logits_.reset();
  }

  /// Those of all tasks, or the tasks' own, stacked.
  Var images(Tape& tape, const RunFile& run) const {
    const auto image = [&](const std::string& name) {
      return tape.constant(oihw_to_krsc(file_.load("0/in/images" + name, DType::f64)));
    };
    if (run.data.inputs == Whose::shared) return image("");
    std::vector<Var> own;
    for (const TaskSpec& task : run.tasks) own.push_back(image("." + task.name));
    return concat(own, 0);
  }

  BinaryPolicy chosen(int c, const RunFile& run) const {
    BinaryPolicy policy;
    for (const TaskSpec& task : run.tasks) {
      auto& row = policy.select.emplace_back();
      const Values p = expected(c, "policy/" + task.name);
      for (size_t l = 0; l < p.size(); l += 2) row.push_back(p[l] > 0.5 ? 1 : 0);
    }
    return policy;
  }

  void check(int c, const json& spec) {
    const std::string text = file_.metadata().at("run");
    auto overrides = spec.at("overrides").get<std::vector<std::string>>();
    if (text.find("bn = ") == text.npos) overrides.push_back("model.bn.running=shared");
    const RunFile run = parse_run_text(text, file_.path(), overrides);
    Phase phase = Phase::warmup;
    for (Phase p : {Phase::warmup, Phase::weights, Phase::policy, Phase::retrain})
      if (spec.at("phase") == name_of(p)) phase = p;
    if (!spec.at("continues").get<bool>()) start(run);
    auto& optimizer = phase == Phase::policy ? logits_ : weights_;
    if (optimizer == nullptr) optimizer = make_optimizer(&cpu_, *model_, run, phase);

    set_trainable(*model_, phase);
    Tape tape(&cpu_);
    StepInputs in;
    in.phase = phase;
    in.seed = static_cast<uint64_t>(run.seed);
    in.step = spec.at("step").get<uint32_t>();
    in.temperature = spec.at("temperature").get<double>();
    in.active = spec.at("active").get<int>();
    in.images = images(tape, run);
    for (const TaskSpec& task : run.tasks)
      in.targets.push_back(oihw_to_krsc(file_.load("0/in/target." + task.name)));
    BinaryPolicy policy;
    if (phase == Phase::retrain) {
      policy = chosen(c, run);
      in.chosen = &policy;
    }
    const StepOutputs out = compute_step(tape, *model_, run, in);
    for (size_t k = 0; k < run.tasks.size(); ++k) {
      const std::string& task = run.tasks[k].name;
      expect_image(c, "out/" + task, out.predictions[k]);
      REQUIRE(out.losses[k]);
      expect_image(c, "loss/" + task, *out.losses[k]);
      if (phase == Phase::weights || phase == Phase::policy) check_noise(c, in, task);
    }
    if (phase == Phase::policy) {
      expect_image(c, "loss/sparsity", *out.sparsity);
      expect_image(c, "loss/sharing", *out.sharing);
    }
    expect_image(c, "loss/total", *out.total);

    tape.backward(*out.total);
    const double clip =
        phase == Phase::policy ? run.policy.logits_clip_norm : phase_spec(run, phase).clip_norm;
    const json names = json::parse(file_.metadata().at("parameters"));
    Values gradients;
    for (const auto& name : names) {
      const Parameter* p = model_->store().find(name);
      const Values d =
          p->grad.defined() ? digest(to_torch_layout(&cpu_, p->grad)) : Values(3, std::nan(""));
      gradients.insert(gradients.end(), d.begin(), d.end());
    }
    expect_rows(c, "grad", gradients, names, 3);
    if (clip > 0) clip_grad_norm(&cpu_, optimizer->parameters(), clip);
    optimizer->step(spec.at("factor").get<double>());
    model_->store().clear_gradients();

    Values after;
    for (const auto& name : names) {
      const Values d = digest(to_torch_layout(&cpu_, model_->store().find(name)->value));
      after.insert(after.end(), d.begin(), d.end());
    }
    expect_rows(c, "after", after, names, 3);
    check_statistics(c);
  }

  /// Row by row, so that a failure names the parameter.
  void expect_rows(int c, const std::string& name, const Values& values, const json& rows,
                   size_t width) const {
    const Values all = expected(c, name);
    REQUIRE(values.size() == all.size());
    for (size_t r = 0; r < rows.size(); ++r) {
      const auto at = [&](const Values& v) {
        return Values(v.begin() + static_cast<int64_t>(r * width),
                      v.begin() + static_cast<int64_t>((r + 1) * width));
      };
      const Values got = at(values), want = at(all);
      INFO(name << " of " << rows[r].get<std::string>());
      CHECK(std::isnan(got[0]) == std::isnan(want[0]));
      // A gradient that is zero by symmetry (a bias before batch norm) is rounding in both.
      if (!std::isnan(want[0]) && (got[0] > 1e-12 || want[0] > 1e-12))
        CHECK(error(got, want) < tolerance);
    }
  }

  void check_noise(int c, const StepInputs& in, const std::string& task) const {
    const Philox words(in.seed, Stream::gumbel, in.step, "policy." + task);
    Values u = expected(c, "noise/policy." + task);
    for (size_t i = 0; i < u.size(); ++i) CHECK(u[i] == words.uniform(i));
  }

  void check_statistics(int c) const {
    const json names = json::parse(file_.metadata().at("statistics"));
    Values rows, tracked;
    for (const auto& name : names)
      for (const NamedStats& s : model_->store().stats())
        if (s.name == name.get<std::string>()) {
          for (const Tensor& t : {s.stats.running_mean, s.stats.running_var}) {
            const Values d = digest(t);
            rows.insert(rows.end(), d.begin(), d.end());
          }
          tracked.push_back(static_cast<double>(s.stats.num_batches_tracked));
        }
    expect_rows(c, "statistics", rows, names, 6);
    CHECK(tracked == expected(c, "tracked"));
  }

  SafetensorsFile file_;
  mutable CpuContext cpu_{2};
  std::unique_ptr<Model> model_;
  std::unique_ptr<Optimizer> weights_, logits_;
};

}  // namespace

TEST_CASE("ResNet-18 with two tasks steps as PyTorch does, in every phase", "[train][golden]") {
  Golden("step_resnet18").check_all();
}

TEST_CASE("tasks with own images and own batch norm step as PyTorch's separate passes do",
          "[train][golden]") {
  Golden("step_domains").check_all();
}

TEST_CASE("ResNet-50 with three tasks steps as PyTorch does, in every phase", "[train][golden]") {
  Golden("step_resnet50").check_all();
}
