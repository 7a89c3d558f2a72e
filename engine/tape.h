// A minimal tape for reverse-mode autodiff. An op computes its output, then records itself: the
// order of recording is a topological order, so backward is one loop from the end, without sort or
// recursion. Retention is explicit: an Op's data members are exactly what its backward needs, and a
// node frees them, and its gradient, as soon as it is done, unless the pass is asked to retain them
// for another loss. Values live in Vars, not in nodes. What a pass carries is in engine/sweep.h;
// several losses side by side, in engine/joint_backward.h.
#pragma once

#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/backend.h"
#include "engine/parameter.h"

namespace weft {

class Tape;

/// A value on the tape that made it, which ops on it record on. node < 0: a constant, through which
/// no gradient flows.
class Var {
 public:
  Var() = default;
  /// Throws Error where no tape made it, or one that is gone.
  Tape& tape() const;
  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  DType dtype() const { return value_.dtype(); }
  int node() const { return node_; }
  bool needs_grad() const { return node_ >= 0; }

 private:
  friend class Tape;
  using Home = std::shared_ptr<Tape*>;  // null inside: the tape is gone
  Var(Tensor value, int node, Home home)
      : value_(std::move(value)), node_(node), home_(std::move(home)) {}

  Tensor value_;
  int node_ = -1;
  Home home_;
};

/// The gradients that one reverse pass carries through a tape (engine/sweep.h).
struct Sweep;

/// What an op's backward sees: the gradient that came in, and a place for each that goes out.
class Backward {
 public:
  const AnyContext& context() const;
  /// dL/d(output), of the output's shape; where the op's by_rows() has agreed, it may be of some
  /// rows alone, of which first_row() is the first.
  const Tensor& dout() const { return dout_; }
  int64_t first_row() const { return begin_; }
  /// The rows of t that dout() is of: of what was retained row by row. Undefined stays undefined.
  Tensor rows(const Tensor& t) const;
  /// False where input i is a constant, or leads to nothing that is asked for: skip the work.
  bool needs(int i) const;
  const Shape& input_shape(int i) const;
  /// Uninitialised memory of input i's shape and dtype, which the op must fill; added up by the
  /// tape.
  Tensor din(int i);
  /// The same for an input whose rows are the output's: those that dout() is of.
  Tensor din_rows(int i);
  /// Instead of din(): what other ops gave input i before this one, for an op that adds its own part in
  /// place, which saves a pass over it. Undefined where there is nothing yet that may be changed.
  Tensor onto(int i) const;
  /// Hands over a finished gradient for input i, as din() or din_rows() would be; it may share bytes
  /// with dout().
  void pass(int i, Tensor gradient);
  /// The same for rows begin, begin + 1, .. of input i; its other rows get nothing from this op. K
  /// tasks that each take their rows of a stack so fill one gradient, not K mostly of zeros.
  void pass_rows(int i, int64_t begin, Tensor gradient);
  /// Memory of dout()'s shape and dtype, and its own bytes where nobody else holds them: for ops
  /// that have read element i of dout(), and no other that they still read, when they write i.
  Tensor over_dout() const;
  /// Uninitialised working memory.
  Tensor scratch(const Shape& shape, DType dtype) const;
  /// The number of this pass, and whether it is the pass with that number or goes on where that one
  /// ended: for ops that note in forward order what came back to them.
  int pass_number() const;
  bool continues(int pass) const;

