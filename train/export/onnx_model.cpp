// onnx_model: a node of the network, one node of ONNX or a few.
#include "train/export/onnx_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/error.h"
#include "io/safetensors.h"
#include "train/export/at_size.h"
#include "train/export/onnx_graph.h"

namespace weft {
namespace {

constexpr int64_t most_weights = (int64_t{2} << 30) - (int64_t{16} << 20);  ///< bytes, and a graph

/// May be a node of a table's network: vectors come of vectors, by matrices where it has weights.
bool is_of_rows(const ExportedNode& n) {
  if (n.shape[0] * n.shape[1] != 1) return false;
  for (const NodeKind map :
       {NodeKind::max_pool, NodeKind::mean, NodeKind::embedding, NodeKind::top_k})
    if (n.kind == map) return false;
  if (n.kind != NodeKind::conv) return true;
  return n.conv.groups == 1 && n.weights[0].shape()[1] * n.weights[0].shape()[2] == 1;
}

class Writer : OnnxGraph {
 public:
  /// `int8`: of `network`, or null.
  Writer(const ExportedNetwork& network, const Int8Network* int8, const OnnxOptions& options)
      : network_(network), int8_(int8) {
    rows_ = std::all_of(network.nodes.begin(), network.nodes.end(), is_of_rows);
    ids_ = reads_ids(network);
    size_ = words_for_size(options.any_size);
    for (const NamedWeight& w : weights_of(network)) weight_names_[w.value.raw()] = w.name;
    model_.set_doc_string(fmt::format(
        "{}\n{}", fmt::join(options.notes, "\n"),
        ids_    ? "tensors here are [N, length], of tasks [N, channels]"
        : rows_ ? "tensors here are [N, C]"
                : "tensors here are [N, channels, rows, columns], of one pixel [N, channels]"));
  }

  OnnxModel model() {
    for (const ExportedOutput& out : network_.outputs)
      if (!taken_.insert(out.task).second)
        throw ConfigError(fmt::format("export: two tasks are called '{}'", out.task));
    const std::string input = unique("input");
    if (ids_)
      declare_ids(graph()->add_input(), input, network_.nodes[0].shape[1]);
    else
      declare(graph()->add_input(), input, network_.nodes[0].shape, "height", "width", !rows_);
    names_.push_back(rounded(0, input));
    for (size_t i = 1; i < network_.nodes.size(); ++i) write(i);
    for (const ExportedOutput& out : network_.outputs) write(out);
    check();
    return {model_.SerializeAsString(), size_};
  }

 private:
  const Shape& shape_of(int node) const {
    return network_.nodes.at(static_cast<size_t>(node)).shape;
  }
  static bool one_pixel(const Shape& s) { return s[0] * s[1] == 1; }

  /// Says any_size_, too.
  std::string words_for_size(bool wanted) {
    if (rows_ || ids_) return "";
    const Shape& in = shape_of(0);
    const std::string fixed = fmt::format("{}x{} alone", in[0], in[1]);
    if (!wanted) return fixed;
    if (const std::string layer = one_pixel_layer(network_); !layer.empty())
      return fmt::format("{}: the map of {} is one pixel", fixed, layer);
    any_size_ = true;
    return "any";
  }

  /// Of a value [H, W, C]: type and shape. `map`: with rows and columns, which may be free.
  void declare(onnx::ValueInfoProto* value, const std::string& name, const Shape& s,
               const std::string& height, const std::string& width, bool map) {
    value->set_name(name);
    auto* type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    auto* shape = type->mutable_shape();
    shape->add_dim()->set_dim_param("N");
    shape->add_dim()->set_dim_value(s[2]);
    if (!map) return;
    for (const auto& [param, size] : {std::pair{height, s[0]}, std::pair{width, s[1]}})
      if (any_size_)
        shape->add_dim()->set_dim_param(param);
      else
        shape->add_dim()->set_dim_value(size);
  }

