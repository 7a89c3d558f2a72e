// NestedBlock: creation by cutting undivided layers, and calls group by group.
#include "models/nested_block.h"

#include <algorithm>

#include "engine/device_tensor.h"
#include "ops/add_relu.h"
#include "ops/concat.h"
#include "ops/pointwise.h"
#include "ops/slice.h"

namespace weft {
namespace {

/// Channels begin .. end - 1 of a layer's inner side.
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

std::vector<Range> groups_of(int64_t inner) {
  std::vector<Range> groups;
  for (int level = 1; level <= all_channels; ++level)
    groups.push_back({channels_at(inner, level - 1), channels_at(inner, level)});
  return groups;
}

/// Those output channels of `whole`, [K, R, S, C] on the host, and of them those input channels.
Tensor part_of(const Tensor& whole, const Range& out, const Range& in) {
  const Shape& s = whole.shape();
  const std::vector<double> values = whole.to_vector();
  std::vector<double> part;
  for (int64_t k = out.begin; k < out.end; ++k)
    for (int64_t tap = 0; tap < s[1] * s[2]; ++tap)
      for (int64_t c = in.begin; c < in.end; ++c)
        part.push_back(values[static_cast<size_t>((k * s[1] * s[2] + tap) * s[3] + c)]);
  return Tensor::from({out.size(), s[1], s[2], in.size()}, part, whole.dtype());
}

/// A value of some rows of the stack, in their order.
struct Rows {
  Var x;
  std::vector<size_t> rows;
};

/// The chosen rows of those that `from` has.
Var take(const Rows& from, const std::vector<size_t>& rows) {
  if (rows == from.rows) return from.x;
  const int64_t n = from.x.shape()[0] / static_cast<int64_t>(from.rows.size());
  std::vector<Var> parts;
  for (const size_t row : rows) {
    const auto at = std::find(from.rows.begin(), from.rows.end(), row) - from.rows.begin();
    parts.push_back(slice(from.x, 0, at * n, n));
  }
  return parts.size() == 1 ? parts[0] : concat(parts, 0);
}

/// y, with `term` added to the rows that it has.
Var add_rows(const Rows& y, const Rows& term) {
  if (y.rows == term.rows) return add(y.x, term.x);
  std::vector<Var> parts;
  for (const size_t row : y.rows) {
    const Var part = take(y, {row});
    const bool more = std::find(term.rows.begin(), term.rows.end(), row) != term.rows.end();
    parts.push_back(more ? add(part, take(term, {row})) : part);
  }
  return concat(parts, 0);
}

}  // namespace

NestedBlock::NestedBlock(ParameterStore& store, const std::string& name,
                         const ResidualBlockOptions& o, const Init& init) {
  norm_sets_ = o.norm.affine ? static_cast<int64_t>(o.norm.tasks.size()) : 1;
  const std::vector<BlockConv> convs = convs_of(o);
  for (size_t t = 0; t < convs.size(); ++t) {
    const auto& [in, out, kernel, options] = convs[t];
    const bool first = t == 0, last = t + 1 == convs.size();
    const std::string conv = fmt::format("{}.conv{}", name, t + 1);
    ParameterStore undivided(store.context(), store.dtype());
    const Conv whole(undivided, conv, in, out, kernel, options, false, init);
    const Tensor values = to_host(store.context(), whole.weight().value);
    Layer& layer = layers_.emplace_back();
    const auto makes = last ? std::vector<Range>{{0, out}} : groups_of(out);
    const auto reads = first ? std::vector<Range>{{0, in}} : groups_of(in);
    for (size_t i = 0; i < makes.size(); ++i) {
      auto& row = layer.convs.emplace_back();
      for (size_t j = 0; j < reads.size(); ++j) {
        const std::string part =
            conv + (last ? "" : fmt::format(".g{}", i)) + (first ? "" : fmt::format(".g{}", j));
        row.emplace_back(store, part, reads[j].size(), makes[i].size(), kernel, options, false,
                         init);
        copy_to(store.context(), row.back().weight().value, part_of(values, makes[i], reads[j]));
      }
      layer.norms.emplace_back(
          store, fmt::format("{}.bn{}", name, t + 1) + (last ? "" : fmt::format(".g{}", i)),
          makes[i].size(), o.norm);
    }
  }
  shortcut_ = Shortcut(store, name, o, init);
}

Var NestedBlock::residual(Pass& pass, const Var& x, const Var& r) const {
  return residual(pass, x, r, std::vector<int>(pass.groups.size(), all_channels));
}

Var NestedBlock::residual(Pass& pass, const Var& x, const Var& r,
                          const std::vector<int>& levels) const {
  const Groups tasks = pass.groups;
  if (levels.size() != tasks.size())
    throw Error(fmt::format("nested block: {} levels for {} rows", levels.size(), tasks.size()));
  // What leads from group j to group i runs for the rows that execute both.
  const auto rows_with = [&](size_t i, size_t j) {
    std::vector<size_t> rows;
    for (size_t row = 0; row < levels.size(); ++row)
      if (levels[row] > static_cast<int>(std::max(i, j))) rows.push_back(row);
    return rows;
  };
  const auto run = [&](const auto& layer, const Var& value, const std::vector<size_t>& rows,
                       auto... more) {
    pass.groups.clear();
    for (const size_t row : rows) pass.groups.push_back(tasks[row]);
    return layer(pass, value, more...);
  };
  std::vector<Rows> h{{x, rows_with(0, 0)}};
  const LayerScope scope(layer_of(layer_of(layer_of(layers_[0].convs[0][0].weight().name))));
  for (const Layer& layer : layers_) {
    const bool last = &layer == &layers_.back();
    std::vector<Rows> y;
    for (size_t i = 0; i < layer.convs.size(); ++i) {
      Rows sum{{}, rows_with(i, 0)};
      if (sum.rows.empty()) break;
      for (size_t j = 0; j < h.size(); ++j) {
        Rows term{{}, rows_with(i, j)};
        if (term.rows.empty()) break;
        term.x = run(layer.convs[i][j], take(h[j], term.rows), term.rows);
        sum.x = j == 0 ? term.x : add_rows(sum, term);
      }
      sum.x = run(layer.norms[i], sum.x, sum.rows, /*relu=*/!last);
      y.push_back(std::move(sum));
    }
    h = std::move(y);
  }
  pass.groups = tasks;
  return add_relu(h[0].x, r);
}

Grid NestedBlock::grid(Grid in) const {
  for (const Layer& layer : layers_) in = layer.convs[0][0].grid(in);
  return in;
}

std::vector<LevelCost> NestedBlock::levels(const Shape& x) const {
  std::vector<LevelCost> costs(all_channels + 1);
  const auto count = [&](size_t group, int64_t parameters, const Macs& macs) {
    for (size_t level = group + 1; level < costs.size(); ++level) {
      costs[level].parameters += parameters;
      costs[level].macs += macs;
    }
  };
  Shape at = x;
  for (const Layer& layer : layers_) {
    Shape out;
    for (size_t i = 0; i < layer.convs.size(); ++i)
      for (size_t j = 0; j < layer.convs[i].size(); ++j) {
        const Shape& weight = layer.convs[i][j].weight().value.shape();
        out = {at[0], at[1], at[2], weight[3]};
        count(std::max(i, j), weight.numel() + (j == 0 ? 2 * norm_sets_ * weight[0] : 0),
              conv_macs(layer.convs[i][j], out));
      }
    at = out;
  }
  return costs;
}

Macs NestedBlock::residual_macs(Shape& x) const {
  const Macs macs = levels(x).back().macs;
  for (const Layer& layer : layers_) {  // any group's convolution knows the size
    x = {x[0], x[1], x[2], layer.convs[0][0].weight().value.shape()[3]};
    conv_macs(layer.convs[0][0], x);
  }
  return macs;
}

}  // namespace weft
