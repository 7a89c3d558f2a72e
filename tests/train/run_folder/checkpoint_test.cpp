// Checkpoints trust nothing: flipped bits in 300 places (2,000 with '[flips]'), states that no run
// can be in, tensors missing or over, values that are none, files of another format. Each is a
// DataError that names the file, and what is accepted is bit for bit what was written.
#include "train/run_folder/checkpoint.h"

#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>

#include "tests/support/catch.h"
#include "tests/support/op_check.h"
#include "tests/support/temp_folder.h"
#include "train/step/build.h"

using namespace weft;
using weft::test::message_of;
using weft::test::TempFolder;

namespace {

/// An AdaShare run of a slim MLP: 2 blocks, 2 tasks.
RunFile small_run(const std::vector<std::string>& overrides = {}) {
  return parse_run_text(R"(
name = "small"
[model]
trunk = "mlp"
hidden = 4
blocks = 2
head = "linear"
[data]
kind = "tabular"
root = "nowhere"
[[task]]
name = "a"
kind = "regression"
[[task]]
name = "b"
kind = "binary"
[warmup]
steps = 3
[policy]
steps = 6
from = "best"
[retrain]
steps = 5
)",
                        "small.toml", overrides);
}

/// Everything that a run goes on from.
struct Content {
  TrainState state;
  std::string run_text;
  std::vector<NamedTensor> tensors;
};

bool same(const Content& a, const Content& b) {
  bool equal =
      a.state == b.state && a.run_text == b.run_text && a.tensors.size() == b.tensors.size();
  for (size_t i = 0; equal && i < a.tensors.size(); ++i)
    equal =
        a.tensors[i].name == b.tensors[i].name && same_bits(a.tensors[i].value, b.tensors[i].value);
  return equal;
}

struct Saved {
  CpuContext cpu{1};
  RunFile run = small_run();
  std::unique_ptr<Model> model = make_model(&cpu, run);
  std::unique_ptr<Optimizer> optimizer = make_optimizer(&cpu, *model, run, Phase::retrain);
  TrainState state;

  /// In re-training, two steps done; the last parameter had no gradient.
  Saved() {
    for (int step = 0; step < 2; ++step) {
      for (Parameter* p : optimizer->parameters())
        if (p != optimizer->parameters().back()) p->grad = p->value;
      optimizer->step();
    }
    model->store().clear_gradients();
    state.stage = Stage::retrain;
    state.step = 2;
    state.total_step = 11;
    state.chosen = {{{1, 0}, {0, 1}}};
    state.chosen_how = "draw 0";
    state.best_step = 10;
    state.best_score = 0.25;
    state.search_step = 6;
    state.search_score = 1.5;
    state.search_logits = {{0.1, 0.2, 0.3, 0.4}, {0, 0, 0, 0}};
  }
  void save(const std::string& path) const {
    save_checkpoint(path, *model, {optimizer.get()}, {state, print_run_file(run)});
  }
};

/// As a run that goes on: state, weights and moments, all of it checked.
Content load(const std::string& path) {
  CpuContext cpu(1);
  const Checkpoint checkpoint = read_checkpoint(path);
  const RunFile run = parse_run_text(checkpoint.run_text, path);
  const auto model = make_model(&cpu, run);
  check_state(checkpoint.state, run, *model, path);
  load_model(path, *model);
  const auto optimizer = make_optimizer(&cpu, *model, run, Phase::retrain);
  load_optimizers(path, &cpu, {optimizer.get()});
  Content content{checkpoint.state, checkpoint.run_text, file_tensors(model->store())};
  for (NamedTensor& t : optimizer_tensors(&cpu, *optimizer))
    content.tensors.push_back(std::move(t));
  return content;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Flips one bit at `count` places that Philox chooses, a third of them in the header.
void flip_bits(uint32_t count) {
  const TempFolder folder;
  const std::string path = folder.file("last.safetensors");
  Saved().save(path);
  const std::string whole = bytes_of(path);
  const Content content = load(path);
  uint64_t header = 8;
  for (int i = 0; i < 3; ++i)
    header += uint64_t{static_cast<unsigned char>(whole[static_cast<size_t>(i)])} << 8 * i;
  int accepted = 0, unnamed = 0;
  for (uint32_t flip = 0; flip < count; ++flip) {
    const Philox random(5, Stream::data, flip, "flips");
    const uint64_t at = random.below(0, flip % 3 == 0 ? header : whole.size());
    const auto bit = static_cast<int>(random.below(1, 8));
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      if (!same(load(path), content)) ++accepted;
    } catch (const DataError& e) {
      unnamed += std::string(e.what()).rfind(path, 0) != 0;
    }
    INFO("flip " << flip << ": byte " << at << ", bit " << bit);
    CHECK(accepted == 0);
    CHECK(unnamed == 0);
    if (accepted > 0) return;
  }
}

}  // namespace

