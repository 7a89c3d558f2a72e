// reach: two identities and a shared row of flags.
#include "ops/reach.h"

#include "engine/error.h"

#include <algorithm>

namespace weft {
namespace {

struct MarkReach final : Op {
  Reach reached;
  size_t task;

  MarkReach(Reach reached_, int task_)
      : reached(std::move(reached_)), task(static_cast<size_t>(task_)) {}
  const char* name() const override { return "mark_reach"; }
  void backward(Backward& b) override {
    reached->at(task) = true;
    b.pass(0, b.dout());
  }
};

struct WhereReached final : Op {
  Reach reached;
  std::vector<int> tasks;

  WhereReached(Reach reached_, std::vector<int> tasks_)
      : reached(std::move(reached_)), tasks(std::move(tasks_)) {}
  const char* name() const override { return "where_reached"; }
  void backward(Backward& b) override {
    if (std::any_of(tasks.begin(), tasks.end(),
                    [&](int k) { return reached->at(static_cast<size_t>(k)); }))
      b.pass(0, b.dout());
  }
};

void check(const char* op, const Reach& reached, int task) {
  if (reached == nullptr || task < 0 || static_cast<size_t>(task) >= reached->size())
    throw Error(fmt::format("{}: no flag for task {}", op, task));
}

}  // namespace

Var mark_reach(const Var& x, const Reach& reached, int task, SourceLoc loc) {
  Tape& tape = Tape::of("mark_reach", loc, x);
  check("mark_reach", reached, task);
  return tape.record(std::make_unique<MarkReach>(reached, task), {x}, x.value(), loc);
}

Var where_reached(const Var& x, const Reach& reached, const std::vector<int>& tasks,
                  SourceLoc loc) {
  Tape& tape = Tape::of("where_reached", loc, x);
  for (int task : tasks) check("where_reached", reached, task);
  return tape.record(std::make_unique<WhereReached>(reached, tasks), {x}, x.value(), loc);
}

}  // namespace weft
