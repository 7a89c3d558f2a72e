// A graph of ONNX as it is written: constants and nodes under names of their own, by the types of ONNX's
// library (opset 17, IR 8). For onnx_model.cpp, which says what the nodes are.
#pragma once

#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <set>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/version.h"

namespace weft {

class OnnxGraph {
 protected:
  using Dims = std::vector<int64_t>;

  OnnxGraph() {
    model_.set_ir_version(8);
    model_.set_producer_name("weft");
    model_.set_producer_version(version());
    auto* set = model_.add_opset_import();
    set->set_domain("");
    set->set_version(17);
    graph()->set_name("weft");
  }

  onnx::GraphProto* graph() { return model_.mutable_graph(); }

  std::string unique(const std::string& name) {
    std::string own = name;
    for (int n = 2; !taken_.insert(own).second; ++n) own = fmt::format("{}.{}", name, n);
    return own;
  }

  std::string number(const std::string& name, float v) {
    return add_constant(name, onnx::TensorProto::FLOAT, {}, &v, sizeof v);
  }
  std::string integer(const std::string& name, int64_t v) { return integers(name, {v}); }
  std::string integers(const std::string& name, const Dims& v) {
    return add_constant(name, onnx::TensorProto::INT64, {static_cast<int64_t>(v.size())}, v.data(),
                        v.size() * sizeof v[0]);
  }
  std::string add_constant(const std::string& name, onnx::TensorProto::DataType type,
                           const Dims& dims, const void* bytes, size_t size) {
    auto* t = graph()->add_initializer();
    t->set_name(unique(name));
    t->set_data_type(type);
    for (const int64_t d : dims) t->add_dims(d);
    t->set_raw_data(bytes, size);
    return t->name();
  }

  /// A node of `op` whose one output is called `name`, or like it; that name.
  std::string add(const std::string& op, const std::string& name,
                  const std::vector<std::string>& inputs) {
    node_ = graph()->add_node();
    node_->set_op_type(op);
    node_->set_name(unique(name));
    for (const std::string& input : inputs) node_->add_input(input);
    node_->add_output(node_->name());
    return node_->name();
  }
  /// Of the node that was added last.
  void attribute(const std::string& name, int64_t value) {
    auto* a = node_->add_attribute();
    a->set_name(name);
    a->set_type(onnx::AttributeProto::INT);
    a->set_i(value);
  }
  void attribute(const std::string& name, const Dims& values) {
    auto* a = node_->add_attribute();
    a->set_name(name);
    a->set_type(onnx::AttributeProto::INTS);
    for (const int64_t v : values) a->add_ints(v);
  }

  /// By ONNX's library: operators as their schemas have them, shapes as they follow.
  void check() {
    try {
      onnx::checker::check_model(model_);
      onnx::ShapeInferenceOptions strict{/*check_type=*/true, /*strict_mode=*/1};
      onnx::shape_inference::InferShapes(model_, onnx::OpSchemaRegistry::Instance(), strict);
    } catch (const std::exception& e) {
      throw Error(fmt::format("export: ONNX's library refuses the model: {}", e.what()));
    }
  }

  onnx::ModelProto model_;
  onnx::NodeProto* node_ = nullptr;
  std::set<std::string> taken_;  ///< names of values and nodes
};

}  // namespace weft
