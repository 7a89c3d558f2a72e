// slopes_of: one backward pass an output.
#include "train/step/slopes.h"

#include <algorithm>

#include "data/sets/table_inputs.h"
#include "data/target.h"
#include "ops/reduce.h"

namespace weft {

Tensor slopes_of(const Var& output, const Var& inputs, int64_t first, const TaskSpec& task,
                 const std::vector<LearnedColumn>& columns) {
  Tape& tape = output.tape();
  tape.backward(sum(output), {.retain = true});
  const std::vector<double> gradient = to_host(tape.context(), tape.take_grad(inputs)).to_vector();
  const std::vector<double> seen = to_host(tape.context(), inputs.value()).to_vector();
  const auto rows = output.value().numel(), inputs_each = inputs.shape()[3];
  const auto width = static_cast<int64_t>(task.slopes.size());
  std::vector<double> out(static_cast<size_t>(rows * width));
  for (size_t s = 0; s < task.slopes.size(); ++s) {
    const std::string key = "task." + task.name + ".slopes";
    const std::string name = parse_slope(task.slopes[s], key).input;
    const auto place = static_cast<int64_t>(input_of(columns, name, key));
    const LearnedColumn& column = *std::find_if(
        columns.begin(), columns.end(), [&](const LearnedColumn& c) { return c.name == name; });
    for (int64_t n = 0; n < rows; ++n) {
      const auto at = static_cast<size_t>((first + n) * inputs_each + place);
      out[static_cast<size_t>(n * width) + s] =
          gradient[at] * input_slope(column, seen[at], task.input_scale);
    }
  }
  return Tensor::from({rows, 1, 1, width}, out, DType::f64);
}

}  // namespace weft
