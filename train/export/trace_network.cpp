// trace_network: a Trace that knows which nodes every tensor of the pass holds, row by row.
#include "train/export/trace_network.h"

#include <algorithm>
#include <map>

#include "engine/error.h"
#include "engine/trace.h"
#include "train/export/weight_pool.h"

namespace weft {
namespace {

using Rows = std::vector<int>;  ///< the node of each row (first axis) of a tensor

/// An op as it was recorded.
struct Traced {
  std::string name;
  Attributes attributes;
  const std::vector<Var>& inputs;
  const Tensor& out;

  int64_t number(const char* key, size_t i = 0) const {
    return static_cast<int64_t>(attributes.numbers.at(key).at(i));
  }
};

class Recorder final : public Trace {
 public:
  explicit Recorder(const Tensor& image) {
    ExportedNode input;
    input.name = "input";
    input.shape = row_shape(image);
    set(image, {add(input)});
  }

  void recorded(const Op& op, const std::vector<Var>& inputs, const Tensor& out) override {
    const auto* described = dynamic_cast<const Described*>(&op);
    const Traced traced{op.name(), described != nullptr ? described->attributes() : Attributes{},
                        inputs, out};
    if (looks_for_ids(traced)) return;
    const auto moves = [&](const Var& v) { return rows_of(v.value()) != nullptr; };
    const bool looks_up = traced.name == "embedding" && ids_in(traced.attributes.tensors.at("ids"));
    // Of constants alone comes a constant; an op that hands on an input as it is changes nothing.
    if (!looks_up && std::none_of(inputs.begin(), inputs.end(), moves)) return;
    if (rows_of(out) == nullptr) set(out, translate(traced));
  }

  ExportedNetwork network(const std::vector<std::string>& tasks, const std::vector<Var>& outputs) {
    for (size_t k = 0; k < tasks.size(); ++k) {
      const Rows* rows = rows_of(outputs.at(k).value());
      if (rows == nullptr || rows->size() != 1)
        throw ConfigError(fmt::format(
            "export: the output of task '{}' does not depend on the input alone", tasks[k]));
      network_.outputs.push_back({tasks[k], (*rows)[0]});
    }
    return network_;
  }

 private:
  using Key = std::pair<const void*, std::string>;

  template <class... Args>
  [[noreturn]] static void refuse(const Traced& op, fmt::format_string<Args...> why,
                                  Args&&... args) {
    throw ConfigError(fmt::format("export: {}: {}", in_layer(op.name.c_str()),
                                  fmt::format(why, std::forward<Args>(args)...)));
  }

  const Rows* rows_of(const Tensor& t) const {
    if (!t.defined()) return nullptr;
    const auto found = values_.find({t.raw(), t.shape().str()});
    return found == values_.end() ? nullptr : &found->second;
  }
  const Rows& rows_of(const Traced& op, size_t i) const {
    const Rows* rows = rows_of(op.inputs.at(i).value());
    if (rows == nullptr)
      refuse(op, "its input {} is a constant, which no node of this kind has", i);
    return *rows;
  }
  /// The tensor is kept, so that no other one gets its place in memory.
  void set(const Tensor& t, Rows rows) {
    kept_.push_back(t);
    values_[{t.raw(), t.shape().str()}] = std::move(rows);
  }
  Tensor constant(const Traced& op, size_t i) {
    const Tensor& t = op.inputs.at(i).value();
    if (rows_of(t) != nullptr) refuse(op, "its input {} depends on the network's input", i);
    return pool_.intern(t);
  }
  Tensor constant(const Shape& shape, const std::vector<double>& values) {
    return pool_.intern(Tensor::from(shape, values, DType::f64));
  }

  /// [N, H, W, C] -> [H, W, C]; [N, W, C] -> [1, W, C]; [N, C] -> [1, 1, C].
  static Shape row_shape(const Tensor& t) {
    const Shape& s = t.shape();
    if (s.rank() == 4) return {s[1], s[2], s[3]};
    if (s.rank() == 3) return {1, s[1], s[2]};
    if (s.rank() == 2) return {1, 1, s[1]};
    throw ConfigError(
        fmt::format("export: {}a value {} is neither [N, H, W, C] nor [N, C]", leave_op(), s));
  }

