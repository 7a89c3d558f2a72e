// One visit over the keys, each number against the table. A key that is in a table of its own kind
// (policy.optimizer.lr) is found by its last words.
#include "train/run_file/limits.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "engine/error.h"
#include "train/run_file/keys.h"

namespace weft {
namespace {

struct Limit {
  const char* key;  ///< the whole path without a task's name, or its end after a '.'
  double most;
  double least = -std::numeric_limits<double>::infinity();  ///< of numbers other than 0
};

// Small factors: a number below f32's range would be 0 there. 2^24: whole numbers are exact in f32.
constexpr double small = 1e-30, exact = 1 << 24;
// Noise is keyed by the run's step in 32 bits: three phases of 1e9 steps stay below.
constexpr double steps = 1e9;

constexpr Limit limits[] = {
    {"model.width", 64, 1e-3},
    {"model.embedding", 1 << 16},
    {"model.hidden", 1 << 16},
    {"model.blocks", 1000},
    {"model.head_width", 1 << 16},
    {"model.k_max", 1 << 16},
    {"model.in_channels", 1 << 20},
    {"data.size", 1 << 15},
    {"data.length", 1 << 16},
    {"data.batch", exact},
    {"data.label_power", 10},
    {"data.workers", 1024},
    {"data.count", exact},
    {"data.val_count", exact},
    {"data.test_count", exact},
    {"data.augment.scale", 64, 1.0 / 64},
    {"data.augment.crop", 1 << 15},
    {"task.classes", exact},
    {"task.scale", 1e30, small},
    {"task.floor", 1e30, small},
    {"task.relative", 1e30, small},
    {"task.relative_to", 1e30, small},
    {"task.input_scale", 1e30, small},
    {"column.scale", 1e30, small},
    {"policy.steps", steps},
    {"warmup.steps", steps},
    {"retrain.steps", steps},
    {"policy.weight_steps", steps},
    {"policy.logit_steps", steps},
    {"policy.temperature", 1e6, 1e-6},
    {"policy.decay", 1e6, small},
    {"policy.floor", 1e6, 1e-6},
    {"policy.curriculum_speed", steps},
    {"policy.sparsity", 1e30, small},
    {"policy.sharing", 1e30, small},
    {"policy.init_neg_logits", 1e4},
    {"policy.skip_layer", 1000},
    {"policy.draws", 1000},
    {"schedule.every", steps},
    {"schedule.factor", 1e6, small},
    {"schedule.power", 100, 1e-6},
    {"schedule.warmup", steps},
    {"lr", 1e6, small},
    {"trunk_lr", 1e6, small},
    {"eps", 1e6, small},
    {"weight_decay", 1e6, small},
    {"clip_norm", 1e30, small},
    {"share.lr_factor", 1e6, small},
    {"share.weight", 1e30, small},
    {"share.pair_weights", 1e30, small},
    {"share.subspaces", 1024},
    {"share.functions", max_functions},
    {"share.policy_width", 1024},
    {"share.temperature", 1e6, 1e-6},
    {"share.full_steps", steps},
    {"share.policy_steps", steps},
    {"share.unlock_steps", steps},
    {"share.penalty", 1e6, small},
    {"share.slack", 1e6, small},
    {"share.entropy", 1e6, small},
    {"share.orthogonality", 1e30, small},
    {"share.baseline", 1, small},
    {"balance.rate", 1e6, small},
    {"balance.weighting_rate", 1e6, small},
    {"balance.temperature", 1e6, 1e-6},
    {"balance.mu", 1e6, 1e-6},
    {"balance.warmup_epochs", steps},
    {"balance.decay", 1e6, small},
    {"balance.least_losses", 1e30, small},
    {"balance.c", 1e6, small},
    {"balance.alpha", 1e6, 1e-6},
    {"balance.max_norm", 1e30, small},
    {"balance.ridge", 1e6, small},
    {"balance.fade", 100, 1e-6},
    {"balance.watch", steps},
    {"eval.every", steps},
    {"eval.batches", steps},
    {"eval.patience", steps},
    {"checkpoint.every", steps},
};
// The readers' bound for a picture (io/picture_io.cpp).
constexpr double most_pixels = 1 << 27;

bool ends_with(const std::string& path, const std::string& key) {
  return path == key || (path.size() > key.size() && path[path.size() - key.size() - 1] == '.' &&
                         path.compare(path.size() - key.size(), key.size(), key) == 0);
}

class LimitCheck final : public EachField<LimitCheck> {
 public:
  explicit LimitCheck(const RunFile& run) : run_(run) {}

  template <class T>
  void each(const char*, const T&) {}  // no number
  void each(const char* key, int& value) { check(key, value); }
  void each(const char* key, int64_t& value) { check(key, value); }
  void each(const char* key, double& value) { check(key, value); }
  template <class T>
  void each(const char* key, std::optional<T>& value) {
    if (value) check(key, *value);
  }
  void each(const char* key, std::array<int, 2>& value) {
    for (int item : value) check(key, item);
    require(double(value[0]) * value[1] <= most_pixels, key,
            fmt::format("is [{}, {}]: more than 2^27 pixels", value[0], value[1]));
  }
  void each(const char* key, std::array<double, 2>& value) {
    for (double item : value) check(key, item);
  }
  void each(const char* key, std::vector<double>& value) {
    for (double item : value) check(key, item);
  }
  void each(const char* key, std::vector<int64_t>& value) {
    for (int64_t item : value) check(key, item);
  }

 protected:
  void visit_labels(const char*, std::map<int, int>&, std::map<std::string, int>&) override {}
  void visit_word(const char*, std::string&, const Words&) override {}
  bool begin(const char* key) override {
    paths_.push_back(path(key));
    plain_.push_back(join_key(plain_.back(), key));
    return true;
  }
  void end() override {
    paths_.pop_back();
    plain_.pop_back();
  }
  size_t begin_list(const char*, size_t present) override { return present; }
  std::string begin_item(const char* key, size_t, const std::string& name) override {
    paths_.push_back(path(key) + "." + name);
    plain_.push_back(join_key(plain_.back(), key));
    return name;
  }

 private:
  std::string path(const char* key) const { return join_key(paths_.back(), key); }
  void require(bool ok, const char* key, const std::string& message) const {
    if (!ok)
      throw ConfigError(fmt::format("{}: '{}' {}", run_.place(path(key)), path(key), message));
  }
  template <class T>
  void check(const char* key, T value) const {
    const auto number = static_cast<double>(value);
    require(std::isfinite(number), key, fmt::format("is {}; it is a finite number", value));
    const std::string plain = join_key(plain_.back(), key);
    for (const Limit& limit : limits) {
      if (!ends_with(plain, limit.key)) continue;
      require(number <= limit.most && number >= -limit.most, key,
              fmt::format("is {}; it is at most {:.16g}", value, limit.most));
      require(number == 0 || std::abs(number) >= limit.least, key,
              fmt::format("is {}; it is at least {:.6g}", value, limit.least));
    }
  }

  const RunFile& run_;
  std::vector<std::string> paths_{""}, plain_{""};  ///< with and without the tasks' names
};

}  // namespace

void check_limits(const RunFile& run) {
  RunFile copy = run;
  LimitCheck check(run);
  visit_fields(check, copy);
}

}  // namespace weft
