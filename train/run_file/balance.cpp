// The keys of [balance], and what has to hold among them.
#include "train/run_file/balance.h"

#include <algorithm>

#include "engine/error.h"
#include "train/run_file/keys.h"

namespace weft {
namespace {

const Words weightings{"none", "uw", "dwa", "rlw", "gls", "stch", "imtl_l", "famo"};

/// Whose a key is: methods, or weightings, that know it. Those that are not here are anybody's.
const std::map<std::string, Words> owners{
    {"rate", {"uw", "imtl_l", "famo", "gradnorm", "moco", "excess_mtl"}},
    {"weighting_rate", {"uw", "imtl_l", "famo"}},
    {"classification", {"uw"}},
    {"temperature", {"dwa"}},
    {"mu", {"stch"}},
    {"warmup_epochs", {"stch"}},
    {"decay", {"famo"}},
    {"least_losses", {"famo"}},
    {"normaliser", {"mgda"}},
    {"c", {"cagrad"}},
    {"rescale", {"cagrad"}},
    {"alpha", {"gradnorm", "fairgrad"}},
    {"beta", {"gradvac"}},
    {"groups", {"gradvac"}},
    {"max_norm", {"nash_mtl"}},
    {"scale", {"aligned_mtl"}},
    {"ridge", {"upgrad", "dualproj"}},
    {"leak", {"graddrop"}},
    {"threshold", {"sign_agreement"}},
    {"average", {"moco", "db_mtl"}},
    {"fade", {"moco", "db_mtl"}},
};

bool contains(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Methods that look at losses alone, as the weightings do.
bool of_losses(const std::string& method) {
  return method == "equal" || contains(weightings, method);
}

bool fits(const BalanceSpec& b, const std::string& key) {
  if (key == "keep" || key == "shared") return !of_losses(b.method);
  const auto owner = owners.find(key);
  if (owner == owners.end()) return true;
  const bool as_weighting = contains(owner->second, b.weighting);
  if (key == "weighting_rate") return as_weighting;
  return contains(owner->second, b.method) || (key != "rate" && as_weighting);
}

BalanceOptions options_of(const RunFile& run) {
  BalanceOptions options = run.balance;
  for (const TaskSpec& task : run.tasks) options.tasks.push_back(task.name);
  return options;
}

std::unique_ptr<Balance> make(const RunFile& run, const char* key, const std::string& method,
                              const BalanceOptions& options) {
  try {
    return make_balance(method, options);
  } catch (const ConfigError& e) {
    throw ConfigError(fmt::format("{}: {}", run.place(key), e.what()));
  }
}

}  // namespace

void visit_fields(FieldVisitor& v, BalanceSpec& b) {
  const auto visited = [&](const char* key) { return v.unfitting() || fits(b, key); };
  const auto field = [&](const char* key, auto& value) {
    if (visited(key)) v.field(key, value);
  };
  const auto word = [&](const char* key, std::string& value, const Words& words) {
    if (visited(key)) v.word(key, value, words);
  };
  v.word("method", b.method, balance_names());
  v.word("weighting", b.weighting, weightings);
  v.field("watch", b.watch);
  field("keep", b.keep_gradients);
  field("shared", b.shared);
  field("rate", b.rate);
  field("weighting_rate", b.weighting_rate);
  field("classification", b.classification);
  field("temperature", b.temperature);
  field("mu", b.mu);
  field("warmup_epochs", b.warmup_epochs);
  field("decay", b.decay);
  field("least_losses", b.least_losses);
  word("normaliser", b.normaliser, {"none", "l2", "loss", "loss+"});
  field("c", b.c);
  field("rescale", b.rescale);
  field("alpha", b.alpha);
  field("beta", b.beta);
  word("groups", b.groups, {"whole", "layer", "matrix"});
  field("max_norm", b.max_norm);
  word("scale", b.scale, {"min", "median", "rmse"});
  field("ridge", b.ridge);
  field("leak", b.leak);
  field("threshold", b.threshold);
  field("average", b.keep);
  field("fade", b.fade);
}

bool balances(const RunFile& run) {
  return run.balance.method != "equal" || run.balance.weighting != "none";
}

std::unique_ptr<Balance> make_method(const RunFile& run) {
  return make(run, "balance.method", run.balance.method, options_of(run));
}

std::unique_ptr<Balance> make_weighting(const RunFile& run) {
  if (run.balance.weighting == "none") return nullptr;
  BalanceOptions options = options_of(run);
  options.rate = run.balance.weighting_rate;
  return make(run, "balance.weighting", run.balance.weighting, options);
}

void check_balance(const RunFile& run) {
  const BalanceSpec& b = run.balance;
  const auto require = [&](bool ok, const std::string& key, const std::string& message) {
    if (!ok) throw ConfigError(fmt::format("{}: '{}' {}", run.place(key), key, message));
  };
  require(
      b.method != "fixed", "balance.method",
      "is \"fixed\", which is what every run does: each task's weight says it (task.NAME.weight)");
  const std::string table = "balance.";
  for (const auto& [path, place] : run.places) {
    if (path.rfind(table, 0) != 0) continue;
    const std::string key = path.substr(table.size());
    if (fits(b, key)) continue;
    const auto owner = owners.find(key);
    require(false, path,
            fmt::format("means nothing for method = \"{}\"; it belongs to {}", b.method,
                        owner == owners.end() ? "methods on gradients"
                                              : fmt::to_string(fmt::join(owner->second, ", "))));
  }
  require(b.watch >= 0, "balance.watch", fmt::format("is {}; it is at least 0", b.watch));
  require(b.keep >= 0 && b.keep < 1, "balance.average",
          fmt::format("is {}; it is in [0, 1)", b.keep));
  if (!balances(run)) return;
  const auto method = make_method(run);
  make_weighting(run);
  require(!method->two_batches(), "balance.method",
          fmt::format("is \"{}\", which needs two batches a step; it is a function of the library "
                      "alone (models/balance/gram.h)",
                      b.method));
  const bool of_gradients = method->needs() != Balance::Needs::losses;
  require(
      b.weighting == "none" || of_gradients, "balance.weighting",
      fmt::format("is \"{}\", which goes with a method on gradients; alone it is method = \"{}\"",
                  b.weighting, b.weighting));
  const bool whole = method->groups() == Balance::Groups::whole;
  require(b.keep_gradients || (method->needs() == Balance::Needs::gram && whole), "balance.keep",
          fmt::format("is false, but \"{}\" needs the gradients, not their Gram matrix alone",
                      b.method));
}

}  // namespace weft
