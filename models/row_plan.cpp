// plan_rows: rows part where policies do; run_rows: gathered, run, put back.
#include "models/row_plan.h"

#include <algorithm>

#include "engine/error.h"
#include "ops/concat.h"
#include "ops/gate.h"
#include "ops/gather.h"

namespace weft {

RowPlan plan_rows(const Decisions& decisions) {
  RowPlan plan;
  const size_t policies = decisions.size(), images = decisions.at(0).size();
  const size_t blocks = decisions[0].at(0).size();
  uint8_t most = 1;
  for (const auto& policy : decisions)
    for (const auto& image : policy)
      for (const uint8_t taken : image) most = std::max(most, taken);
  for (size_t v = 0; v < policies; ++v) {
    plan.out.emplace_back();
    for (size_t n = 0; n < images; ++n) plan.out[v].push_back(static_cast<int32_t>(n));
  }
  std::vector<int32_t> image_of = plan.out[0];
  for (size_t l = 0; l < blocks; ++l) {
    RowPlan::Block block;
    block.images = image_of;
    // goes[row][taken]: whether some policy takes the row that way, then where to.
    std::vector<std::vector<int32_t>> goes(image_of.size(), std::vector<int32_t>(most + 1, -1));
    for (size_t v = 0; v < policies; ++v)
      for (size_t n = 0; n < images; ++n)
        goes[static_cast<size_t>(plan.out[v][n])][decisions[v].at(n).at(l)] = 0;
    std::vector<int32_t> next;
    for (size_t row = 0; row < goes.size(); ++row)
      for (int taken = most; taken >= 0; --taken) {
        int32_t& to = goes[row][static_cast<size_t>(taken)];
        if (to < 0) continue;
        to = static_cast<int32_t>(block.rows.size());
        block.rows.push_back(
            {taken > 0 ? static_cast<int>(block.run.size()) : -1, static_cast<int>(row)});
        next.push_back(image_of[row]);
        if (taken == 0) continue;
        block.run.push_back(static_cast<int32_t>(row));
        block.functions.push_back(taken);
      }
    for (size_t v = 0; v < policies; ++v)
      for (size_t n = 0; n < images; ++n) {
        int32_t& at = plan.out[v][n];
        at = goes[static_cast<size_t>(at)][decisions[v][n][l]];
      }
    image_of = std::move(next);
    plan.blocks.push_back(std::move(block));
  }
  return plan;
}

std::vector<Macs> RowPlan::macs(const TrunkCost& cost) const {
  std::vector<Macs> of_image(out.at(0).size(), cost.stem);
  for (size_t l = 0; l < blocks.size(); ++l) {
    const std::vector<int32_t>& images = blocks[l].images;
    for (const int32_t n : images) of_image[static_cast<size_t>(n)] += cost.shortcut[l];
    for (const int32_t row : blocks[l].run)
      of_image[static_cast<size_t>(images[static_cast<size_t>(row)])] += cost.residual[l];
  }
  return of_image;
}

std::vector<Macs> RowPlan::macs_of_copies(const TrunkCost& cost) const {
  std::vector<Macs> of_image(out.at(0).size(), cost.stem);
  for (size_t l = 0; l < blocks.size(); ++l)
    for (const Row& row : blocks[l].rows) {
      Macs& macs = of_image[static_cast<size_t>(blocks[l].images[static_cast<size_t>(row.r)])];
      macs += cost.shortcut[l];
      macs += cost.residual[l];
    }
  return of_image;
}

Var take_rows(const Var& x, const std::vector<int32_t>& rows) {
  const auto count = static_cast<int64_t>(rows.size());
  bool all = count == x.shape()[0];
  for (size_t i = 0; i < rows.size() && all; ++i) all = rows[i] == static_cast<int32_t>(i);
  if (all) return x;
  const Tensor ids = Tensor::empty({count}, DType::i32);
  std::copy(rows.begin(), rows.end(), ids.data<int32_t>());
  return gather(x, 0, to_device(x.tape().context(), ids));
}

namespace {

void require_images(const RowPlan& plan, const Var& images) {
  if (images.shape().rank() != 4 ||
      images.shape()[0] != static_cast<int64_t>(plan.out.at(0).size()))
    throw ShapeError(fmt::format("trunk: the plan is for {} images, got {}", plan.out[0].size(),
                                 images.shape()));
}

/// F on the rows of block l that execute it, function block by function block; place[i]: where in
/// it run[i] is. Undefined where none does.
Var run_functions(Pass& pass, const Trunk& trunk, int l, const RowPlan::Block& block, const Var& x,
                  const Var& r, bool alone, std::vector<int>& place) {
  const bool training = pass.training, identity = r.value().raw() == x.value().raw();
  std::vector<Var> parts;
  const int functions = block.functions.empty()
                            ? 0
                            : *std::max_element(block.functions.begin(), block.functions.end());
  int count = 0;
  place.resize(block.run.size());
  for (int m = 1; m <= functions; ++m) {
    std::vector<int32_t> rows;
    for (size_t i = 0; i < block.run.size(); ++i) {
      if (block.functions[i] != m) continue;
      place[i] = count++;
      rows.push_back(block.run[i]);
    }
    if (rows.empty()) continue;
    pass.training = training && (rows.size() > 1 || alone);
    const Var in = take_rows(x, rows);
    parts.push_back(trunk.residual_at(pass, l, in, identity ? in : take_rows(r, rows), {m}));
    pass.training = training;
  }
  if (parts.empty()) return {};
  return parts.size() == 1 ? parts[0] : concat(parts, 0);
}

}  // namespace

Var run_rows(Pass& pass, const Trunk& trunk, const RowPlan& plan, const Var& images) {
  require_images(plan, images);
  Var x = trunk.stem(pass, images);
  for (size_t l = 0; l < plan.blocks.size(); ++l) {
    const RowPlan::Block& block = plan.blocks[l];
    const int index = static_cast<int>(l);
    const Var r = trunk.shortcut(pass, index, x);
    std::vector<int> place;
    const Var f = run_functions(pass, trunk, index, block, x, r, images.shape()[0] == 1, place);
    std::vector<GateRow> rows;
    for (const RowPlan::Row& row : block.rows) {
      GateRow& out = rows.emplace_back();
      out.f_group = row.f < 0 ? -1 : place[static_cast<size_t>(row.f)];
      out.r_group = row.f < 0 ? row.r : -1;
      out.select = row.f < 0 ? 0 : 1;
      out.skip = 1 - out.select;
    }
    const LayerScope scope(trunk.block_name(index));
    x = gate(f, r, rows, 1);
  }
  return x;
}

Var run_copies(Pass& pass, const Trunk& selected, const Trunk& other, const RowPlan& plan,
               const Var& images) {
  require_images(plan, images);
  Var x = selected.stem(pass, images);
  for (size_t l = 0; l < plan.blocks.size(); ++l) {
    const RowPlan::Block& block = plan.blocks[l];
    const auto whole = [&](const Trunk& trunk, const std::vector<int32_t>& of) {
      if (of.empty()) return Var();
      const Var in = take_rows(x, of);
      const int index = static_cast<int>(l);
      return trunk.residual(pass, index, in, trunk.shortcut(pass, index, in));
    };
    std::vector<int32_t> others;
    std::vector<GateRow> rows;
    for (const RowPlan::Row& row : block.rows) {
      GateRow& out = rows.emplace_back();
      out.f_group = row.f;
      out.r_group = row.f < 0 ? static_cast<int>(others.size()) : -1;
      out.select = row.f < 0 ? 0 : 1;
      out.skip = 1 - out.select;
      if (row.f < 0) others.push_back(row.r);
    }
    const Var f = whole(selected, block.run), r = whole(other, others);
    const LayerScope scope(selected.block_name(static_cast<int>(l)));
    x = gate(f, r, rows, 1);
  }
  return x;
}

}  // namespace weft
