// run_every_choice: task by task, block by block.
#include "models/every_choice.h"

#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/weighted_sum.h"

namespace weft {

std::vector<Var> run_every_choice(Pass& pass, const Trunk& trunk, const Var& images,
                                  const PolicySample& sample, const std::vector<int>& levels,
                                  bool separate_inputs) {
  std::vector<Var> out;
  const auto tasks = static_cast<int64_t>(sample.p.size());
  const auto choices = static_cast<int64_t>(levels.size());
  const int64_t rows = images.shape()[0] / (separate_inputs ? tasks : 1);
  for (int k = 0; k < static_cast<int>(tasks); ++k) {
    const auto task = static_cast<size_t>(k);
    pass.groups = {{k}};
    Var x = trunk.stem(pass, separate_inputs ? slice(images, 0, k * rows, rows) : images);
    const Var& p = sample.p[task];
    for (int l = 0; l < trunk.blocks(); ++l) {
      const Gate& gate = sample.gates[task][static_cast<size_t>(l)];
      const Var r = trunk.shortcut(pass, l, x);
      if (gate.kind != Gate::Kind::soft) {  // has no decision now
        x = trunk.residual_at(pass, l, x, r, {gate.level});
        continue;
      }
      std::vector<Var> branches;
      for (const int level : levels) {
        pass.track = level == gate.level;
        branches.push_back(level == 0 ? r : trunk.residual_at(pass, l, x, r, {level}));
      }
      pass.track = true;
      const int64_t row = l - (trunk.blocks() - p.shape()[0]);
      x = weighted_sum(branches, reshape(slice(p, 0, row, 1), {choices}));
    }
    out.push_back(x);
  }
  return out;
}

}  // namespace weft
