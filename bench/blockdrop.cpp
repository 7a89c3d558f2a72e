// What BlockDrop's skipping saves: inference of one batch by a trunk with one linear head, every
// block executed, beside BlockDrop with its policy network, where each image executes a share of the
// blocks, drawn for it alone (--executed 0.5). Policies differ from image to image, so grouping
// (gathering rows, putting them back) is all in the time; the images lie where the network computes.
// In turn, --reps rounds after one; on a CPU the process's own time, so that what else the machine
// does is in no ratio.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>

#include "bench/setting.h"
#include "engine/device.h"
#include "models/sharing/blockdrop.h"
#include "train/step/build.h"
#include "train/step/step.h"

namespace weft::bench {
namespace {

/// For each image `count` blocks out of all, by a shuffle of its own.
Decisions random_blocks(size_t images, size_t blocks, size_t count) {
  Decisions decisions(1);
  for (size_t n = 0; n < images; ++n) {
    std::vector<uint8_t> select(blocks, 0);
    std::fill_n(select.begin(), count, uint8_t{1});
    const Philox words(1, Stream::policy, static_cast<uint32_t>(n), "bench");
    for (size_t l = blocks; l > 1; --l) std::swap(select[l - 1], select[words.below(l, l)]);
    decisions[0].push_back(select);
  }
  return decisions;
}

struct Timed {
  std::string name;
  std::function<void()> work;
  std::vector<double> ms = {};
  double median() {
    std::sort(ms.begin(), ms.end());
    return ms[ms.size() / 2];
  }
};

}  // namespace

void blockdrop(const Arguments& arguments) {
  Setting s(arguments);
  s.batch = arguments.number("batch", 32);
  s.sharing = "blockdrop";
  const double share = std::stod(arguments.text("executed", "0.5"));
  const RunFile run = run_file(s, {"model.head=linear"});
  const Device device(run.device, s.threads, matrix_math(run.precision, run.device));
  const AnyContext context = device.context();
  const auto model = make_model(context, run);
  set_trainable(*model, Phase::infer);
  const BlockDrop& own = *blockdrop(*model);
  const auto blocks = static_cast<size_t>(own.trunk().blocks());
  const auto executed = static_cast<size_t>(std::llround(share * static_cast<double>(blocks)));
  const auto images = static_cast<size_t>(s.batch);
  const Decisions all = random_blocks(images, blocks, blocks);
  const Decisions some = random_blocks(images, blocks, executed);
  Tape first(context, Tape::Mode::no_grad);
  const Tensor pictures = upload_images(first, random_images(s.batch, s.crop), *model, run).value();
  const auto infer = [&](const Decisions& decisions, bool looks) {
    Tape tape(context, Tape::Mode::no_grad);
    Pass pass{tape, false, Noise{}};
    const Var x = tape.constant(pictures);
    // Its answer goes through the host, as it does in use; the blocks are the benchmark's.
    if (looks) to_host(context, own.probabilities(pass, x).value());
    own.run(pass, x, {decisions});
  };
  std::vector<Timed> timed{{"every block", [&] { infer(all, false); }},
                           {"blockdrop", [&] { infer(some, true); }},
                           {"every block, policy", [&] { infer(all, true); }}};
  for (int64_t i = 0; i <= s.reps; ++i)
    for (Timed& t : timed) {
      const std::clock_t before = std::clock();
      const double ms = milliseconds(context, [&] {
        t.work();
        synchronize(context);
      });
      const double process = 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
      if (i > 0) t.ms.push_back(is_asynchronous(context) ? ms : process);
    }
  fmt::print("# weft {} {} {} x{} blockdrop tasks={} batch={} crop={} executed={} of {} blocks\n",
             device.describe(), s.precision, s.trunk, s.width, s.tasks, s.batch, s.crop, executed,
             blocks);
  fmt::print("{:<20} {:>10} {:>9} {:>9}\n", "", "median_ms", "of_full", "gmac");
  const TrunkCost cost = own.trunk().cost(s.crop, s.crop);
  const ModelCost whole = own.cost(s.crop, s.crop, nullptr);
  const double full = timed[0].median();
  for (Timed& t : timed) {
    double macs = 0;
    const bool skips = t.name == "blockdrop", looks = &t != &timed[0];
    for (const Macs& m : plan_rows(skips ? some : all).macs(cost))
      macs += static_cast<double>(m.dense + whole.heads.dense + (looks ? whole.sharing.dense : 0));
    fmt::print("{:<20} {:>10.2f} {:>9.3f} {:>9.3f}\n", t.name, t.median(), t.median() / full,
               1e-9 * macs);
  }
}

}  // namespace weft::bench
