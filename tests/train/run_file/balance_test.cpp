// [balance] in a run file: a key belongs to a method, a method to a run, and what neither knows is
// an error that says so.
#include "train/run_file/balance.h"

#include "tests/support/balance_names.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/train/loop/parts_run.h"

using namespace weft;
using weft::test::parts_run;

namespace {

std::string complaint(const std::vector<std::string>& settings) {
  return test::message_of<ConfigError>([&] { parts_run(settings); });
}

}  // namespace

TEST_CASE("run file: every method is a word, and what it is told comes back",
          "[run_file][balance]") {
  for (const std::string& name : balance_names()) {
    if (name == "fixed" || name == "sdmgrad" || name == "modo") continue;
    const RunFile run = parts_run({"balance.method=" + name});
    CHECK(make_method(run)->name() == name);
    CHECK(balances(run) == (name != "equal"));
    CHECK(print_run_file(parse_run_text(print_run_file(run), "again.toml")) == print_run_file(run));
  }
  const RunFile run =
      parts_run({"balance.method=gradvac", "balance.groups=layer", "balance.beta=0.25",
                 "balance.weighting=uw", "balance.weighting_rate=0.01", "balance.watch=5",
                 "balance.shared=[\"layer*\"]"});
  const std::string text = print_run_file(run);
  for (const char* line : {"groups = \"layer\"", "beta = 0.25", "weighting = \"uw\"",
                           "weighting_rate = 0.01", "watch = 5", "shared = [\"layer*\"]"})
    CHECK(text.find(line) != std::string::npos);
  CHECK(make_weighting(run)->name() == "uw");
  CHECK(make_weighting(parts_run()) == nullptr);
}

TEST_CASE("run file: [balance] says which method a key belongs to", "[run_file][balance]") {
  const std::string unknown = complaint({"balance.method=upgrade"});
  CHECK(unknown.find("'balance.method' is \"upgrade\"; it is one of equal, ") != std::string::npos);
  CHECK(unknown.find("did you mean \"upgrad\"?") != std::string::npos);
  CHECK(complaint({"balance.method=upgrad", "balance.alpha=1"}) ==
        "command line: 'balance.alpha' means nothing for method = \"upgrad\"; it belongs to "
        "gradnorm, fairgrad");
  CHECK(complaint({"balance.method=uw", "balance.keep=false"}) ==
        "command line: 'balance.keep' means nothing for method = \"uw\"; it belongs to methods on "
        "gradients");
  CHECK(complaint({"balance.method=sdmgrad"}).find("needs two batches a step") !=
        std::string::npos);
  CHECK(complaint({"balance.method=fixed"}).find("task.NAME.weight") != std::string::npos);
  CHECK(
      complaint({"balance.method=uw", "balance.weighting=dwa"}) ==
      "command line: 'balance.weighting' is \"dwa\", which goes with a method on gradients; alone "
      "it is method = \"dwa\"");
  CHECK(complaint({"balance.method=moco", "balance.keep=false"}) ==
        "command line: 'balance.keep' is false, but \"moco\" needs the gradients, not their Gram "
        "matrix alone");
  CHECK(complaint({"balance.method=moco", "balance.average=1"}) ==
        "command line: 'balance.average' is 1; it is in [0, 1)");
  CHECK(complaint({"balance.method=cagrad", "balance.c=-1"}).find("balance = cagrad: c is -1") !=
        std::string::npos);
  CHECK(complaint({"balance.watch=-1"}) == "command line: 'balance.watch' is -1; it is at least 0");
  CHECK(complaint({"balance.methd=uw"}) ==
        "command line: unknown key 'balance.methd'; did you mean 'balance.method'?");
}
