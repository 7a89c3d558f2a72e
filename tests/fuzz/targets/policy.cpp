// Policy JSON: what is read has a gate, 0 or 1, for every task and block.
#include "tests/fuzz/targets/target.h"
#include "train/run_folder/run_folder.h"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> tasks{"seg", "depth"}, blocks{"layer1.0", "layer2.0"};
  fuzz::reads([&] {
    const BinaryPolicy policy =
        parse_policy(std::string(fuzz::text_of(data, size)), "x", tasks, blocks);
    fuzz::require(policy.select.size() == tasks.size(), "a row a task");
    for (const auto& row : policy.select) {
      fuzz::require(row.size() == blocks.size(), "a gate a block");
      for (int gate : row) fuzz::require(gate == 0 || gate == 1, "a gate");
    }
  });
  return 0;
}
