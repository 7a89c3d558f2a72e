// The methods that look at the gradients' elements: rows g_i of the m tasks given, each a span of n
// elements (one parameter, or a part of it that begins at a multiple of reduce_tree's chunk). Loops
// over elements that know nothing of each other but sums, whose tree depends on n alone: each of
// these functions has room for a kernel of the same name beside it. Formula and source are at the
// head of each method's file in rows/. T: float or double.
#pragma once

#include <span>

#include "engine/philox.h"
#include "models/balance/weights.h"

namespace weft::balance {

template <class T>
using Rows = std::vector<std::span<T>>;

/// graddrop.cpp: out = sum of the gradients of one sign, drawn element by element. `noise` has the
/// parameter's name, `first` is the span's first element of it.
template <class T>
void graddrop(const Rows<const T>& g, const Philox& noise, uint64_t first, double leak,
              std::span<T> out);

/// sign_agreement.cpp: out = the gradients' sum where |mean of signs| >= threshold, else 0.
template <class T>
void sign_agreement(const Rows<const T>& g, double threshold, std::span<T> out);

/// moco.cpp, db_mtl.cpp: y = keep y + (1 - keep) factor g; g becomes y.
template <class T>
void smooth(std::span<T> g, std::span<T> y, double keep, double factor);

/// moco.cpp: lambda, learned on the averages' Gram; `w` holds an entry for every task of the run.
Weights moco(const Matrix& gram, Vector& w, const std::vector<size_t>& tasks, double rate,
             double rho = 0);
/// db_mtl.cpp: max_j ||y_j|| / ||y_i||, from the norms of the averages.
Weights db_mtl(const Vector& norms);

/// excess_mtl.cpp: squares += g^2, returns sum g^2 / sqrt(squares + 1e-7).
template <class T>
double excess_risk(std::span<const T> g, std::span<T> squares);
/// excess_mtl.cpp: weights by exponentiated gradient on the risks of the tasks given.
struct ExcessState {
  Vector w;             ///< for each task of the run, with sum 1
  Vector first, known;  ///< each task's first risk, and whether there was one
  explicit ExcessState(size_t tasks)
      : w(mean_weights(tasks)), first(tasks, 0.0), known(tasks, 0.0) {}
};
Weights excess_mtl(ExcessState& state, const std::vector<size_t>& tasks, const Vector& risks,
                   double rate = 1);

}  // namespace weft::balance
