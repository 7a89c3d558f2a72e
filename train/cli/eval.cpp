// weft eval: a run folder's best (or last) checkpoint on a split, as a table.
#include <memory>

#include "data/fingerprint.h"
#include "data/split.h"
#include "train/cli/command.h"
#include "train/cli/opened_run.h"
#include "train/run_folder/checkpoint.h"
#include "train/study/run_table.h"

namespace weft::cli {
namespace {

class Eval final : public Command {
 public:
  const char* name() const override { return "eval"; }
  const char* help() const override { return "Evaluate a trained run on a split"; }
  void options(Options& o) override {
    o.add("folder", folder_, "Run folder").required();
    o.add("settings", settings_, "data.root=FOLDER where the data are now; data.test_index=FILE");
    o.add("--split", split_, "test, val or train").one_of({"test", "val", "train"});
    o.add("--checkpoint", checkpoint_, "best, best-1 .., last or step-N (default: best)");
    o.add("--device", device_, "cpu or cuda (default: as it was trained)").one_of({"cpu", "cuda"});
    o.add("--threads", threads_, "Threads; 0: one per core").within(0, 1024);
  }
  void run() override {
    OpenedRun run(folder_, checkpoint_, device_, threads_,
                  elsewhere(settings_, {"data.root", "data.index", "data.test_index"}));
    const auto data = open_dataset(run.run, &run.learned);
    const Parts parts = make_parts(*data, run.run.semantics);
    check_split(run, *data);
    const auto& indices = part_of(parts, from_word<EvalSplit>("--split", split_));
    if (indices.empty())
      throw DataError(
          fmt::format("eval: the data have no {} split; choose another with --split", split_));
    const auto results = evaluate(run.context(), *run.model, run.run, *data, indices,
                                  [&](int64_t) { return run.policy(); });
    fmt::print("{} on {} images ({}, {})\n", folder_, indices.size(), split_, run.checkpoint);
    for (const TaskResult& r : results) {
      fmt::print("{:<12} loss {}", r.task, fixed_text(r.loss, 5));
      for (const Metric& m : r.metrics)
        fmt::print("  {} {}{}", m.name, fixed_text(m.value, 4), unit_of(r, m.name, " "));
      fmt::print("\n");
    }
    if (const auto fault = fault_of(results))
      throw NumericError(
          fmt::format("eval: {}: this checkpoint's network is broken; choose "
                      "another with --checkpoint",
                      *fault));
  }

 private:
  /// Samples that weft itself divided are divided anew when there are others, so that some that
  /// were trained on would be tested: refused. Parts that the data name stay as they are.
  void check_split(const OpenedRun& run, const Dataset& data) const {
    const DataSpec& spec = run.run.data;
    const bool own_test = spec.ratio[1] == 0 || !spec.split.empty() || !spec.test_index.empty();
    const bool named = split_ == "test" && own_test;
    if (named || split_ == "train") return;
    const Fingerprint& was = run.learned.fingerprint;
    if (sample_hashes(data, was.each) == was.samples && data.size() == was.count) return;
    throw DataError(fmt::format(
        "eval: the samples changed since training (there are {}, there were {}), and their {} part "
        "was divided off by weft, so some of it was trained on; name the parts in a column "
        "(data.split), or evaluate a test file (data.test_index)",
        data.size(), was.count, split_));
  }

  std::vector<std::string> settings_;
  std::string folder_, checkpoint_, device_, split_ = "test";
  int threads_ = 0;
};

}  // namespace

std::unique_ptr<Command> eval_command() { return std::make_unique<Eval>(); }

}  // namespace weft::cli