  static void declare_ids(onnx::ValueInfoProto* value, const std::string& name, int64_t length) {
    value->set_name(name);
    auto* type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::INT64);
    type->mutable_shape()->add_dim()->set_dim_param("N");
    type->mutable_shape()->add_dim()->set_dim_value(length);
  }

  /// The constant's name; one in two shapes is there twice.
  std::string constant(const Tensor& t, const Dims& dims) {
    const auto [place, fresh] = constants_.try_emplace({t.raw(), dims});
    if (fresh) {
      const Tensor value = dims.size() == 4 && t.shape().rank() == 4 ? krsc_to_oihw(t) : t;
      place->second = add_constant(weight_names_.at(t.raw()), onnx::TensorProto::FLOAT, dims,
                                   value.raw(), value.bytes());
    }
    return place->second;
  }
  /// A constant of steps [K, ..] and what it stands for, each channel by its scale. Zero points are
  /// said, as quantisers say them: ONNX Runtime's passes over the graph put wrong ones where none are.
  template <class T>
  std::string dequantised(const std::string& name, onnx::TensorProto::DataType type,
                          const Dims& dims, const std::vector<T>& steps,
                          const std::vector<float>& scale) {
    const std::vector<T> zeros(scale.size());
    const std::string q = add_constant(name, type, dims, steps.data(), steps.size() * sizeof(T)),
                      by = add_constant(name + ".scale", onnx::TensorProto::FLOAT, {dims[0]},
                                        scale.data(), scale.size() * sizeof(float)),
                      zero = add_constant(name + ".zero", type, {dims[0]}, zeros.data(),
                                          zeros.size() * sizeof(T));
    const std::string y = add("DequantizeLinear", name + ".real", {q, by, zero});
    attribute("axis", 0);
    return y;
  }

  /// Value i by way of its int8 steps, where it has some; relu comes before its input's steps.
  std::string rounded(size_t i, const std::string& x) {
    if (int8_ == nullptr || static_cast<int>(i) < int8_->entry || int8_->nodes[i].f32) return x;
    for (size_t j = i + 1; j < network_.nodes.size(); ++j)
      if (int8_->nodes[j].same_step && network_.nodes[j].inputs[0] == static_cast<int>(i)) return x;
    const Quantisation& q = int8_->nodes[i].q;
    const auto zero = static_cast<int8_t>(q.zero);
    const std::string& name = network_.nodes[i].name;
    const std::string scale =
        add_constant(name + ".scale", onnx::TensorProto::FLOAT, {}, &q.scale, sizeof(float));
    const std::string at = add_constant(name + ".zero", onnx::TensorProto::INT8, {}, &zero, 1);
    const std::string steps = add("QuantizeLinear", name + ".steps", {x, scale, at});
    return add("DequantizeLinear", name + ".real", {steps, scale, at});
  }

  /// The weight, or what its int8 steps stand for.
  std::string weight(const ExportedNode& n, const Dims& dims) {
    const Tensor& w = n.weights[0];
    if (int8_ == nullptr || int8_->weights.count(w.raw()) == 0) return constant(w, dims);
    const Int8Weight& quantised = int8_->weights.at(w.raw());
    std::string& name = dequantised_[w.raw()];
    if (!name.empty()) return name;
    const std::vector<int8_t>& q = quantised.values;
    Tensor steps = Tensor::from(w.shape(), std::vector<double>(q.begin(), q.end()));
    if (dims.size() == 4 && w.shape().rank() == 4) steps = krsc_to_oihw(steps);
    const std::vector<double> ordered = steps.to_vector();
    const std::vector<int8_t> bytes(ordered.begin(), ordered.end());
    return name = dequantised(weight_names_.at(w.raw()), onnx::TensorProto::INT8, dims, bytes,
                              quantised.scale);
  }
  /// Likewise; `i`: the node.
  std::string bias(size_t i) {
    const ExportedNode& n = network_.nodes[i];
    if (int8_ == nullptr || int8_->nodes[i].bias.empty())
      return constant(n.weights[1], {n.weights[1].numel()});
    return dequantised(n.name + ".bias", onnx::TensorProto::INT32, {n.weights[1].numel()},
                       int8_->nodes[i].bias, product_scales(*int8_, i));
  }

