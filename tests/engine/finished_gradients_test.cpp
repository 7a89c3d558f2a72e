// A listener hears of a parameter once, behind its last contribution, and in the tape's order.
#include "engine/finished_gradients.h"

#include "engine/tape.h"
#include "ops/pointwise.h"
#include "tests/support/catch.h"

using namespace weft;

namespace {

Parameter parameter(const char* name, double value) {
  Parameter p;
  p.name = name;
  p.value = Tensor::from({1}, {value}, DType::f64);
  return p;
}

class Heard final : public FinishedGradients {
 public:
  void finished(Parameter& p) override {
    text += p.name + "=" + std::to_string(static_cast<int>(p.grad.item())) + " ";
  }
  std::string text;
};

}  // namespace

TEST_CASE("finished gradients: each once, complete, in the order of the pass", "[engine][ranks]") {
  CpuContext cpu(1);
  Parameter a = parameter("a", 2), b = parameter("b", 3), c = parameter("c", 5);
  Heard heard;
  const auto loss_of = [&](Tape& tape) {  // a a b c
    const Var first = tape.use(a), second = tape.use(b);
    const Var again = tape.use(a), last = tape.use(c);
    return first * second * again * last;
  };
  {
    const ListenToGradients listening(heard);
    Tape tape(&cpu);
    tape.backward(loss_of(tape));
    CHECK(heard.text == "c=12 b=20 a=60 ");
    CHECK(gradient_listener() == &heard);
  }
  CHECK(gradient_listener() == nullptr);
}

TEST_CASE("finished gradients: a pass that retains, and none that listens, tell nobody",
          "[engine][ranks]") {
  CpuContext cpu(1);
  Parameter a = parameter("a", 2);
  Heard heard;
  Tape tape(&cpu);
  const Var loss = tape.use(a) * tape.use(a);
  {
    const ListenToGradients listening(heard);
    tape.backward(loss, {.stop_at = {}, .retain = true});
  }
  tape.backward(loss);
  CHECK(heard.text.empty());
}
