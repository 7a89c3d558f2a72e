// CudaGraph: record, update, launch. One executable graph is enough: it takes over new arguments
// while its last launch still runs (two that took turns were no faster).
#include "engine/cuda/graph.h"

#include <utility>

#include "engine/cuda/check.h"

namespace weft {
namespace {

class Graph {
 public:
  explicit Graph(cudaGraph_t handle) : handle_(handle) {}
  ~Graph() {
    if (handle_ != nullptr) cudaGraphDestroy(handle_);
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  cudaGraph_t get() const { return handle_; }

 private:
  cudaGraph_t handle_;
};

class Executable {
 public:
  Executable() = default;
  ~Executable() { reset(); }
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  /// Takes over the arguments of the same kernels in the same order; false: they are others.
  bool update(const Graph& from) {
    cudaGraphExecUpdateResultInfo info;
    if (handle_ == nullptr) return false;
    if (cudaGraphExecUpdate(handle_, from.get(), &info) == cudaSuccess) return true;
    cudaGetLastError();
    return false;
  }
  void build(const Graph& from) {
    reset();
    WEFT_CUDA(cudaGraphInstantiate(&handle_, from.get(), 0));
  }
  void launch(cudaStream_t stream) { WEFT_CUDA(cudaGraphLaunch(handle_, stream)); }

 private:
  void reset() {
    if (cudaGraphExec_t old = std::exchange(handle_, nullptr)) cudaGraphExecDestroy(old);
  }
  cudaGraphExec_t handle_ = nullptr;
};

}  // namespace

struct CudaGraph::Impl {
  CudaContext& ctx;
  Executable executable{};
  bool warm = false;
  int64_t built = 0;
};

CudaGraph::CudaGraph(CudaContext& ctx) : impl_(new Impl{ctx}) {}
CudaGraph::~CudaGraph() = default;
int64_t CudaGraph::built() const { return impl_->built; }

void CudaGraph::run(const std::function<void()>& work) {
  CudaContext& ctx = impl_->ctx;
  if (!impl_->warm) {
    work();
    impl_->warm = true;
    return;
  }
  bool exhausted = false;
  ctx.begin_recording();
  try {
    work();
  } catch (const MemoryError&) {
    exhausted = true;  // cached blocks could not make room: the recorded part may use them
  } catch (...) {
    const Graph unused(ctx.end_recording());
    throw;
  }
  const Graph graph(ctx.end_recording());
  if (exhausted) return work();
  if (graph.get() == nullptr)
    throw CudaError("a step cannot be recorded: it did what no graph can hold, as waiting");
  if (!impl_->executable.update(graph)) {
    impl_->executable.build(graph);
    ++impl_->built;
  }
  impl_->executable.launch(ctx.stream());
}

}  // namespace weft