 private:
  friend class Tape;
  Backward(Tape& tape, Sweep& sweep, int node);
  struct Pending {
    int input;
    Tensor gradient;
    int64_t begin = whole;  // its first row in the input
  };
  static constexpr int64_t whole = -1;
  Tape& tape_;
  Sweep& sweep_;
  int node_;
  Tensor dout_;
  bool partial_ = false;  // dout_ is of some rows
  int64_t begin_ = 0;
  std::vector<Pending> pending_;
};

/// The open set. Data members are what backward retains; an op without a backward won't compile.
class Op {
 public:
  virtual ~Op() = default;
  virtual const char* name() const = 0;
  /// May be called again where a pass retains: members stay as they are.
  virtual void backward(Backward& b) = 0;
  /// Whether backward can work on the rows (of the first axis) that b.dout() is of, without the
  /// others. Where it cannot, it gets all rows, with zeros.
  virtual bool by_rows(const Backward&) const { return false; }
};

/// An op that can fill its output a second time, with the same bits, from what backward retains.
class Recomputable {
 public:
  virtual ~Recomputable() = default;
  virtual void compute_again(const AnyContext&, const Tensor& out) const = 0;
};

/// A place on the tape: `backward(loss, {.stop_at = mark})` stops there.
struct TapeMark {
  int node = 0;
};

struct BackwardOptions {
  /// Earlier nodes are not passed; gradients there that are not parameters' stay readable by grad().
  TapeMark stop_at = {};
  /// Nodes keep their op and what it retains, so that another loss can be differentiated through
  /// them, with the same bits; the last pass should not, and frees them as it goes.
  bool retain = false;
};

class Tape {
 public:
  enum class Mode { train, no_grad };  ///< no_grad: nothing is recorded, nothing retained
  explicit Tape(AnyContext context, Mode mode = Mode::train);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  const AnyContext& context() const { return context_; }
  bool recording() const { return mode_ == Mode::train; }
  CachingAllocator& memory() const { return memory_of(context_); }
  Tensor empty(const Shape& shape, DType dtype) const {
    return Tensor::empty(shape, dtype, memory());
  }

  /// The tape of an op's inputs: Vars (and vectors of them), and tensors that come with them. Throws
  /// Error where no input has one, where it is gone, and as require() does. Until record(), errors
  /// that know no op get this one's name.
  template <class... Inputs>
  static Tape& of(const char* op, SourceLoc loc, const Inputs&... inputs) {
    const Var* first = nullptr;
    ((first = first != nullptr ? first : first_var(inputs)), ...);
    Tape& tape = tape_of(op, loc, first);
    tape.require(op, loc, inputs...);
    enter_op(op);
    return tape;
  }
  /// Throws Error where an input of `op` belongs to another tape, alive or gone, or lies where this
  /// tape does not compute; ops ask before their kernels run.
  template <class... Inputs>
  void require(const char* op, SourceLoc loc, const Inputs&... inputs) const {
    int i = 0;
    (require_input(op, loc, i++, inputs), ...);
  }

  /// A value without gradient: images, labels, masks. As leaf() and use(), it wants a tensor where
  /// the tape computes.
  Var constant(Tensor value, SourceLoc loc = SourceLoc::here()) const;
  /// A leaf whose gradient can be read with grad() after backward.
  Var leaf(Tensor value, SourceLoc loc = SourceLoc::here());
  /// A parameter as a leaf; its gradient is added to p.grad.
  Var use(Parameter& p);

  /// Appends an op whose output is `out`. Until backward has passed it, neither its inputs nor
  /// `out` may be changed in place (Tensor::changed); a constant comes back where no input needs a
  /// gradient.
  Var record(std::unique_ptr<Op> op, std::initializer_list<Var> inputs, Tensor out, SourceLoc loc) {
    return record(std::move(op), std::vector<Var>(inputs), std::move(out), loc);
  }
  Var record(std::unique_ptr<Op> op, const std::vector<Var>& inputs, Tensor out, SourceLoc loc);

  /// Gives v's bytes back until the pass back comes to an op that was recorded with v as its input
  /// and retains it; the op that made v then computes them anew (Chen et al. 2016, with one op a
  /// segment). Where that op cannot, v keeps its bytes. For values that one pass over memory brings
  /// back, behind the last op that reads them.
  void recompute(const Var& v);

