// The run file's words, one by one.
#include "train/step/build.h"

#include "data/alphabet.h"
#include "data/fingerprint.h"
#include "engine/ranks.h"

namespace weft {

namespace {

void choose_trunk(TrunkOptions& options, TrunkName name) {
  switch (name) {
    case TrunkName::resnet18:
      options.depth = 18;
      return;
    case TrunkName::resnet34:
      options.depth = 34;
      return;
    case TrunkName::resnet50:
      options.depth = 50;
      return;
    case TrunkName::resnet101:
      options.depth = 101;
      return;
    case TrunkName::vgg16:
      options.kind = TrunkOptions::Kind::vgg16;
      return;
    case TrunkName::vdcnn9:
    case TrunkName::vdcnn17:
    case TrunkName::vdcnn29:
      options.kind = TrunkOptions::Kind::vdcnn;
      options.depth = name == TrunkName::vdcnn9 ? 9 : name == TrunkName::vdcnn17 ? 17 : 29;
      return;
    case TrunkName::mlp:
      options.kind = TrunkOptions::Kind::mlp;
  }
}

}  // namespace

ModelOptions model_options(const RunFile& run) {
  ModelOptions options;
  options.sharing = run.sharing;
  choose_trunk(options.trunk, run.model.trunk);
  options.trunk.split = run.model.split;
  if (is_vdcnn(run.model.trunk)) options.trunk.characters = Alphabet(run.data.alphabet).ids();
  options.trunk.embedding = run.model.embedding;
  options.trunk.hidden = run.model.hidden;
  options.trunk.blocks = run.model.blocks;
  options.trunk.activation = run.model.activation;
  options.trunk.mlp_norm = run.model.norm;
  options.trunk.deeplab = run.model.form == TrunkForm::deeplab;
  options.trunk.small_stem = run.model.stem == StemKind::small;
  options.trunk.width = run.model.width;
  options.trunk.in_channels = run.model.in_channels;
  options.trunk.stride_on_first = run.semantics == Semantics::compat;
  options.head.aspp = run.model.head == HeadKind::aspp;
  options.head.k_max = run.model.head == HeadKind::k_max ? run.model.k_max : 0;
  options.head.width = run.model.head_width;
  options.head.dropout = run.model.dropout;
  options.share = run.share;
  options.policy.init_method = run.policy.init_method;
  options.policy.init_neg_logits = run.policy.init_neg_logits;
  options.policy.skip_layer = run.policy.skip_layer;
  options.policy.curriculum_from = run.policy.curriculum_from;
  for (const TaskSpec& task : run.tasks)
    options.tasks.push_back({task.name, task.channels(), task.image_label()});
  options.separate_inputs = run.data.inputs == Whose::per_task;
  options.own_statistics = run.model.bn_running == Whose::per_task;
  options.own_norm = run.model.bn_affine == Whose::per_task;
  options.fixed_norm = run.model.bn_fixed;
  options.seed = static_cast<uint64_t>(run.seed);
  return options;
}

std::unique_ptr<Model> make_model(AnyContext context, const RunFile& run) {
  const DType dtype = run.precision == Precision::f64 ? DType::f64 : DType::f32;
  return make_model(context, dtype, model_options(run));
}

LoaderOptions eval_loader_options(const RunFile& run, const Dataset& data) {
  LoaderOptions options;
  options.tasks = run.tasks;
  options.batch = run.data.batch;
  options.fit.height = run.data.size[0];
  options.fit.width = run.data.size[1];
  options.fit.depth_unit = data.depth_unit();
  options.fit.sound = run.semantics == Semantics::sound;
  options.fit.negates_x = run.data.kind == DataKind::taskonomy;
  options.normalize = run.data.normalize;
  options.shuffle = false;
  options.drop_last = false;
  options.workers = run.data.workers;
  options.seed = static_cast<uint64_t>(run.seed);
  options.part = "eval";
  options.per_task = run.data.inputs == Whose::per_task;
  return options;
}

LoaderOptions train_loader_options(const RunFile& run, const Dataset& data, const std::string& part,
                                   int64_t cursor) {
  LoaderOptions options = eval_loader_options(run, data);
  options.fit.augment = run.data.augment;
  options.shuffle = true;
  options.drop_last = true;
  options.start_cursor = cursor;
  options.part = part;
  options.rank = current_ranks().rank();
  options.ranks = current_ranks().size();
  return options;
}

const PhaseSpec& phase_spec(const RunFile& run, Phase phase) {
  switch (phase) {
    case Phase::warmup:
      return run.warmup;
    case Phase::weights:
    case Phase::policy:
      return run.policy;
    default:
      return run.retrain;
  }
}

std::unique_ptr<Optimizer> make_optimizer(AnyContext context, Model& model, const RunFile& run,
                                          Phase phase) {
  const OptimizerSpec& spec =
      phase == Phase::policy ? run.policy.logits : phase_spec(run, phase).optimizer;
  ParameterGroup trunk{{}, spec.trunk_lr.value_or(spec.lr)}, heads{{}, spec.lr},
      stitches{{}, spec.lr * run.share.lr_factor};
  for (Parameter& p : model.store().parameters()) {
    const Part part = model.store().part_of(p);
    if ((part == Part::policy) != (phase == Phase::policy)) continue;
    ParameterGroup& group = part == Part::trunk ? trunk : part == Part::stitch ? stitches : heads;
    group.parameters.push_back(&p);
  }
  OptimizerOptions options;
  options.algorithm = spec.kind == OptimizerKind::sgd ? Algorithm::sgd : Algorithm::adam;
  options.momentum = spec.momentum;
  options.beta1 = spec.betas[0];
  options.beta2 = spec.betas[1];
  options.eps = spec.eps;
  options.weight_decay = spec.weight_decay;
  return std::make_unique<Optimizer>(context, std::vector<ParameterGroup>{heads, trunk, stitches},
                                     options);
}

LearnedFromData learn_from(const RunFile& run, const Dataset& data) {
  LearnedFromData learned = data.learned();
  learned.normalize = run.data.normalize;
  const auto [height, width] = input_size(run, data);
  learned.height = static_cast<int>(height);
  learned.width = static_cast<int>(width);
  learned.fingerprint = fingerprint_of(data);
  return learned;
}

std::pair<int64_t, int64_t> input_size(const RunFile& run, const Dataset& data) {
  const auto [crop_h, crop_w] = run.data.augment.crop;
  if (crop_h > 0) return {crop_h, crop_w};
  if (run.data.size[0] > 0) return {run.data.size[0], run.data.size[1]};
  const Sample first = data.load(0);
  return {first.image.height, first.image.width};
}

}  // namespace weft
