// The keys of [balance], and what has to hold among them.
#include "train/run_file/balance.h"

#include <algorithm>

#include "engine/error.h"
#include "train/run_file/keys.h"

namespace weft {
namespace {

using enum BalanceMethod;
using Methods = std::vector<BalanceMethod>;

/// Whose a key is: methods, or weightings, that know it. Those that are not here are anybody's.
const std::map<std::string, Methods> owners{
    {"rate", {uw, imtl_l, famo, gradnorm, moco, excess_mtl}},
    {"weighting_rate", {uw, imtl_l, famo}},
    {"classification", {uw}},
    {"temperature", {dwa}},
    {"mu", {stch}},
    {"warmup_epochs", {stch}},
    {"decay", {famo}},
    {"least_losses", {famo}},
    {"normaliser", {mgda}},
    {"c", {cagrad}},
    {"rescale", {cagrad}},
    {"alpha", {gradnorm, fairgrad}},
    {"beta", {gradvac}},
    {"groups", {gradvac}},
    {"max_norm", {nash_mtl}},
    {"scale", {aligned_mtl}},
    {"ridge", {upgrad, dualproj}},
    {"leak", {graddrop}},
    {"threshold", {sign_agreement}},
    {"average", {moco, db_mtl}},
    {"fade", {moco, db_mtl}},
};

bool contains(const Methods& methods, BalanceMethod method) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool contains(const Methods& methods, Weighting weighting) {
  return std::any_of(methods.begin(), methods.end(), [&](BalanceMethod method) {
    return std::string_view(name_of(method)) == name_of(weighting);
  });
}

/// Methods that look at losses alone, as the weightings do.
bool of_losses(BalanceMethod method) {
  return contains({equal, uw, dwa, rlw, gls, stch, imtl_l, famo}, method);
}

std::string listed(const Methods& methods) {
  std::vector<std::string> words;
  for (const BalanceMethod method : methods) words.emplace_back(name_of(method));
  return fmt::to_string(fmt::join(words, ", "));
}

/// Whose a key is, in words; empty: anybody's.
std::string owners_of(const std::string& key) {
  if (key == "keep" || key == "shared") return "methods on gradients";
  const auto owner = owners.find(key);
  return owner == owners.end() ? "" : listed(owner->second);
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

std::unique_ptr<Balance> make(const RunFile& run, const char* key, BalanceMethod method,
                              const BalanceOptions& options) {
  try {
    return make_balance(method, options);
  } catch (const ConfigError& e) {
    throw ConfigError(fmt::format("{}: {}", run.place(key), e.what()));
  }
}

}  // namespace

void visit_fields(FieldVisitor& v, BalanceSpec& b) {
  const FittingFields fitting(
      v, [&](const char* key) { return fits(b, key); }, owners_of);
  v.choice("method", b.method, "how; fixed, sdmgrad and modo are functions of the library alone");
  v.choice("weighting", b.weighting, "of losses, beside a method on gradients");
  v.field("watch", b.watch, "steps between lines of balance.jsonl (norms, cosines); 0: none");
  fitting.field("keep", b.keep_gradients,
                "all tasks' gradients in memory; else their products, and one more pass");
  fitting.field("shared", b.shared, {"patterns: only these of the shared parameters", "all"});
  fitting.field("rate", b.rate, {"of what the method learns", "the method's own"});
  fitting.field("weighting_rate", b.weighting_rate, {"of weighting", "the weighting's own"});
  fitting.field("classification", b.classification, "exp(-s) L + s / 2, not half of it");
  fitting.field("temperature", b.temperature, "of the softmax over tasks");
  fitting.field("mu", b.mu, "how smooth the maximum over tasks is");
  fitting.field("warmup_epochs", b.warmup_epochs,
                "epochs before it weighs; the last one's losses are the reference");
  fitting.field("decay", b.decay, "weight decay of its logits");
  fitting.field("least_losses", b.least_losses, {"least loss of each task", "all 0"});
  fitting.choice("normaliser", b.normaliser, "what gradients are divided by");
  fitting.field("c", b.c, "radius of the ball around the mean gradient, in its norm");
  fitting.field("rescale", b.rescale, "divided by 1 + c^2");
  fitting.field("alpha", b.alpha, {"how far weak tasks are favoured", "1.5 gradnorm, 2 fairgrad"});
  fitting.field("beta", b.beta, "how fast the target cosines follow");
  fitting.choice("groups", b.groups, "of what cosines are taken");
  fitting.field("max_norm", b.max_norm, "longest that the step's gradient may be; 0: any");
  fitting.choice("scale", b.scale,
                 "which eigenvalue above 0 is the size of all (rmse: their mean)");
  fitting.field("ridge", b.ridge, "added to the Gram matrix's diagonal, as a share");
  fitting.field("leak", b.leak, "share of what is dropped that passes all the same");
  fitting.field("threshold", b.threshold, "least agreement of signs by which an element moves");
  fitting.field("average", b.keep, "share of the moving average that stays, at step 1");
  fitting.field("fade", b.fade, "power of the step by which that share and the rate change");
}

bool balances(const RunFile& run) {
  return run.balance.method != equal || run.balance.weighting != Weighting::none;
}

std::unique_ptr<Balance> make_method(const RunFile& run) {
  return make(run, "balance.method", run.balance.method, options_of(run));
}

std::unique_ptr<Balance> make_weighting(const RunFile& run) {
  if (run.balance.weighting == Weighting::none) return nullptr;
  BalanceOptions options = options_of(run);
  options.rate = run.balance.weighting_rate;
  const auto method = from_word<BalanceMethod>("weighting", name_of(run.balance.weighting));
  return make(run, "balance.weighting", method, options);
}

void check_balance(const RunFile& run) {
  const BalanceSpec& b = run.balance;
  const auto require = [&](bool ok, const std::string& key, const std::string& message) {
    if (!ok) throw ConfigError(fmt::format("{}: '{}' {}", run.place(key), key, message));
  };
  require(
      b.method != fixed, "balance.method",
      "is \"fixed\", which is what every run does: each task's weight says it (task.NAME.weight)");
  const std::string table = "balance.";
  for (const auto& [path, place] : run.places) {
    if (path.rfind(table, 0) != 0) continue;
    const std::string key = path.substr(table.size());
    if (fits(b, key)) continue;
    require(false, path,
            fmt::format("means nothing for method = \"{}\"; it belongs to {}", name_of(b.method),
                        owners_of(key)));
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
                      name_of(b.method)));
  const bool of_gradients = method->needs() != Balance::Needs::losses;
  require(
      b.weighting == Weighting::none || of_gradients, "balance.weighting",
      fmt::format("is \"{}\", which goes with a method on gradients; alone it is method = \"{}\"",
                  name_of(b.weighting), name_of(b.weighting)));
  require(b.keep_gradients || method->needs_one_gram(), "balance.keep",
          fmt::format("is false, but \"{}\" needs the gradients, not their Gram matrix alone",
                      name_of(b.method)));
}

}  // namespace weft
