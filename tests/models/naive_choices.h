// A network whose blocks take one of several choices a task (DEN's levels, routing's function blocks)
// beside plain loops in f64: predictions, and the gradients of sum_k sum_i w_ki y_ki.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/binary_policy.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "tests/models/naive_net.h"
#include "tests/models/random_model.h"

namespace weft::test {

/// [task][block]
using Choices = std::vector<std::vector<int>>;

inline PolicySample sample_of(const Choices& choices) { return {gates_from(choices), {}, {}}; }

/// Checks predictions and, where soft, the gradients of p [L, width], as straight-through Gumbel
/// hands it over. `column`: where a choice stands in p. Returns the gradients by definition of every
/// parameter; the model's own are in its store.
template <class Column>
std::map<std::string, std::vector<double>> check_as_loops(Model& model, const ModelOptions& options,
                                                          const Tensor& images,
                                                          const Choices& choices, int width,
                                                          Column column, bool soft) {
  const size_t tasks = options.tasks.size();
  const int blocks = model.trunk().blocks();
  steps().clear();
  const auto parameters = numbers_of(model);
  Tape tape(model.store().context());
  PolicySample sample = sample_of(choices);
  std::vector<Numbers> select;
  for (size_t k = 0; k < tasks; ++k) {
    std::vector<double> p = noise("p." + options.tasks[k].name, width * blocks, 0.1, 0.9);
    for (int l = 0; l < blocks; ++l) {
      const auto at = static_cast<size_t>(l);
      if (soft) sample.gates[k][at].kind = Gate::Kind::soft;
      for (int c = 0; !soft && c < width; ++c)
        p[static_cast<size_t>(width) * at + static_cast<size_t>(c)] = c == column(choices[k][at]);
    }
    select.emplace_back();
    for (const double v : p) select.back().push_back(variable(v));
    if (soft) sample.p.push_back(tape.leaf(Tensor::from({blocks, width}, p, DType::f64)));
  }
  const Shape& s = images.shape();
  Map image(s[0], s[1], s[2], s[3]);
  const std::vector<double> pixels = images.to_vector();
  for (size_t i = 0; i < pixels.size(); ++i) image.values[i] = {pixels[i]};
  const NaiveOutput naive = NaiveNet(options, parameters).forward(image, select);
  Pass pass{tape, true, Noise{}};
  const auto y = model.forward(pass, tape.constant(images), &sample);
  Number loss;
  std::optional<Var> total;
  for (size_t k = 0; k < tasks; ++k) {
    const auto w = noise("w." + options.tasks[k].name, y[k].value().numel(), -1, 1);
    std::vector<double> values;
    for (size_t i = 0; i < w.size(); ++i) {
      values.push_back(naive.predictions[k].values[i].value);
      loss = loss + w[i] * naive.predictions[k].values[i];
    }
    check_close(options.tasks[k].name, y[k].value().to_vector(), values);
    const Var term = sum(mul(y[k], tape.constant(Tensor::from(y[k].shape(), w, DType::f64))));
    total = total ? add(*total, term) : term;
  }
  tape.backward(*total);
  const std::vector<double> d = gradients(loss);
  for (size_t k = 0; k < sample.p.size(); ++k)
    check_close("p of " + options.tasks[k].name, tape.grad(sample.p[k]).to_vector(),
                gradient_of(select[k], d));
  std::map<std::string, std::vector<double>> expected;
  for (const auto& [name, numbers] : parameters) expected[name] = gradient_of(numbers, d);
  return expected;
}

}  // namespace weft::test
