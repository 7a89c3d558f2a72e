// RoutedBlock: creation, and rows gathered by the function block that they take.
#include "models/routed_block.h"

#include <algorithm>

#include "ops/concat.h"
#include "ops/slice.h"

namespace weft {

RoutedBlock::RoutedBlock(ParameterStore& store, const std::string& name,
                         const ResidualBlockOptions& o, const Init& init) {
  ResidualBlockOptions function = o;
  function.project = false;  // the shortcut is none of theirs
  const int64_t before = store.count();
  for (int m = 1; m <= o.functions; ++m)
    functions_.emplace_back(store, o.functions == 1 ? name : fmt::format("{}.f{}", name, m),
                            function, init);
  parameters_ = (store.count() - before) / o.functions;
  shortcut_ = Shortcut(store, name, o, init);
}

Var RoutedBlock::residual(Pass& pass, const Var& x, const Var& r) const {
  return functions_[0].residual(pass, x, r);
}

Var RoutedBlock::residual(Pass& pass, const Var& x, const Var& r,
                          const std::vector<int>& taken) const {
  const Groups tasks = pass.groups;
  const int count = static_cast<int>(functions_.size());
  if (taken.size() != tasks.size() ||
      std::any_of(taken.begin(), taken.end(), [&](int m) { return m < 1 || m > count; }))
    throw Error(fmt::format("routed block: {} rows take function blocks {}, and there are {}",
                            tasks.size(), fmt::join(taken, ", "), count));
  const int64_t n = x.shape()[0] / static_cast<int64_t>(taken.size());
  const auto row_of = [&](const Var& stack, size_t row) {
    return slice(stack, 0, static_cast<int64_t>(row) * n, n);
  };
  const auto rows_of = [&](const Var& stack, const std::vector<size_t>& rows) {
    if (rows.size() == taken.size()) return stack;
    std::vector<Var> parts;
    for (const size_t row : rows) parts.push_back(row_of(stack, row));
    return parts.size() == 1 ? parts[0] : concat(parts, 0);
  };
  std::vector<Var> out(taken.size());
  for (int m = 1; m <= count; ++m) {
    std::vector<size_t> rows;
    for (size_t row = 0; row < taken.size(); ++row)
      if (taken[row] == m) rows.push_back(row);
    if (rows.empty()) continue;
    pass.groups.clear();
    for (const size_t row : rows) pass.groups.push_back(tasks[row]);
    const Var y =
        functions_[static_cast<size_t>(m - 1)].residual(pass, rows_of(x, rows), rows_of(r, rows));
    pass.groups = tasks;
    if (rows.size() == taken.size()) return y;
    for (size_t i = 0; i < rows.size(); ++i) out[rows[i]] = rows.size() == 1 ? y : row_of(y, i);
  }
  return concat(out, 0);
}

FunctionCost RoutedBlock::functions() const {
  return {static_cast<int>(functions_.size()), parameters_};
}

}  // namespace weft
