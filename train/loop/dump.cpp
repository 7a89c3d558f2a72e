// dump_steps: a probe on the trainer that copies everything it sees.
#include "train/loop/dump.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "train/run_folder/checkpoint.h"
#include "train/step/choose_policy.h"

namespace weft {
namespace {

using nlohmann::json;

/// [N, H, W, C] as PyTorch's [N, C, H, W]; other ranks as they are.
Tensor nchw(const Tensor& t) { return t.shape().rank() == 4 ? krsc_to_oihw(t) : t; }

/// A copy with bytes of its own: the training step goes on writing to the original.
Tensor snapshot(const Tensor& t) {
  Tensor copy = Tensor::empty(t.shape(), t.dtype());
  CpuContext().copy(copy, t);
  return copy;
}

/// in/images, or in/images.TASK where every task brings its own.
std::vector<std::string> image_names(Trainer& trainer) {
  if (!trainer.model().separate_inputs()) return {"in/images"};
  std::vector<std::string> names;
  for (const std::string& task : trainer.model().task_names()) names.push_back("in/images." + task);
  return names;
}

class Recorder final : public StepProbe {
 public:
  Recorder(Trainer& trainer, const RunFile& run) : trainer_(trainer), run_(run) {}

  void before(const StepInputs& in, const Batch& batch) override {
    model_state("before/");
    const Tensor& images = batch.images;  // before any cast to what the network computes in
    const auto names = image_names(trainer_);
    const int64_t rows = images.shape()[0] / static_cast<int64_t>(names.size());
    for (size_t i = 0; i < names.size(); ++i)
      add_input(names[i], images.rows(static_cast<int64_t>(i) * rows, rows));
    for (size_t k = 0; k < run_.tasks.size(); ++k)
      add_input("in/target." + run_.tasks[k].name, batch.targets[k]);
    const Update update = update_of(run_, in.phase, trainer_.state().step);
    steps.push_back({{"phase", name_of(in.phase)},
                     {"step", in.step},
                     {"temperature", in.temperature},
                     {"active", in.active},
                     {"clip_norm", update.clip_norm},
                     {"factor", update.factor}});
  }

  void computed(const StepInputs& in, const StepOutputs& out) override {
    for (size_t k = 0; k < run_.tasks.size(); ++k) {
      const std::string& task = run_.tasks[k].name;
      add("out/" + task, nchw(to_host(out.predictions[k].value())));
      if (out.losses[k]) add("loss/" + task, to_host(out.losses[k]->value()));
      dropout_masks(in, task, out.predictions[k].shape());
      policy(in, out, k);
    }
    if (out.sparsity) add("loss/sparsity", to_host(out.sparsity->value()));
    if (out.sharing) add("loss/sharing", to_host(out.sharing->value()));
    if (out.regulariser) add("loss/regulariser", to_host(out.regulariser->value()));
    if (out.total) add("loss/total", to_host(out.total->value()));
  }

  void differentiated() override {
    for (const Parameter& p : trainer_.model().store().parameters())
      if (p.grad.defined()) add("grad/" + p.name, to_torch_layout(context(), p.grad));
  }

  void after() override {
    model_state("after/");
    ++step_;
  }

  std::vector<NamedTensor> tensors;
  json steps = json::array();

 private:
  const AnyContext& context() const { return trainer_.context(); }

  Tensor to_host(const Tensor& t) const { return weft::to_host(context(), t); }

  void add(const std::string& name, const Tensor& value, bool as_i64 = false) {
    tensors.push_back({fmt::format("{}/{}", step_, name), snapshot(value), as_i64});
  }

  /// What came from a file is f32; in an f64 run everything is written in f64, the same numbers.
  void add_input(const std::string& name, const Tensor& value) {
    const bool wide = run_.precision == Precision::f64 && value.dtype() == DType::f32;
    add(name, nchw(wide ? Tensor::from(value.shape(), value.to_vector(), DType::f64) : value));
  }

  void model_state(const std::string& prefix) {
    for (const NamedTensor& t : file_tensors(trainer_.model().store()))
      add(prefix + t.name, t.value, t.as_i64);
    for (const Optimizer* optimizer : trainer_.optimizers())
      for (const NamedTensor& t : optimizer_tensors(context(), *optimizer))
        add(prefix + t.name, t.value, t.as_i64);
  }

  void dropout_masks(const StepInputs& in, const std::string& task, const Shape& out) {
    if (run_.model.dropout == 0) return;
    for (const Parameter& p : trainer_.model().store().parameters()) {
      // "heads.seg.aspp0.conv1.weight" is followed by "heads.seg.aspp0.drop1".
      const std::string head = "heads." + task + ".aspp";
      for (const char* number : {"1", "2"}) {
        const std::string tail = std::string(".conv") + number + ".weight";
        if (p.name.rfind(head, 0) != 0 || p.name.size() != head.size() + 1 + tail.size() ||
            p.name.compare(head.size() + 1, tail.size(), tail) != 0)
          continue;
        const std::string name = p.name.substr(0, head.size() + 1) + ".drop" + number;
        const Philox words(in.seed, Stream::dropout, in.step, name);
        Tensor mask = Tensor::empty({out[0], out[1], out[2], p.value.shape()[0]}, DType::u8);
        for (int64_t i = 0; i < mask.numel(); ++i)
          mask.data<uint8_t>()[i] =
              words.uniform(static_cast<uint64_t>(i)) >= run_.model.dropout ? 1 : 0;
        add("mask/" + name, nchw(mask));
      }
    }
  }

