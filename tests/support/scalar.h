// Scalar: a number that remembers how it was made, for naive definitions of whole networks. Each
// operation appends one node with at most two parents and the slopes towards them; gradients() is
// one loop from the end. Knows nothing of weft's tape, tensors or kernels: an independent witness.
#pragma once

#include <cmath>
#include <vector>

namespace weft::test {

class Scalar {
 public:
  struct Node {
    int a = -1, b = -1;
    double slope_a = 0, slope_b = 0;
  };
  static std::vector<Node>& nodes() {
    static std::vector<Node> all;
    return all;
  }

  Scalar(double number = 0) : value(number) {}  // NOLINT: a constant is written as a number
  /// An input whose gradient is wanted.
  static Scalar input(double number) { return made(number, {}, 0, {}, 0); }

  double value;
  int node = -1;

  friend Scalar operator+(const Scalar& a, const Scalar& b) {
    return made(a.value + b.value, a, 1, b, 1);
  }
  friend Scalar operator-(const Scalar& a, const Scalar& b) {
    return made(a.value - b.value, a, 1, b, -1);
  }
  friend Scalar operator*(const Scalar& a, const Scalar& b) {
    return made(a.value * b.value, a, b.value, b, a.value);
  }
  friend Scalar operator/(const Scalar& a, const Scalar& b) {
    return made(a.value / b.value, a, 1 / b.value, b, -a.value / (b.value * b.value));
  }
  friend Scalar sqrt(const Scalar& a) {
    const double root = std::sqrt(a.value);
    return made(root, a, 0.5 / root, {}, 0);
  }
  friend Scalar relu(const Scalar& a) {
    return made(a.value > 0 ? a.value : 0, a, a.value > 0 ? 1 : 0, {}, 0);
  }
  friend Scalar exp(const Scalar& a) {
    const double y = std::exp(a.value);
    return made(y, a, y, {}, 0);
  }
  friend Scalar log(const Scalar& a) { return made(std::log(a.value), a, 1 / a.value, {}, 0); }
  friend Scalar erf(const Scalar& a) {
    return made(std::erf(a.value), a, 2 / std::sqrt(M_PI) * std::exp(-a.value * a.value), {}, 0);
  }

  /// d(of)/d(node) of every node made so far.
  static std::vector<double> gradients(const Scalar& of) {
    std::vector<double> grad(nodes().size());
    grad[static_cast<size_t>(of.node)] = 1;
    for (size_t i = nodes().size(); i-- > 0;) {
      const Node& n = nodes()[i];
      if (n.a >= 0) grad[static_cast<size_t>(n.a)] += grad[i] * n.slope_a;
      if (n.b >= 0) grad[static_cast<size_t>(n.b)] += grad[i] * n.slope_b;
    }
    return grad;
  }

 private:
  static Scalar made(double value, const Scalar& a, double slope_a, const Scalar& b,
                     double slope_b) {
    Scalar out(value);
    out.node = static_cast<int>(nodes().size());
    nodes().push_back({a.node, b.node, slope_a, slope_b});
    return out;
  }
};

Scalar sqrt(const Scalar&);
Scalar relu(const Scalar&);
Scalar exp(const Scalar&);
Scalar log(const Scalar&);
Scalar erf(const Scalar&);

}  // namespace weft::test
