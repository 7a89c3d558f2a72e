// A device's memory may end anywhere: whichever allocation of a run is refused, the run says so, and
// what is on the disk goes on to the bits of a run that had room. (tests/faults does the same to the
// system's calls; a device's allocator is reached by its cap.)
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/rooms_run.h"
#include "tests/support/run_bits.h"
#include "tests/support/temp_folder.h"
#include "train/loop/trainer.h"

using namespace weft;
using weft::test::bits_of;
using weft::test::device_of;
using weft::test::same;
using weft::test::TempFolder;

namespace {

RunFile rooms() {
  return test::rooms_run(
      {"data.size=[32, 32]", "data.count=8", "warmup.steps=2", "policy.steps=6",
       "policy.weight_steps=2", "policy.logit_steps=1", "policy.curriculum_speed=1",
       "policy.draws=2", "retrain.steps=4", "eval.every=2", "checkpoint.every=1"},
      {testing_cuda() ? "device=cuda" : "device=cpu"});
}

}  // namespace

TEST_CASE(
    "whichever allocation of a device is refused, the run says so and goes on to the same bits",
    "[train][memory]") {
  const TempFolder folder;
  CpuContext cpu(1);
  const AnyContext device = device_of(cpu);
  CachingAllocator& memory = memory_of(device);
  RunFile run = rooms();
  const auto data = open_dataset(run);
  const size_t before = memory.counters().live_bytes;
  memory.reset_peak();
  std::vector<Tensor> whole;
  {
    Trainer trainer(run, *data, device);
    trainer.start(folder.file("whole"));
    trainer.run();
    whole = bits_of(trainer);
  }
  const size_t peak = memory.counters().peak_bytes;
  int refused = 0, resumed = 0;
  constexpr int caps = 8;
  for (const int64_t steps : {0, 1, 5, 9})  // with room, in every stage
    for (int i = 1; i < caps; ++i) {
      INFO(steps << " steps, then " << i << " of " << caps);
      const std::string path = folder.file(std::to_string(steps) + "-" + std::to_string(i));
      const size_t cap = before + (peak - before) * static_cast<size_t>(i) / caps;
      bool ended = false;
      try {
        if (steps == 0) memory.set_cap(cap);
        Trainer trainer(run, *data, device);
        trainer.start(path);
        for (int64_t step = 0; step < steps; ++step) trainer.step();
        memory.set_cap(cap);
        trainer.run();
        ended = true;
      } catch (const MemoryError& e) {
        ++refused;
        CHECK_THAT(std::string(e.what()), contains_text("lower data.batch or data.size"));
      }
      memory.set_cap(0);
      if (ended) continue;  // what it freed on the way was enough
      const bool kept = std::filesystem::exists(path + "/checkpoints/last.safetensors");
      resumed += kept;
      Trainer again(run, *data, device, nullptr,
                    kept ? Trainer::Begin::resumed : Trainer::Begin::fresh);
      kept ? again.resume(path) : again.start(path);
      again.run();
      CHECK(same(whole, bits_of(again)));
    }
  CHECK(refused > 2 * caps);
  CHECK(resumed > caps);
}