  /// Of whole numbers that are being read out of x (models/vdcnn.cpp: of all ids v the one where
  /// -|x - v| is largest) the rows of x; null: of others. Whatever is on its way there has no node,
  /// but an embedding's, which reads x itself.
  const Rows* ids_in(const Tensor& t) const {
    const auto found = t.defined() ? ids_.find(t.raw()) : ids_.end();
    return found == ids_.end() ? nullptr : &found->second;
  }
  /// Whether the op is on that way.
  bool looks_for_ids(const Traced& op) {
    if (op.inputs.empty()) return false;
    const Tensor& x = op.inputs[0].value();
    const Rows* rows = nullptr;
    if (op.name == "sub" && rows_of(op.inputs[1].value()) == nullptr) {
      const Tensor& all = op.inputs[1].value();
      if (all.shape().rank() != 1 || x.shape().back() != 1) return false;
      const std::vector<double> v = all.to_vector();
      for (size_t i = 0; i < v.size(); ++i)
        if (v[i] != static_cast<double>(i)) return false;
      rows = rows_of(x);
    } else if (op.name == "abs" || op.name == "neg" || op.name == "max_over") {
      rows = ids_in(x);
    }
    if (rows == nullptr) return false;
    const Tensor& ids = op.name == "max_over" ? op.attributes.tensors.at("indices") : op.out;
    kept_.push_back(ids);
    ids_[ids.raw()] = Rows(*rows);
    return true;
  }

  /// The node, or the one like it that is there.
  int add(const ExportedNode& node) {
    std::string key =
        fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", name_of(node.kind), node.conv.stride.h,
                    node.conv.stride.w, node.conv.padding.h, node.conv.padding.w,
                    node.conv.dilation.h, node.conv.dilation.w, node.conv.groups, node.pool.kernel,
                    node.pool.stride, node.pool.padding, node.pool.ceil_mode);
    key +=
        fmt::format(" {} {} {} of {}", node.begin, node.k, node.shape, fmt::join(node.inputs, ","));
    for (const Tensor& w : node.weights) key += fmt::format(" {}", w.raw());
    const auto [place, fresh] = numbers_.emplace(key, static_cast<int>(network_.nodes.size()));
    if (fresh) network_.nodes.push_back(node);
    return place->second;
  }

  static ExportedNode node_of(const Traced& op, NodeKind kind) {
    ExportedNode node;
    node.kind = kind;
    node.name = current_layer().empty() ? op.name : std::string(current_layer());
    node.shape = row_shape(op.out);
    return node;
  }
  /// A node a row, each with that row of the inputs `from`.
  Rows each_row(const Traced& op, ExportedNode node, const std::vector<size_t>& from) {
    Rows out;
    for (size_t n = 0; n < static_cast<size_t>(op.out.shape()[0]); ++n) {
      node.inputs.clear();
      for (size_t i : from) node.inputs.push_back(rows_of(op, i).at(n));
      out.push_back(add(node));
    }
    return out;
  }
  Rows function(NodeKind kind, const Traced& op, const Rows& x) {
    ExportedNode node = node_of(op, kind);
    Rows out;
    for (int row : x) {
      node.inputs = {row};
      out.push_back(add(node));
    }
    return out;
  }

  Rows translate(const Traced& op) {
    if (op.name == "conv2d" || op.name == "linear") return product(op);
    if (op.name == "batch_norm") return batch_norm(op);
    if (op.name == "add" || op.name == "mul") return sum_or_product(op);
    if (op.name == "add_relu")
      return function(NodeKind::relu, op, each_row(op, node_of(op, NodeKind::add), {0, 1}));
    if (op.name == "weighted_sum") return weighted_sum(op);
    if (op.name == "gate") return gate(op);
    if (op.name == "max_pool") return max_pool(op);
    if (op.name == "mean_over") return mean(op);
    if (op.name == "concat") return concat(op);
    if (op.name == "slice") return slice(op);
    if (op.name == "embedding") return embedding(op);
    if (op.name == "top_k") return top_k(op);
    if (op.name == "reshape") return reshape(op);
    for (const char* word : words_of(NodeKind{}))
      if (op.name == word) {
        const auto kind = from_word<NodeKind>("op", word);
        if (is_function(kind)) return function(kind, op, rows_of(op, 0));
      }
    refuse(op, "an exported network has no node for this op");
  }

