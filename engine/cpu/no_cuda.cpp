// In place of engine/cuda/device.cu where the CUDA backend is not built: why there is no GPU.
#include "engine/device_parts.h"
#include "engine/error.h"

namespace weft {

std::string why_no_cuda() { return "this build has no CUDA backend"; }
int cuda_cards() { return 0; }
std::string describe_cuda() { return "not in this build (nvcc was not found)"; }

namespace device_parts {

void require_cuda() {
  throw ConfigError(
      "device: this build computes on the CPU only; use device=cpu, or build where nvcc is found");
}

Owned make_cuda(MatrixMath) {
  require_cuda();
  return {};
}

}  // namespace device_parts
}  // namespace weft