TEST_CASE("a checkpoint reads as written", "[train][checkpoint]") {
  const TempFolder folder;
  const Saved saved;
  saved.save(folder.file("last"));
  const Content content = load(folder.file("last"));
  CHECK(content.state == saved.state);
  CHECK(content.run_text == print_run_file(saved.run));
  const auto written = file_tensors(saved.model->store());
  for (size_t i = 0; i < written.size(); ++i)
    CHECK(same_bits(content.tensors[i].value, written[i].value));
}

TEST_CASE("none of 300 flipped bits in a checkpoint is accepted", "[train][checkpoint]") {
  flip_bits(300);
}

// weft_tests '[flips]': about a second for every thousand.
TEST_CASE("none of 2,000 flipped bits in a checkpoint is accepted", "[.][slow][flips]") {
  flip_bits(2000);
}

TEST_CASE("a state that no run can be in is refused", "[train][checkpoint]") {
  const TempFolder folder;
  const std::string path = folder.file("last");
  const auto complaint = [&](const std::function<void(TrainState&)>& change) {
    Saved saved;
    change(saved.state);
    saved.save(path);
    return message_of<DataError>([&] { load(path); });
  };
  const auto refused = [&](const std::string& what) { return contains_text(what); };
  CHECK(complaint([](TrainState&) {}).empty());
  // Gates: another number of tasks or blocks, or neither 0 nor 1.
  CHECK_THAT(complaint([](TrainState& s) { s.chosen.select.pop_back(); }),
             refused("a drawn policy of 1 tasks for 2"));
  CHECK_THAT(complaint([](TrainState& s) { s.chosen.select[1].pop_back(); }),
             refused("task 'b' has 1 gates for 2 blocks"));
  CHECK_THAT(complaint([](TrainState& s) { s.chosen.select.clear(); }),
             refused("of 0 tasks for 2"));
  CHECK_THAT(complaint([](TrainState& s) { s.chosen.select[0][1] = 17; }),
             refused("'drawn'[0][1]: is 17; it is 0 to 16"));
  CHECK_THAT(complaint([](TrainState& s) { s.chosen.select[0][1] = 2; }),
             refused("a gate is 0 or 1, not 2"));
  // Weights, which another retrain.gates has.
  CHECK_THAT(complaint([](TrainState& s) {
               s.chosen = weighed({{0.5, 0.5}, {0.5, 0.5}});
             }),
             refused("weights of 2 tasks under retrain.gates = \"chosen\""));
  CHECK_THAT(complaint([](TrainState& s) { s.chosen.weights = {{2}}; }),
             refused("'drawn_weights'[0][0]: is 2; it is in [0, 1]"));
  // Steps.
  CHECK_THAT(complaint([](TrainState& s) { s.step = -5; }), refused("'step': is -5"));
  CHECK_THAT(complaint([](TrainState& s) { s.step = 1'000'000'000; }),
             refused("step 1000000000 of a stage (retrain) that has 5"));
  CHECK_THAT(complaint([](TrainState& s) { s.total_step = 75; }),
             refused("run step 75, but step 2 of retrain is run step 11"));
  CHECK_THAT(complaint([](TrainState& s) { s.stage = Stage::done; }), refused("step 2 of a stage"));
  CHECK_THAT(complaint([](TrainState& s) {
               s.stage = Stage::search;
               s.total_step = 5;
             }),
             refused("a drawn policy, where this run can have none yet"));
  // What was best, and when.
  CHECK_THAT(complaint([](TrainState& s) { s.best_step = 9; }), refused("the best step is 9"));
  CHECK_THAT(complaint([](TrainState& s) { s.best_step = 12; }), refused("the best step is 12"));
  CHECK_THAT(complaint([](TrainState& s) { s.best_step = -2; }), refused("'best_step': is -2"));
  CHECK_THAT(complaint([](TrainState& s) { s.best_score = std::nan(""); }),
             refused("'best_score': is null; it is a number"));
  CHECK_THAT(complaint([](TrainState& s) { s.search_step = 10; }),
             refused("the search's best step is 10, and the search has 4 to 9"));
  CHECK_THAT(complaint([](TrainState& s) { s.search_logits[0].pop_back(); }),
             refused("'policy.a' has 3 of the search's best logits for 4"));
  CHECK_THAT(complaint([](TrainState& s) { s.search_logits[1][0] = INFINITY; }),
             refused("it is a number"));
}

TEST_CASE("the state's text is read as strictly as a run file", "[train][checkpoint]") {
  const std::string text = to_json(Saved().state);
  const auto complaint = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    changed.replace(at, from.size(), to);
    return message_of<DataError>([&] { state_from_json(changed, "F"); });
  };
  CHECK(complaint("\"step\":2", "\"step\":2").empty());
  for (const char* step : {"2.0", "true", "\"2\"", "null", "18446744073709551615", "1e999"})
    CHECK_THAT(complaint("\"step\":2", std::string("\"step\":") + step), contains_text("F: "));
  CHECK_THAT(complaint("\"step\":2", "\"step\":2,\"step\":3"),
             contains_text("'step' is there twice"));
  CHECK_THAT(complaint("\"step\":2", "\"steps\":2"), contains_text("there is no key 'steps'"));
  CHECK_THAT(complaint("\"drawn_how\":\"draw 0\",", ""), contains_text("'drawn_how' is missing"));
  CHECK_THAT(complaint("[[1,0]", "[[1.0,0]"), contains_text("is 1.0; it is a whole number"));
  CHECK_THAT(complaint("[[1,0]", "[[true,0]"), contains_text("is true; it is a whole number"));
  CHECK_THAT(complaint("retrain", "retrial"), contains_text("unknown stage 'retrial'"));
}

TEST_CASE("a checkpoint's tensors are its network's: none missing, none over, all numbers",
          "[train][checkpoint]") {
  const TempFolder folder;
  const std::string path = folder.file("last");
  const Saved saved;
  /// What is said where `change` has had its way with the tensors of a sound checkpoint.
  const auto complaint = [&](const std::function<void(std::vector<NamedTensor>&)>& change) {
    saved.save(path);
    Metadata metadata = SafetensorsFile(path).metadata();
    std::vector<NamedTensor> tensors = file_tensors(saved.model->store());
    for (NamedTensor& t : optimizer_tensors(saved.model->store().context(), *saved.optimizer))
      tensors.push_back(t);
    change(tensors);
    write_safetensors(path, tensors, metadata);
    return message_of<DataError>([&] { load(path); });
  };
  const auto find = [](std::vector<NamedTensor>& tensors, const std::string& name) {
    return std::find_if(tensors.begin(), tensors.end(),
                        [&](const NamedTensor& t) { return t.name == name; });
  };
  const auto without = [&](const std::string& name) {
    return complaint([&](auto& tensors) { tensors.erase(find(tensors, name)); });
  };
  const auto with = [&](const std::string& name, double value) {
    return complaint([&](auto& tensors) {
      const auto at = find(tensors, name);
      std::vector<double> values = at->value.to_vector();
      values.back() = value;
      at->value = Tensor::from(at->value.shape(), values, at->value.dtype());
    });
  };
  CHECK(complaint([](auto&) {}).empty());
  CHECK_THAT(without("blocks.0.fc1.weight"), contains_text("missing: blocks.0.fc1.weight"));
  CHECK_THAT(without("stem.1.a.running_var"), contains_text("missing: stem.1.a.running_var"));
  CHECK_THAT(complaint([](auto& t) {
               t.push_back({"blocks.2.fc1.weight", Tensor::from({1}, {1})});
             }),
             contains_text("unexpected: blocks.2.fc1.weight"));
  // Moments: one of three gone, all three gone, and of a parameter that is none.
  CHECK_THAT(without("optim.stem.0.weight.exp_avg"),
             contains_text("missing: optim.stem.0.weight.exp_avg"));
  CHECK_THAT(without("optim.stem.0.weight.step"),
             contains_text("missing: optim.stem.0.weight.step"));
  CHECK_THAT(complaint([&](auto& t) {
               for (const char* end : {"exp_avg", "exp_avg_sq", "step"})
                 t.erase(find(t, std::string("optim.stem.0.weight.") + end));
             }),
             contains_text("were saved"));
  CHECK_THAT(complaint([](auto& t) {
               t.push_back({"optim.other.exp_avg", Tensor::from({1}, {1})});
             }),
             contains_text("unexpected: optim.other.exp_avg"));
  // Values.
  CHECK_THAT(with("stem.0.weight", std::nan("")),
             contains_text("'stem.0.weight': element 11 is nan"));
  CHECK_THAT(with("heads.a.fc.bias", INFINITY), contains_text("is inf; it is a number"));
  CHECK_THAT(with("optim.stem.0.weight.exp_avg", -INFINITY), contains_text("is -inf"));
  CHECK_THAT(with("optim.stem.0.weight.exp_avg_sq", -1), contains_text("not below 0"));
  CHECK_THAT(with("stem.1.a.running_var", -0.5),
             contains_text("is -0.5; it is a number that is not"));
  CHECK_THAT(with("stem.1.a.num_batches_tracked", -1),
             contains_text("is -1; it is a whole number"));
  CHECK_THAT(with("optim.stem.0.weight.step", 0),
             contains_text("is 0; it is a whole number from 1"));
}

TEST_CASE("what is no checkpoint to go on from says so", "[train][checkpoint]") {
  const TempFolder folder;
  const std::string path = folder.file("x.safetensors");
  const Saved saved;
  save_checkpoint(path, *saved.model, {}, {saved.state, print_run_file(saved.run)});
  CHECK_THAT(message_of<DataError>([&] { load(path); }), contains_text("holds weights alone"));
  for (const char* version : {"1", "3", "two"}) {
    write_safetensors(path, {}, {{"format_version", version}, {"state", "{}"}, {"run", ""}});
    CHECK_THAT(message_of<DataError>([&] { read_checkpoint(path); }),
               contains_text(std::string("format_version ") + version) &&
                   contains_text("this build reads 2"));
  }
  write_safetensors(path, {{"a", Tensor::from({1}, {1})}});
  CHECK_THAT(message_of<DataError>([&] { read_checkpoint(path); }),
             contains_text("no weft checkpoint (metadata 'format_version' is missing)"));
}
