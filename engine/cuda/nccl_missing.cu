// A build with CUDA and without NCCL.
#include "engine/cuda/nccl.h"

namespace weft {

std::unique_ptr<CardRanks> join_cards(CudaContext&, Ranks&) {
  throw ConfigError(
      "this weft was built without NCCL, and ranks cannot compute on GPUs; install libnccl-dev and "
      "build it anew with -DWEFT_NCCL=ON, or train with --device cpu, or with one process");
}

}  // namespace weft
