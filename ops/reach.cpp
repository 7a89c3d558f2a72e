// reach: two identities and a shared row of notes.
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
    std::vector<int>& passes = reached->at(task);
    if (passes.empty() || passes.back() != b.pass_number()) passes.push_back(b.pass_number());
    b.pass(0, b.dout());
  }
  bool by_rows(const Backward&) const override { return true; }
};

struct WhereReached final : Op {
  Reach reached;
  std::vector<int> tasks;

  WhereReached(Reach reached_, std::vector<int> tasks_)
      : reached(std::move(reached_)), tasks(std::move(tasks_)) {}
  const char* name() const override { return "where_reached"; }
  void backward(Backward& b) override {
    const auto came_back = [&](int k) {
      const std::vector<int>& passes = reached->at(static_cast<size_t>(k));
      return std::any_of(passes.begin(), passes.end(), [&](int n) { return b.continues(n); });
    };
    if (std::any_of(tasks.begin(), tasks.end(), came_back)) b.pass(0, b.dout());
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