  Rows product(const Traced& op) {
    const bool conv = op.name == "conv2d";
    ExportedNode node = node_of(op, conv ? NodeKind::conv : NodeKind::linear);
    for (size_t i = 1; i < op.inputs.size(); ++i) node.weights.push_back(constant(op, i));
    if (conv) {
      const auto pair = [&](const char* key) {
        return Extent2(op.number(key, 0), op.number(key, 1));
      };
      node.conv = {pair("stride"), pair("padding"), pair("dilation"), op.number("groups")};
    }
    return each_row(op, node, {0});
  }

  /// A row of group g by that group's mean and deviation.
  Rows batch_norm(const Traced& op) {
    if (op.number("constant_statistics") == 0)
      refuse(op, "it normalises by the batch's statistics; only evaluation can be exported");
    const std::vector<double> gamma = constant(op, 1).to_vector(),
                              beta = constant(op, 2).to_vector(),
                              mean = op.attributes.tensors.at("mean").to_vector(),
                              invstd = op.attributes.tensors.at("invstd").to_vector();
    const size_t channels = gamma.size(), groups = mean.size() / channels;
    const Rows& x = rows_of(op, 0);
    ExportedNode node = node_of(op, NodeKind::affine);
    Rows out;
    for (size_t n = 0; n < x.size(); ++n) {
      const size_t group = n / (x.size() / groups);
      std::vector<double> scale(channels), shift(channels);
      for (size_t c = 0; c < channels; ++c) {
        scale[c] = gamma[c] * invstd[group * channels + c];
        shift[c] = beta[c] - mean[group * channels + c] * scale[c];
      }
      const Shape shape{static_cast<int64_t>(channels)};
      node.weights = {constant(shape, scale), constant(shape, shift)};
      node.inputs = {x[n]};
      out.push_back(add(node));
    }
    return op.number("relu") != 0 ? function(NodeKind::relu, op, out) : out;
  }

  /// x + y and x y of two maps of one shape, or of a map with a constant a channel.
  Rows sum_or_product(const Traced& op) {
    const bool sum = op.name == "add";
    const bool moves[2] = {rows_of(op.inputs[0].value()) != nullptr,
                           rows_of(op.inputs[1].value()) != nullptr};
    if (moves[0] && moves[1]) {
      if (op.inputs[0].shape() != op.inputs[1].shape())
        refuse(op, "operands of different shapes: {}, {}", op.inputs[0].shape(),
               op.inputs[1].shape());
      return each_row(op, node_of(op, sum ? NodeKind::add : NodeKind::mul), {0, 1});
    }
    const size_t x = moves[0] ? 0 : 1;
    const std::vector<double> c = constant(op, 1 - x).to_vector();
    const Shape channels{op.out.shape().back()};
    if (op.inputs[1 - x].shape() != channels || op.inputs[x].shape() != op.out.shape())
      refuse(op, "a constant {} is none for each channel of {}", op.inputs[1 - x].shape(),
             op.inputs[x].shape());
    ExportedNode node = node_of(op, NodeKind::affine);
    const std::vector<double> same(c.size(), sum ? 1.0 : 0.0);
    node.weights = {constant(channels, sum ? same : c), constant(channels, sum ? c : same)};
    return each_row(op, node, {x});
  }

  Rows weighted_sum(const Traced& op) {
    ExportedNode node = node_of(op, NodeKind::weighted_sum);
    node.weights = {constant(op, op.inputs.size() - 1)};
    std::vector<size_t> maps;
    for (size_t i = 0; i + 1 < op.inputs.size(); ++i) maps.push_back(i);
    return each_row(op, node, maps);
  }

  /// A hard gate hands on f or r; a soft one sums both.
  Rows gate(const Traced& op) {
    const std::vector<double>& all = op.attributes.numbers.at("rows");
    const int64_t n = op.number("n");
    Rows out;
    for (size_t row = 0; row + 3 < all.size(); row += 4)
      for (int64_t i = 0; i < n; ++i) {
        ExportedNode node = node_of(op, NodeKind::weighted_sum);
        std::vector<double> weights;
        for (size_t branch : {0, 1}) {
          const double p = all[row + 2 + branch];
          if (p == 0) continue;
          const auto at = static_cast<size_t>(static_cast<int64_t>(all[row + branch]) * n + i);
          node.inputs.push_back(rows_of(op, branch).at(at));
          weights.push_back(p);
        }
        if (weights.empty()) refuse(op, "a gate that neither executes nor skips");
        node.weights = {constant({static_cast<int64_t>(weights.size())}, weights)};
        out.push_back(weights == std::vector{1.0} ? node.inputs[0] : add(node));
      }
    return out;
  }