  std::string product(size_t i, std::vector<std::string> x) {
    const ExportedNode& n = network_.nodes[i];
    const bool conv = n.kind == NodeKind::conv;
    const Shape& w = n.weights[0].shape();
    const Dims kernel = conv ? Dims{w[1], w[2]} : Dims{1, 1};
    if (rows_)
      x.push_back(weight(n, {w[0], w.back()}));
    else
      x.push_back(weight(n, {w[0], w.back(), kernel[0], kernel[1]}));
    if (n.weights.size() > 1) x.push_back(bias(i));
    const std::string y = add(rows_ ? "Gemm" : "Conv", n.name, x);
    if (rows_) {
      attribute("transB", 1);
      return y;
    }
    const Conv2dOptions& o = n.conv;  // of a linear layer the defaults
    attribute("kernel_shape", kernel);
    attribute("strides", Dims{o.stride.h, o.stride.w});
    attribute("pads", Dims{o.padding.h, o.padding.w, o.padding.h, o.padding.w});
    attribute("dilations", Dims{o.dilation.h, o.dilation.w});
    attribute("group", o.groups);
    return y;
  }

  std::string max_pool(const ExportedNode& n, const std::vector<std::string>& x) {
    const std::string y = add("MaxPool", n.name, x);
    const PoolOptions& o = n.pool;
    attribute("kernel_shape", Dims{o.kernel, o.kernel});
    attribute("strides", Dims{o.stride, o.stride});
    attribute("pads", Dims(4, o.padding));
    attribute("ceil_mode", o.ceil_mode ? 1 : 0);
    return y;
  }

  std::string affine(const ExportedNode& n, const std::string& x) {
    const int64_t channels = n.shape[2];
    const Dims dims = rows_ ? Dims{channels} : Dims{channels, 1, 1};
    const std::string scaled = add("Mul", n.name, {x, constant(n.weights[0], dims)});
    return add("Add", n.name, {scaled, constant(n.weights[1], dims)});
  }

  std::string weighted_sum(const ExportedNode& n, const std::vector<std::string>& x) {
    std::vector<std::string> terms;
    const std::string& weights = weight_names_.at(n.weights[0].raw());
    for (size_t j = 0; j < x.size(); ++j)
      terms.push_back(add("Mul", n.name, {x[j], number(weights, n.weights[0].data<float>()[j])}));
    return add("Sum", n.name, terms);
  }

  std::string slice(const ExportedNode& n, const std::string& x) {
    return add("Slice", n.name,
               {x, integer(n.name + ".begin", n.begin),
                integer(n.name + ".end", n.begin + n.shape[2]), integer(n.name + ".axis", 1)});
  }

  /// [N, L] -> [N, L, E] -> [N, E, 1, L]
  std::string embedding(const ExportedNode& n, const std::string& ids) {
    const Shape& table = n.weights[0].shape();
    const std::string found =
        add("Gather", n.name, {constant(n.weights[0], {table[0], table[1]}), ids});
    const std::string channels_first = add("Transpose", n.name, {found});
    attribute("perm", Dims{0, 2, 1});
    return add("Unsqueeze", n.name, {channels_first, integer(n.name + ".axis", 2)});
  }

  /// [N, C, 1, W] -> [N, C, 1, k] -> [N, k, C, 1] -> [N, k C, 1, 1]
  std::string top_k(const ExportedNode& n, const std::string& x) {
    const std::string largest = add("TopK", n.name, {x, integer(n.name + ".k", n.k)});
    attribute("axis", 3);
    node_->add_output(unique(n.name + ".places"));
    const std::string by_rank = add("Transpose", n.name, {largest});
    attribute("perm", Dims{0, 3, 1, 2});
    return add("Reshape", n.name, {by_rank, integers(n.name + ".shape", {0, n.shape[2], 1, 1})});
  }

