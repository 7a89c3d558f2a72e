// What a step of TaskBalance reads and records.
#include "train/step/task_balance_step.h"

#include <algorithm>
#include <map>

#include "engine/device.h"

namespace weft {

Tensor on_its_way(const AnyContext& context, const Tensor& loss) {
  const Tensor host = host_room(context, loss.shape(), loss.dtype());
  copy_in_order(context, host, loss);
  return host;
}

void write_numbers(const Tensor& host, const std::vector<double>& numbers) {
  if (host.dtype() == DType::f64)
    std::copy(numbers.begin(), numbers.end(), host.data<double>());
  else
    std::transform(numbers.begin(), numbers.end(), host.data<float>(),
                   [](double x) { return static_cast<float>(x); });
}

void read_losses(BalancedStep& step) {
  step.values.clear();
  for (size_t i = 0; i < step.fetched.size(); ++i)
    step.values.push_back(step.lambdas[i] * step.fetched[i].item());
}

BalanceStep question(const BalancedStep& step) {
  BalanceStep out;
  out.noise = step.noise;
  out.epoch = step.epoch;
  out.tasks = step.tasks;
  for (size_t i = 0; i < step.values.size(); ++i)
    out.losses.push_back(step.values[i] * step.factors[i]);
  return out;
}

std::string stage_of(const std::string& parameter) {
  std::vector<std::string> words{""};
  for (const char c : parameter) {
    if (c == '.')
      words.emplace_back();
    else
      words.back() += c;
  }
  const size_t first = words[0] == "trunks" && words.size() > 2 ? 2 : 0;
  const std::string& word = words[first];
  if (word == "conv1" || word == "bn1") return "stem";  // a ResNet's
  const bool numbered = (word == "blocks" || word == "features") && first + 1 < words.size();
  return numbered ? word + "." + words[first + 1] : word;
}

void keep_shared(std::vector<Parameter*>& group, const std::vector<Parameter*>& shared) {
  std::erase_if(group, [&](Parameter* p) {
    return std::find(shared.begin(), shared.end(), p) == shared.end();
  });
}

std::vector<BalanceRecord::Stage> conflict_of(size_t m, const ParameterGrams& grams,
                                              const std::vector<Parameter*>& shared) {
  std::vector<BalanceRecord::Stage> stages;
  const auto add = [&](const std::string& name, const std::vector<Parameter*>& group) {
    const balance::Matrix gram(m, grams.sum(group));
    BalanceRecord::Stage stage{name, balance::norms(gram), balance::Vector(m * m, 0.0)};
    for (size_t i = 0; i < m; ++i)
      for (size_t j = 0; j < m; ++j)
        if (const double size = stage.norms[i] * stage.norms[j]; size > 0)
          stage.cosines[i * m + j] = gram(i, j) / size;
    stages.push_back(std::move(stage));
  };
  std::vector<std::string> names;
  std::map<std::string, std::vector<Parameter*>> members;
  for (Parameter* p : shared) {
    const std::string name = stage_of(p->name);
    if (members[name].empty()) names.push_back(name);
    members[name].push_back(p);
  }
  for (const std::string& name : names) add(name, members[name]);
  add("all", shared);
  return stages;
}

void note_weights(BalancedStep& step, const balance::Vector& w) {
  if (!step.news.record) return;
  for (size_t i = 0; i < w.size(); ++i) step.news.record->weights[i] = step.factors[i] * w[i];
}

void drop_bad_record(BalanceNews& news) {
  if (!news.record) return;
  const auto& stages = news.record->stages;
  if (balance::finite(news.record->weights) &&
      std::all_of(stages.begin(), stages.end(), [](const auto& stage) {
        return balance::finite(stage.norms) && balance::finite(stage.cosines);
      }))
    return;
  news.record.reset();
  news.notes.push_back(bad_record);
}

}  // namespace weft
