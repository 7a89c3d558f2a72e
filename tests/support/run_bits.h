// A run's bits, for the tests that promise that two runs end with the same ones.
#pragma once

#include <vector>

#include "tests/support/device.h"
#include "tests/support/op_check.h"
#include "tests/support/sanitized.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"

namespace weft::test {

/// The device under test: --device cuda, or the CPU with its threads.
inline AnyContext device_of(CpuContext& cpu) { return testing_cuda() ? test_device() : &cpu; }

/// Everything a run is made of, as bits: parameters, statistics and the state.
inline std::vector<Tensor> bits_of(Trainer& trainer) {
  std::vector<Tensor> out;
  for (const Parameter& p : trainer.model().store().parameters())
    out.push_back(to_host(trainer.context(), p.value));
  for (const NamedStats& s : trainer.model().store().stats()) {
    out.push_back(to_host(trainer.context(), s.stats.running_mean));
    out.push_back(to_host(trainer.context(), s.stats.running_var));
  }
  return out;
}

inline bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  bool equal = a.size() == b.size();
  for (size_t i = 0; equal && i < a.size(); ++i) equal = same_bits(a[i], b[i]);
  return equal;
}

inline std::vector<Tensor> train(RunFile run, int threads, int64_t steps) {
  CpuContext cpu(threads);
  const auto data = open_dataset(run);
  Trainer trainer(run, *data, device_of(cpu));
  for (int64_t i = 0; i < steps; ++i) trainer.step();
  return bits_of(trainer);
}

/// A run that is killed after each of the steps `kills` and resumed ends with the bits of one that was
/// not; `whole_on` computes the latter, `on` the others.
inline void check_killed_and_resumed(const RunFile& run, const Dataset& data, AnyContext whole_on,
                                     AnyContext on, const std::vector<int64_t>& kills) {
  TempFolder folder;
  Trainer whole(run, data, whole_on);
  whole.start(folder.file("whole"));
  whole.run();
  for (const int64_t kill_at : kills) {
    if (sanitized && kill_at != kills[kills.size() / 2]) continue;
    INFO("killed after step " << kill_at << " of " << whole.state().total_step);
    const std::string path = folder.file(fmt::format("killed-{}", kill_at));
    {
      Trainer first(run, data, on);
      first.start(path);
      for (int64_t i = 0; i < kill_at; ++i) first.step();
    }
    Trainer second(run, data, on);
    second.resume(path);
    CHECK(second.state().total_step == kill_at);
    second.run();
    CHECK(same(bits_of(second), bits_of(whole)));
    CHECK(second.state() == whole.state());
  }
}

}  // namespace weft::test