  TapeMark mark() const { return {static_cast<int>(nodes_.size())}; }
  /// Runs from `loss` (one element, seeded with 1) back to the tape's beginning. Each node can be
  /// passed once, but for passes that retain.
  void backward(const Var& loss, BackwardOptions options = {});
  /// The same from any value with dL/dvalue given.
  void backward(const Var& value, Tensor seed, BackwardOptions options = {});
  /// dL/dp of each, with the bits that backward would give; undefined: the loss does not reach it.
  /// Parameter::grad and grad() stay as they are, and only what leads to `parameters` is computed.
  std::vector<Tensor> gradients(const Var& loss, const std::vector<Parameter*>& parameters,
                                BackwardOptions options = {});
  /// dL/dv gathered so far for a leaf or a value before the last stop; undefined: nothing reached
  /// it.
  const Tensor& grad(const Var& v) const;
  /// As grad(), and forgets it: the next task starts from nothing.
  Tensor take_grad(const Var& v);

  /// Checks every output and gradient for NaN and infinity; throws NumericError.
  void check_numbers(bool on) { check_numbers_ = on; }
  size_t size() const { return nodes_.size(); }

 private:
  friend class Backward;
  friend class JointBackward;
  friend struct Sweep;
  struct Node {
    const char* name = "leaf";
    std::string_view layer;  // whose scope it was recorded in
    std::unique_ptr<Op> op;  // null: a leaf, or already differentiated
    std::vector<int> inputs;
    std::vector<Shape> input_shapes;
    std::vector<DType> input_dtypes;
    std::vector<Tensor::Watch> watches;  // of the inputs, then of the output
    Tensor dropped;                      // the output, without bytes until it is computed again
    Parameter* parameter = nullptr;      // a leaf whose gradient goes to p.grad
    bool is_leaf = false;
    SourceLoc loc;
  };
  static const Var* first_var(const Var& v) { return v.home_ ? &v : nullptr; }
  static const Var* first_var(const Tensor&) { return nullptr; }
  static const Var* first_var(const std::vector<Var>& vars) {
    for (const Var& v : vars)
      if (v.home_) return &v;
    return nullptr;
  }
  static Tape& tape_of(const char* op, SourceLoc loc, const Var* first);
  void require_input(const char* op, SourceLoc loc, int i, const Var& input) const;
  void require_input(const char* op, SourceLoc loc, int i, const Tensor& input) const;
  void require_input(const char* op, SourceLoc loc, int i, const std::vector<Var>& inputs) const;
  void require_own(const char* what, const Var& v) const;
  void check_unchanged(const Node& node) const;
  Tensor seed_of(const char* what, const Var& loss) const;
  void start(const char* what, Sweep& sweep, const Var& value, Tensor seed);
  void run(Sweep& sweep, int from, BackwardOptions options);
  void differentiate(Sweep& sweep, int node, bool retain);
  void restore_inputs(const Node& node);
  void check_finite(const Tensor& t, const char* what, const Node& node) const;
  static std::string described(const Node& node);

  AnyContext context_;
  Mode mode_;
  Var::Home home_ = std::make_shared<Tape*>(this);
  bool check_numbers_ = false;
  std::vector<Node> nodes_;
  std::unique_ptr<Sweep> main_;  // backward()'s: its gradients go to Parameter::grad and grad()
  int passes_ = 0;               // numbers given to the others
};

/// Runs a kernel that writes all of `out`, and marks it where the kernel says that it saw only
/// finite numbers; a kernel that does not look returns nothing.
template <class F>
void mark_written(const Tensor& out, F&& kernel) {
  if constexpr (std::is_void_v<decltype(kernel())>)
    kernel();
  else if (kernel())
    out.mark_finite();
}

/// Calls f(ctx, T{}) with the tape's context and the value's element type.
template <class F>
void on_device(const Tape& tape, const Var& x, F&& f) {
  on_device(tape.context(), x.dtype(), std::forward<F>(f));
}
template <class F>
void on_device(const Backward& b, F&& f) {
  on_device(b.context(), b.dout().dtype(), std::forward<F>(f));
}
template <class F>
void on_device_full(const Tape& tape, const Var& x, F&& f) {
  on_device_full(tape.context(), x.dtype(), std::forward<F>(f));
}
template <class F>
void on_device_full(const Backward& b, F&& f) {
  on_device_full(b.context(), b.dout().dtype(), std::forward<F>(f));
}

}  // namespace weft
