// Small networks for the tests of the export: every way of sharing on every trunk and head that it
// takes, bottlenecks in both semantics, with random weights, running statistics and policies, so that nothing holds only at the
// values that training starts from.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/sharing/sharing.h"
#include "train/export/trace_network.h"

namespace weft::test {

struct ExportCase {
  std::string name;
  ModelOptions options;
  Shape input;  ///< [H, W, C]
  DType dtype = DType::f32;
  bool soft = false;  ///< gates that mix both branches, as under retrain.gates = "soft"
};

inline bool is_text(const ExportCase& c) {
  return c.options.trunk.kind == TrunkOptions::Kind::vdcnn;
}

/// Way by way, trunk by trunk; `hard` and `adashare` also with batch norm of each task's own.
const std::vector<ExportCase>& export_cases();
const ExportCase& export_case(std::string_view name);

/// The case's model, random, with the gates of a random policy where it has one.
class RandomModel {
 public:
  explicit RandomModel(const ExportCase& c);
  Model& model() { return *model_; }
  const Gates* gates() const { return sample_ ? &sample_->gates : nullptr; }
  /// As evaluation runs it.
  ForwardPass forward();
  /// Its outputs for inputs [N, H, W, C]: a task, [N, h, w, c].
  std::vector<Tensor> outputs(const Tensor& inputs);
  /// Made once.
  const ExportedNetwork& exported();
  const AnyContext& context() const { return context_; }

 private:
  CpuContext cpu_{2};
  AnyContext context_{&cpu_};
  Shape input_;
  std::unique_ptr<Model> model_;
  std::optional<PolicySample> sample_;
  std::vector<std::vector<double>> weights_;  ///< of soft gates, task x block
  std::optional<ExportedNetwork> exported_;
};

/// The case's, which all tests share.
RandomModel& random_model(const ExportCase& c);

/// Normal numbers [n, H, W, C], of a text ids. An output's scale is its largest value for all of them: what a
/// single input gives may be nearly 0 by cancellation.
Tensor random_inputs(const ExportCase& c, int64_t n = 4);

/// The largest difference, over the largest of `wanted`.
double difference(const Tensor& wanted, const std::vector<float>& found);
double difference(const Tensor& wanted, const Tensor& found);

}  // namespace weft::test