  void policy(const StepInputs& in, const StepOutputs& out, size_t k) {
    if (!out.sample) return;
    const std::string& task = run_.tasks[k].name;
    const int blocks = trainer_.model().trunk().blocks();
    const Policy& policy = *trainer_.model().policy();
    const int learned = blocks - policy.skip_layer(), choices = policy.choices();
    const bool search = in.phase == Phase::weights || in.phase == Phase::policy;
    if (search) {
      const Philox words(in.seed, Stream::gumbel, in.step, "policy." + task);
      std::vector<double> u;
      for (int i = 0; i < choices * learned; ++i)
        u.push_back(words.uniform(static_cast<uint64_t>(i)));
      add("noise/policy." + task, Tensor::from({learned, choices}, u, DType::f64));
    }
    // What each gate used: the curriculum's padding and constant gates are 0 and 1.
    std::vector<double> p;
    const auto sampled = out.sample->p.empty() ? std::vector<double>{}
                                               : to_host(out.sample->p[k].value()).to_vector();
    for (int l = 0; l < blocks; ++l) {
      const Gate gate = out.sample->gates[k][static_cast<size_t>(l)];
      // A sample has rows for the last blocks alone where the first have no decision.
      const auto at =
          sampled.size() - std::min(sampled.size(), static_cast<size_t>(choices * (blocks - l)));
      const int column = policy.column_of(gate);
      for (int c = 0; c < choices; ++c)
        p.push_back(gate.kind == Gate::Kind::soft ? sampled[at + static_cast<size_t>(c)]
                                                  : (c == column ? 1.0 : 0.0));
    }
    add("policy/" + task, Tensor::from({blocks, choices}, p, DType::f64));
  }

  Trainer& trainer_;
  RunFile run_;
  int64_t step_ = 0;
};

void take_over(Trainer& trainer, const std::string& path) {
  const SafetensorsFile file(path);
  load_tensors(file, "0/before/", trainer.model());
  for (Optimizer* optimizer : trainer.optimizers())
    load_moments(file, "0/before/", trainer.context(), *optimizer);
  Batch batch;
  std::vector<Tensor> images;
  for (const std::string& name : image_names(trainer))
    images.push_back(oihw_to_krsc(file.load("0/" + name)));
  Shape stack = images[0].shape();
  stack.set(0, stack[0] * static_cast<int64_t>(images.size()));
  batch.images = Tensor::empty(stack, images[0].dtype());
  char* to = static_cast<char*>(batch.images.raw());
  for (const Tensor& image : images) {
    if (image.shape() != images[0].shape())
      throw DataError(fmt::format("{}: its images differ in shape from task to task", path));
    std::memcpy(to, image.raw(), image.bytes());
    to += image.bytes();
  }
  for (const TaskSpec& task : trainer.run_file().tasks)
    batch.targets.push_back(oihw_to_krsc(file.load("0/in/target." + task.name, DType::f32)));
  trainer.set_next_batch(std::move(batch));
}

}  // namespace

void dump_steps(const RunFile& run, const Dataset& data, AnyContext context,
                const DumpOptions& options, const std::string& out) {
  Trainer trainer(run, data, context);
  const bool search = options.phase == Phase::weights || options.phase == Phase::policy;
  if (trainer.model().policy() == nullptr && options.phase != Phase::retrain)
    throw ConfigError(
        fmt::format("dump: sharing = \"{}\" trains in one phase, retrain", name_of(run.sharing)));
  if (!options.policy.empty() && trainer.model().policy() == nullptr)
    throw ConfigError(fmt::format(
        "dump: --policy means nothing for sharing = \"{}\", which has none", name_of(run.sharing)));
  if (!options.policy.empty() && weighs_blocks(run))
    throw ConfigError(
        fmt::format("dump: --policy says which blocks run, but under retrain.gates = \"{}\" all do",
                    name_of(run.retrain.gates)));
  if (!options.policy.empty())
    trainer.set_policy(read_policy(
        options.policy, trainer.model().task_names(), block_names(trainer.model().trunk()),
        trainer.model().policy()->most(), trainer.model().policy()->least()));
  const SearchClock clock = trainer.clock();
  const int64_t begin = options.epoch * (clock.weight_steps + clock.logit_steps);
  if (search && begin >= run.policy.steps)
    throw ConfigError(fmt::format(
        "dump: --epoch {} lies behind the search, which ends after policy.steps = {}, {} a policy "
        "epoch",
        options.epoch, run.policy.steps, clock.weight_steps + clock.logit_steps));
  if (options.step > 0 && (options.phase != Phase::retrain || options.step >= run.retrain.steps))
    throw ConfigError(fmt::format("dump: --step {} is none of the {} steps of retrain",
                                  options.step, run.retrain.steps));
  if (search)
    trainer.jump(Stage::search, begin + (options.phase == Phase::policy ? clock.weight_steps : 0));
  else
    trainer.jump(options.phase == Phase::warmup ? Stage::warmup : Stage::retrain, options.step);
  if (!options.from.empty()) take_over(trainer, options.from);
  Recorder recorder(trainer, run);
  trainer.set_probe(&recorder);
  for (int64_t i = 0; i < options.steps; ++i) {
    if (trainer.current_phase() != options.phase)
      throw ConfigError(
          fmt::format("dump: the {} phase has only {} steps in a row here; ask for "
                      "fewer --steps",
                      name_of(options.phase), i));
    trainer.step();
  }
  write_safetensors(out, recorder.tensors,
                    {{"run", print_run_file(run)},
                     {"phase", name_of(options.phase)},
                     {"tasks", json(trainer.model().task_names()).dump()},
                     {"grad", "after clipping to each step's clip_norm (0: not clipped)"},
                     {"steps", recorder.steps.dump()}});
}

}  // namespace weft
