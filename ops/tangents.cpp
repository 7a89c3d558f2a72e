// Tangents: a rule for each op.
#include "ops/tangents.h"

#include <algorithm>

#include "engine/error.h"
#include "ops/concat.h"
#include "ops/gate.h"
#include "ops/linear.h"
#include "ops/pointwise.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/weighted_sum.h"

namespace weft {
namespace {

Var zeros_like(const Var& v) {
  const auto count = static_cast<size_t>(v.value().numel());
  const Tensor host = Tensor::from(v.shape(), std::vector<double>(count, 0.0), v.dtype());
  return v.tape().constant(to_device(v.tape().context(), host));
}

/// The gate's constants; the op says them as f_group, r_group, select, skip of each row.
std::vector<GateRow> rows_of(const std::vector<double>& said) {
  std::vector<GateRow> rows;
  for (size_t i = 0; i + 3 < said.size(); i += 4) {
    GateRow row;
    row.f_group = static_cast<int>(said[i]);
    row.r_group = static_cast<int>(said[i + 1]);
    row.select = said[i + 2];
    row.skip = said[i + 3];
    rows.push_back(row);
  }
  return rows;
}

bool is_identity(const std::string& name) {
  return name == "mark_reach" || name == "where_reached";
}

}  // namespace

void Tangents::recorded(const Op& op, const std::vector<Var>& inputs, const Tensor& out) {
  const auto moves = [](const Var& v) { return v.needs_grad(); };
  const auto first = std::find_if(inputs.begin(), inputs.end(), moves);
  if (closed_ || first == inputs.end() || !first->tape().recording()) return;
  // Told before the node is there: it becomes the next one.
  noted_.push_back(
      {&op, std::string(current_layer()), inputs, out.shape(), first->tape().mark().node});
}

/// f'(z), recorded once.
const Var& Tangents::slope_of(const Noted& noted) {
  Var& slope = slopes_[noted.node];
  if (slope.value().defined()) return slope;
  const std::string name = noted.op->name();
  const Var& z = noted.inputs[0];
  if (name == "tanh") {
    slope = 1.0 - square(tanh(z));
  } else if (name == "softplus") {
    slope = sigmoid(z);
  } else {
    const Var s = sigmoid(z);
    slope = name == "silu" ? s * (1.0 + z * (1.0 - s)) : s * (1.0 - s);
  }
  return slope;
}

Var Tangents::tangent(const Noted& noted, const ByNode& known) {
  const std::string name = noted.op->name();
  const std::vector<Var>& in = noted.inputs;
  const auto moved = [&](size_t i) {
    const auto found = known.find(in.at(i).node());
    return found == known.end() ? Var() : found->second;
  };
  const auto moves = [&](size_t i) { return moved(i).value().defined(); };
  const auto moved_or_still = [&](size_t i) { return moves(i) ? moved(i) : zeros_like(in[i]); };
  const auto number = [&](const char* key) {
    const Attributes said = dynamic_cast<const Described&>(*noted.op).attributes();
    return static_cast<int64_t>(said.numbers.at(key).at(0));
  };
  if (is_identity(name)) return moved(0);
  if (name == "linear" && !moves(1)) return linear(moved(0), in[1]);
  if (name == "tanh" || name == "sigmoid" || name == "silu" || name == "softplus")
    return moved(0) * slope_of(noted);
  const bool alike = in.size() == 2 && in[0].shape() == in[1].shape();
  if (name == "add" && alike)
    return !moves(1) ? moved(0) : !moves(0) ? moved(1) : moved(0) + moved(1);
  if (name == "mul" && in.size() == 2 && in[0].shape() == noted.shape && !moves(1))
    return moved(0) * in[1];
  if (name == "mul" && alike) {
    const Var right = in[0] * moved(1);
    return moves(0) ? moved(0) * in[1] + right : right;
  }
  // A mean or sum over axes of one element, as a head's over a row of a table, moves nothing.
  const bool same_count = in[0].value().numel() == noted.shape.numel();
  if (name == "reshape" || ((name == "mean_over" || name == "sum_over") && same_count))
    return reshape(moved(0), noted.shape);
  if (name == "slice") {
    const auto axis = static_cast<int>(number("axis"));
    return slice(moved(0), axis, number("begin"), noted.shape[axis]);
  }
  if (name == "concat") {
    std::vector<Var> parts;
    for (size_t i = 0; i < in.size(); ++i) parts.push_back(moved_or_still(i));
    return concat(parts, static_cast<int>(number("axis")));
  }
  if (name == "gate" && in.size() == 2) {  // more are probabilities, which no attribute tells apart
    const auto branch = [&](size_t i) {
      return in[i].value().defined() ? moved_or_still(i) : Var();
    };
    const Attributes said = dynamic_cast<const Described&>(*noted.op).attributes();
    return gate(branch(0), branch(1), rows_of(said.numbers.at("rows")), number("n"));
  }
  if (name == "weighted_sum" && !moves(in.size() - 1)) {
    std::vector<Var> maps;
    for (size_t i = 0; i + 1 < in.size(); ++i) maps.push_back(moved_or_still(i));
    return weighted_sum(maps, in.back());
  }
  throw ConfigError(fmt::format(
      "{}{}: no tangent of this op is known, so a slope through it cannot be learned; there are "
      "those of linear, tanh, sigmoid, silu, softplus, add, mul, reshape, slice, concat, "
      "weighted_sum and a gate without probabilities",
      noted.layer.empty() ? "" : noted.layer + ": ", name));
}

std::vector<Var> Tangents::along(const Var& x, const Var& dx, const std::vector<Var>& outputs) {
  closed_ = true;
  if (dx.shape() != x.shape())
    throw ShapeError(
        fmt::format("tangents: dx {} is not of the shape of x {}", dx.shape(), x.shape()));
  ByNode known{{x.node(), dx}};
  for (const Noted& noted : noted_) {
    const auto leads = [&](const Var& v) { return known.count(v.node()) > 0 && v.needs_grad(); };
    if (std::any_of(noted.inputs.begin(), noted.inputs.end(), leads))
      known[noted.node] = tangent(noted, known);
  }
  std::vector<Var> out;
  for (const Var& y : outputs) {
    const auto found = known.find(y.node());
    out.push_back(y.needs_grad() && found != known.end() ? found->second : Var());
  }
  return out;
}

}  // namespace weft
