// A GPU as a device: made, asked, timed by events, its kernels recorded in graphs.
#include "engine/cuda/graph.h"
#include "engine/cuda/nccl.h"
#include "engine/device_parts.h"
#include "engine/ranks.h"

namespace weft {
namespace {

double gib(size_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

class GraphRecorder final : public LaunchRecorder {
 public:
  explicit GraphRecorder(CudaContext& ctx) : graph_(ctx) {}
  void run(const std::function<void()>& work) override { graph_.run(work); }
  int64_t built() const override { return graph_.built(); }

 private:
  CudaGraph graph_;
};

/// One of several ranks is joined to the others' GPUs while its own is there.
class JoinedCard {
 public:
  explicit JoinedCard(MatrixMath math) : context(math), ranks_(current_ranks()) {
    if (ranks_.alone()) return;
    cards_ = join_cards(context, ranks_);
    ranks_.set_cards(cards_.get());
  }
  ~JoinedCard() {
    if (cards_ != nullptr) ranks_.set_cards(nullptr);
  }
  JoinedCard(const JoinedCard&) = delete;
  JoinedCard& operator=(const JoinedCard&) = delete;

  CudaContext context;

 private:
  Ranks& ranks_;
  std::unique_ptr<CardRanks> cards_;
};

}  // namespace

std::string why_no_cuda() {
  std::string why;
  return CudaContext::available(&why) ? "" : why;
}

int cuda_cards() {
  int cards = 0;
  if (cudaGetDeviceCount(&cards) == cudaSuccess) return cards;
  cudaGetLastError();  // no card is no fault of the call behind it
  return 0;
}

std::string describe_cuda() {
  if (const std::string why = why_no_cuda(); !why.empty()) return why;
  const CudaDevice d = CudaContext().device();
  return fmt::format("{}, compute {}.{}, {} multiprocessors, {:.0f} GiB, driver {}, runtime {}",
                     d.name, d.major, d.minor, d.multiprocessors, gib(d.bytes), d.driver,
                     d.runtime);
}

namespace device_parts {

std::string describe(CudaContext& ctx) {
  const CudaDevice d = ctx.device();
  return fmt::format("{}, {:.0f} GiB, driver {}", d.name, gib(d.bytes), d.driver);
}
Tensor fetch_later(CudaContext& ctx, const Tensor& t) { return ctx.download_later(t); }
void synchronize(CudaContext& ctx) { ctx.synchronize(); }
Tensor host_room(CudaContext& ctx, const Shape& shape, DType dtype) {
  return ctx.host_room(shape, dtype);
}
void copy_in_order(CudaContext& ctx, const Tensor& to, const Tensor& from) {
  ctx.copy_in_order(to, from);
}
void call_in_order(CudaContext& ctx, std::function<void()> work) {
  ctx.call_in_order(std::move(work));
}
void fork_beside(CudaContext& ctx) { ctx.fork_beside(); }
void beside(CudaContext& ctx, const std::function<void()>& queue) { ctx.beside(queue); }
void join_beside(CudaContext& ctx) { ctx.join_beside(); }
bool is_asynchronous(CudaContext&) { return true; }
int64_t waits(CudaContext& ctx) { return ctx.waits(); }
int64_t memory_bytes(CudaContext& ctx) { return static_cast<int64_t>(ctx.device().bytes); }

double milliseconds(CudaContext& ctx, const std::function<void()>& work) {
  CudaTimer timer(ctx);
  timer.start();
  work();
  return timer.stop();
}

std::unique_ptr<LaunchRecorder> make_recorder(CudaContext& ctx) {
  return std::make_unique<GraphRecorder>(ctx);
}

void require_cuda() {
  if (const std::string why = why_no_cuda(); !why.empty()) throw DeviceError("device cuda: " + why);
}

Owned make_cuda(MatrixMath math) {
  const auto card = std::make_shared<JoinedCard>(math);
  return {card, &card->context};
}

}  // namespace device_parts
}  // namespace weft