  Rows max_pool(const Traced& op) {
    ExportedNode node = node_of(op, NodeKind::max_pool);
    node.pool = {op.number("kernel"), op.number("stride"), op.number("padding"),
                 op.number("ceil_mode") != 0};
    return each_row(op, node, {0});
  }

  Rows mean(const Traced& op) {
    const Shape &x = op.inputs[0].shape(), &y = op.out.shape();
    if (x.rank() != 4 || y != Shape{x[0], 1, 1, x[3]}) refuse(op, "a mean of {} to {}", x, y);
    if (x[1] * x[2] == 1) return rows_of(op, 0);
    return each_row(op, node_of(op, NodeKind::mean), {0});
  }

  Rows concat(const Traced& op) {
    std::vector<size_t> all(op.inputs.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    if (op.number("axis") == 0) {
      Rows out;
      for (size_t i : all) out.insert(out.end(), rows_of(op, i).begin(), rows_of(op, i).end());
      return out;
    }
    if (op.number("axis") + 1 != op.out.shape().rank())
      refuse(op, "along axis {} of {}", op.number("axis"), op.out.shape());
    return each_row(op, node_of(op, NodeKind::concat), all);
  }

  Rows slice(const Traced& op) {
    const Rows& x = rows_of(op, 0);
    if (op.number("axis") == 0) {
      const auto begin = x.begin() + op.number("begin");
      return {begin, begin + op.out.shape()[0]};
    }
    if (op.number("axis") + 1 != op.out.shape().rank())
      refuse(op, "along axis {} of {}", op.number("axis"), op.out.shape());
    if (op.out.shape() == op.inputs[0].shape()) return x;
    ExportedNode node = node_of(op, NodeKind::slice);
    node.begin = op.number("begin");
    return each_row(op, node, {0});
  }

  Rows embedding(const Traced& op) {
    ExportedNode node = node_of(op, NodeKind::embedding);
    node.weights = {constant(op, 0)};
    Rows out;
    for (const int row : *ids_in(op.attributes.tensors.at("ids"))) {
      node.inputs = {row};
      out.push_back(add(node));
    }
    return out;
  }

  /// The k largest places [N, k, C], a vector [N, k C] at once.
  Rows top_k(const Traced& op) {
    const Shape &x = op.inputs[0].shape(), &y = op.out.shape();
    if (x.rank() != 3 || op.number("axis") != 1) refuse(op, "of {} along {}", x, op.number("axis"));
    ExportedNode node = node_of(op, NodeKind::top_k);
    node.k = y[1];
    node.shape = {1, 1, y[1] * y[2]};
    return each_row(op, node, {0});
  }

  Rows reshape(const Traced& op) {
    const Tensor& x = op.inputs[0].value();
    const Rows& rows = rows_of(op, 0);
    const Shape& is = network_.nodes[static_cast<size_t>(rows[0])].shape;
    if (x.shape()[0] != op.out.shape()[0] || is != row_shape(op.out))
      refuse(op, "from {} to {}", x.shape(), op.out.shape());
    return rows;
  }

  ExportedNetwork network_;
  std::map<std::string, int> numbers_;
  std::map<Key, Rows> values_;
  std::map<const void*, Rows> ids_;
  std::vector<Tensor> kept_;
  WeightPool pool_;
};

}  // namespace

ExportedNetwork trace_network(const AnyContext& context, DType dtype, const Shape& input,
                              const std::vector<std::string>& tasks, const ForwardPass& forward) {
  if (!memory_of(context).on_host()) throw ConfigError("export: networks are recorded on the CPU");
  if (input.rank() != 3)
    throw ConfigError(fmt::format("export: the input is [H, W, C], not {}", input));
  Tape tape(context, Tape::Mode::no_grad);
  Pass pass{tape, /*training=*/false, Noise{}};
  const Var image = tape.constant(Tensor::full({1, input[0], input[1], input[2]}, 0.5, dtype));
  Recorder recorder(image.value());
  const std::vector<Var> outputs = forward(pass, image);
  return pruned(recorder.network(tasks, outputs));
}

}  // namespace weft