  std::string gelu(const ExportedNode& n, const std::string& x) {
    const std::string z =
        add("Div", n.name, {x, number(n.name + ".sqrt2", static_cast<float>(std::sqrt(2.0)))});
    const std::string erf = add("Erf", n.name, {z});
    const std::string factor = add("Add", n.name, {erf, number(n.name + ".one", 1)});
    const std::string twice = add("Mul", n.name, {x, factor});
    return add("Mul", n.name, {twice, number(n.name + ".half", 0.5F)});
  }

  void write(size_t i) {
    std::vector<std::string> x;
    for (const int input : network_.nodes[i].inputs)
      x.push_back(names_.at(static_cast<size_t>(input)));
    names_.push_back(rounded(i, value_of(i, x)));
  }

  std::string value_of(size_t i, const std::vector<std::string>& x) {
    const ExportedNode& n = network_.nodes[i];
    switch (n.kind) {
      case NodeKind::input:
        break;
      case NodeKind::conv:
      case NodeKind::linear:
        return product(i, x);
      case NodeKind::affine:
        return affine(n, x[0]);
      case NodeKind::weighted_sum:
        return weighted_sum(n, x);
      case NodeKind::add:
        return add("Add", n.name, x);
      case NodeKind::mul:
        return add("Mul", n.name, x);
      case NodeKind::max_pool:
        return max_pool(n, x);
      case NodeKind::mean:
        return add("GlobalAveragePool", n.name, x);
      case NodeKind::concat: {
        const std::string y = add("Concat", n.name, x);
        attribute("axis", 1);
        return y;
      }
      case NodeKind::slice:
        return slice(n, x[0]);
      case NodeKind::embedding:
        return embedding(n, x[0]);
      case NodeKind::top_k:
        return top_k(n, x[0]);
      case NodeKind::relu:
        return add("Relu", n.name, x);
      case NodeKind::sigmoid:
        return add("Sigmoid", n.name, x);
      case NodeKind::tanh:
        return add("Tanh", n.name, x);
      case NodeKind::silu:
        return add("Mul", n.name, {x[0], add("Sigmoid", n.name, x)});
      case NodeKind::softplus:
        return add("Softplus", n.name, x);
      case NodeKind::gelu:
        return gelu(n, x[0]);
    }
    throw Error("onnx export: only the first node is the input");
  }

  void write(const ExportedOutput& out) {
    const bool flat = !rows_ && one_pixel(shape_of(out.node));
    add(flat ? "Flatten" : "Identity", "output." + out.task,
        {names_.at(static_cast<size_t>(out.node))});
    if (flat) attribute("axis", 1);
    node_->set_output(0, out.task);
    declare(graph()->add_output(), out.task, shape_of(out.node), out.task + ".height",
            out.task + ".width", !rows_ && !flat);
  }

  const ExportedNetwork& network_;
  const Int8Network* int8_;
  bool rows_ = false;      ///< a table's: values are [N, C]
  bool ids_ = false;       ///< a text's go in
  bool any_size_ = false;  ///< of pictures
  std::string size_;
  std::vector<std::string> names_;  ///< of each node's value
  std::map<const void*, std::string> weight_names_;
  std::map<std::pair<const void*, Dims>, std::string> constants_;
  std::map<const void*, std::string> dequantised_;  ///< weights
};

void check_room(int64_t bytes) {
  if (bytes > most_weights)
    throw ConfigError(fmt::format(
        "export: {} MB of weights do not fit into an ONNX file (up to 2 GiB); --format safetensors "
        "or --task has room",
        bytes / 1'000'000));
}

}  // namespace

OnnxModel onnx_model(const Int8Network& network, const OnnxOptions& options) {
  int64_t bytes = 0;
  for (const auto& [f32, weight] : network.weights)
    bytes += static_cast<int64_t>(weight.values.size());
  check_room(bytes);
  return Writer(network.network, &network, options).model();
}

OnnxModel onnx_model(const ExportedNetwork& network, const OnnxOptions& options) {
  check_room(cost_of(network).bytes());
  return Writer(network, nullptr, options).model();
}

}  // namespace weft
