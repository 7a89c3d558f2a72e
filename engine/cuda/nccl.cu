// NcclRanks: two communicators, two streams, joined by events. The one file that includes <nccl.h>.
#include "engine/cuda/nccl.h"

#include <nccl.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "engine/cuda/check.h"
#include "engine/cuda/stream.h"

namespace weft {
namespace {

void check(ncclResult_t status, const char* call) {
  if (status == ncclSuccess || status == ncclInProgress) return;
  throw CudaError(
      fmt::format("{}: {} ({})", call, ncclGetErrorString(status), ncclGetLastError(nullptr)));
}
#define WEFT_NCCL(call) check((call), #call)

ncclDataType_t type_of(const Tensor& x) {
  if (x.dtype() == DType::f32) return ncclFloat;
  if (x.dtype() == DType::f64) return ncclDouble;
  throw Error(fmt::format("a sum over ranks of {}", name_of(x.dtype())));
}

/// This process's card among all that the machine has, whatever CUDA calls it here.
std::string bus_of_card() {
  char bus[32] = {};
  int card = 0;
  WEFT_CUDA(cudaGetDevice(&card));
  WEFT_CUDA(cudaDeviceGetPCIBusId(bus, sizeof bus, card));
  return bus;
}

std::string host_of(const Ranks& ranks, int rank) {
  const std::string name = ranks.name_of(rank);
  return name.substr(std::min(name.find('('), name.size()));
}

/// Every rank comes to the same end.
void require_own_cards(Ranks& ranks) {
  const std::vector<std::string> cards = ranks.gather(bus_of_card());
  for (int a = 0; a < ranks.size(); ++a)
    for (int b = a + 1; b < ranks.size(); ++b)
      if (cards[static_cast<size_t>(a)] == cards[static_cast<size_t>(b)] &&
          host_of(ranks, a) == host_of(ranks, b))
        throw ConfigError(fmt::format(
            "{} and {} would share one GPU, {}: this host shows fewer cards than it has ranks; "
            "start at most one rank for each card",
            ranks.name_of(a), ranks.name_of(b), cards[static_cast<size_t>(a)]));
}

class NcclRanks final : public CardRanks {
 public:
  NcclRanks(CudaContext& ctx, Ranks& ranks) : ctx_(ctx), ranks_(ranks) {
    require_own_cards(ranks);
    // A step is recorded anew each time: registering its buffers would cost more than it brings.
    setenv("NCCL_GRAPH_REGISTER", "0", 0);
    std::array<ncclUniqueId, 2> ids{};
    if (ranks.first())
      for (ncclUniqueId& id : ids) WEFT_NCCL(ncclGetUniqueId(&id));
    ranks.broadcast(ids.data(), sizeof ids);
    WEFT_NCCL(ncclCommInitRank(&on_compute_, ranks.size(), ids[0], ranks.rank()));
    WEFT_NCCL(ncclCommInitRank(&on_beside_, ranks.size(), ids[1], ranks.rank()));
  }

  ~NcclRanks() override {
    // Behind an error the others may never come: what waits for them is broken off.
    if (std::uncaught_exceptions() > 0) {
      break_off();
    } else {
      cudaStreamSynchronize(ctx_.stream());
      cudaStreamSynchronize(beside_.stream());
      for (ncclComm_t comm : {on_beside_, on_compute_})
        if (comm != nullptr) ncclCommDestroy(comm);
    }
  }

  void sum(const Tensor& x) override { reduce(x, ncclSum, on_compute_, ctx_.stream()); }
  void mean(const Tensor& x) override { reduce(x, ncclAvg, on_compute_, ctx_.stream()); }

  void gather(const Tensor& x, const Tensor& all) override {
    if (all.bytes() != x.bytes() * static_cast<size_t>(ranks_.size()))
      throw Error(
          fmt::format("gather over {} ranks: {} to {}", ranks_.size(), x.shape(), all.shape()));
    require_alive();
    all.changed();
    note(1, x);
    WEFT_NCCL(ncclAllGather(x.raw(), all.raw(), x.bytes(), ncclUint8, on_compute_, ctx_.stream()));
  }

  void begin_mean(const Tensor& x) override {
    beside_.fork(ctx_.stream());
    reduce(x, ncclAvg, on_beside_, beside_.stream());
    under_way_.push_back(x);
  }

  void await_means() override {
    if (under_way_.empty()) return;
    WEFT_CUDA(beside_.join(ctx_.stream()));
    under_way_.clear();
  }

  void wait(const std::function<bool()>& done) override {
    using Clock = std::chrono::steady_clock;
    const auto began = Clock::now();
    for (int64_t tries = 0; !done(); ++tries) {
      if (tries < 100000)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      if (tries % 256 != 0) continue;
      require_no_error();
      const std::chrono::duration<double> waited = Clock::now() - began;
      if (waited.count() > ranks_.patience()) time_out();
    }
  }

 private:
  void reduce(const Tensor& x, ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
    require_alive();
    x.changed();
    note(2, x);
    WEFT_NCCL(ncclAllReduce(x.raw(), x.raw(), static_cast<size_t>(x.numel()), type_of(x), op, comm,
                            stream));
  }

  /// NCCL picks the kernel by kind and size.
  void note(uint64_t kind, const Tensor& x) { ctx_.note_kernel({kind, x.bytes()}); }

  void require_alive() const {
    if (on_compute_ == nullptr || on_beside_ == nullptr)
      throw UserError(
          fmt::format("{}: the ranks' GPUs are no longer joined", ranks_.name_of(ranks_.rank())));
  }

  void require_no_error() {
    for (ncclComm_t comm : {on_compute_, on_beside_}) {
      ncclResult_t status = ncclSuccess;
      if (comm == nullptr || ncclCommGetAsyncError(comm, &status) != ncclSuccess ||
          status == ncclSuccess || status == ncclInProgress)
        continue;
      const std::string why = ncclGetErrorString(status);
      break_off();
      throw UserError(
          fmt::format("{}: NCCL: {}; the run goes on from its last checkpoint with --resume",
                      ranks_.name_of(ranks_.rank()), why));
    }
  }

  [[noreturn]] void time_out() {
    break_off();
    throw UserError(fmt::format(
        "{}: {} did not answer for {:g} s; the run goes on from its last checkpoint with --resume",
        ranks_.name_of(ranks_.rank()),
        ranks_.size() == 2 ? "the GPU of " + ranks_.name_of(1 - ranks_.rank())
                           : "the GPU of another rank",
        ranks_.patience()));
  }

  /// Kernels that wait for other ranks end.
  void break_off() noexcept {
    for (ncclComm_t* comm : {&on_beside_, &on_compute_})
      if (ncclComm_t const broken = std::exchange(*comm, nullptr)) ncclCommAbort(broken);
  }

  CudaContext& ctx_;
  Ranks& ranks_;
  CudaBranch beside_;
  ncclComm_t on_compute_ = nullptr, on_beside_ = nullptr;
  std::vector<Tensor> under_way_;  ///< their memory is not given to others before they are there
};

}  // namespace

std::unique_ptr<CardRanks> join_cards(CudaContext& ctx, Ranks& ranks) {
  return std::make_unique<NcclRanks>(ctx, ranks);
}

}  // namespace weft
