// pick_kernels: by name among those that the CPU has.
#include "runner/pick_kernels.h"

#include "engine/error.h"

namespace weft::runner {

const Kernels& pick_kernels(const std::string& name) {
  const KernelList list = usable_kernels();
  std::string names;
  for (int i = 0; i < list.count; ++i) {
    if (name.empty() || name == list.all[i]->name) return *list.all[i];
    names += std::string(i > 0 ? ", " : "") + list.all[i]->name;
  }
  throw ConfigError(fmt::format("--kernels: '{}' is none that this CPU has: {}", name, names));
}

}  // namespace weft::runner
