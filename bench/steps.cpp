// Whole training steps, phase by phase, on the network and shapes of bench/peer/adashare_torch.py:
// ResNet-18 or 34 (Deeplab), ASPP heads, random images and labels, SGD on weights and Adam on
// logits; retrain and infer under the peer's alternating 0/1 policy. Or, with --run, a run file's
// network on the first batch of its data. Medians of whole steps, each waited for as the peer does;
// --row 16 --graphs 1 runs them as the trainer does on a GPU. Of several ranks (engine/ranks.h) each
// has a batch of its own of --batch, and gradients are averaged.
#include <algorithm>

#include "bench/setting.h"
#include "engine/device.h"
#include "engine/ranks.h"
#include "train/compare/ceiling.h"
#include "train/step/build.h"
#include "train/step/finite.h"
#include "train/step/over_ranks.h"
#include "train/step/step.h"

namespace weft::bench {

void steps(const Arguments& arguments) {
  const Setting s(arguments);
  const Workload work = workload(s);
  const RunFile& run = work.run;
  const Device device(run.device, s.threads, matrix_math(run.precision, run.device));
  const AnyContext context = device.context();
  const auto model = make_model(context, run);
  const int blocks = model->trunk().blocks();
  const Policy* learned = model->policy();
  const BinaryPolicy policy = alternating_policy(
      run.tasks.size(), blocks, learned ? learned->most() : 1, learned ? learned->least() : 0);
  Tensor images;
  {
    Tape tape(context);
    images = upload_images(tape, work.images, *model, run).value();
  }
  const auto weights = make_optimizer(context, *model, run, Phase::warmup);
  const auto logits = make_optimizer(context, *model, run, Phase::policy);
  const double peak = is_asynchronous(context) ? matrix_peak_gflops(context, run.precision)
                                               : cpu_peak_gflops(s.threads, run.precision);
  const Gates fixed = gates_from(policy.select);

  fmt::print("# weft {} {} peak {:.0f} GFLOP/s", device.describe(), work.title, peak);
  if (!current_ranks().alone())
    fmt::print(" ranks={} bn_sync={:d}", current_ranks().size(), s.bn_sync);
  fmt::print("\n");
  fmt::print("{:<8} {:>10} {:>10} {:>10} {:>10} {:>12} {:>10}\n", "phase", "median_ms", "min",
             "max", "GFLOP/s", "share_peak", "peak_MiB");
  uint32_t step = 0;
  Tensor total;
  FiniteStep finite(context);
  std::vector<Tensor> running;
  for (const NamedStats& stats : model->store().stats())
    running.insert(running.end(), {stats.stats.running_mean, stats.stats.running_var});
  for (Phase phase : {Phase::warmup, Phase::weights, Phase::policy, Phase::retrain, Phase::infer}) {
    const auto wanted = split(s.phases, ',');
    if (std::find(wanted.begin(), wanted.end(), name_of(phase)) == wanted.end()) continue;
    set_trainable(*model, phase);
    const bool infer = phase == Phase::infer;
    Optimizer& optimizer = phase == Phase::policy ? *logits : *weights;
    std::vector<LossShare> shares;  // of one step
    const auto passes = [&] {
      model->store().clear_gradients();
      Tape tape(context, infer ? Tape::Mode::no_grad : Tape::Mode::train);
      StepInputs in{phase,        1,      step++, 5.0, blocks, &policy, tape.constant(images),
                    work.targets, &shares};
      if (infer) {  // the peer's infer computes no losses
        Pass pass{tape, false, Noise{}};
        const auto sample = sample_policy(pass, *model, run, in);
        model->forward(pass, in.images, &*sample);
        return;
      }
      const StepOutputs out = compute_step(tape, *model, run, in);
      if (!backward_over_ranks(tape, *out.total, optimizer.parameters()))
        average_over_ranks(context, optimizer.parameters());
      total = out.total->value();
    };
    const auto checked_update = [&] {  // as the trainer does it
      std::vector<Tensor> values{total};
      for (const Parameter* p : optimizer.parameters())
        if (p->grad.defined()) values.push_back(p->grad);
      finite.judge(values);
      optimizer.step(1, finite.verdict());
    };
    Repeated repeated(context);
    const auto row_of_steps = [&] {
      for (int64_t i = 0; i < s.row; ++i) {
        if (!infer) finite.begin(running, false);
        shares.assign(run.tasks.size(), {});
        s.graphs ? repeated.run(passes) : passes();
        if (infer) continue;
        if (!s.bn_sync) average_running_over_ranks(model->store());
        checked_update();
        if (phase == Phase::policy) model->policy()->logits_changed();
      }
      synchronize(context);
    };
    for (int i = 0; i < (is_asynchronous(context) ? 3 : 1); ++i) row_of_steps();
    memory_of(context).reset_peak();
    std::vector<double> ms;
    for (int64_t i = 0; i < s.reps; ++i)
      ms.push_back(milliseconds(context, row_of_steps) / static_cast<double>(s.row));
    std::sort(ms.begin(), ms.end());
    // Useful work: trunk per distinct input, under soft gates one a task; heads per task. Backward
    // costs two more products, one where the weights need none.
    const bool soft = phase == Phase::weights || phase == Phase::policy;
    const ModelCost cost = model->cost(images.shape()[1], images.shape()[2],
                                       soft || phase == Phase::warmup ? nullptr : &fixed);
    const int64_t macs =
        cost.heads.useful + cost.trunk.useful * (soft ? static_cast<int64_t>(run.tasks.size()) : 1);
    const double products = phase == Phase::infer ? 1 : phase == Phase::policy ? 2 : 3;
    const double median = ms[ms.size() / 2];
    const double gflops = 2e-6 * static_cast<double>(macs * images.shape()[0]) * products / median;
    fmt::print("{:<8} {:>10.2f} {:>10.2f} {:>10.2f} {:>10.1f} {:>11.0f}% {:>10.0f}\n",
               name_of(phase), median, ms.front(), ms.back(), gflops, 100 * gflops / peak,
               static_cast<double>(memory_of(context).counters().peak_bytes) / 1048576.0);
    if (s.graphs && !current_ranks().alone())
      fmt::print("# {}: graphs built {}\n", name_of(phase), repeated.built());
    std::fflush(stdout);
  }
}

}  // namespace weft::bench
