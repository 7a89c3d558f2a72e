// CudaGraph: record, update, launch. One executable graph is enough: it takes over new arguments
// while its last launch still runs (two that took turns were no faster).
#include "engine/cuda/graph.h"

#include <algorithm>
#include <utility>

#include "engine/cuda/check.h"
#include "engine/ranks.h"

namespace weft {
namespace {

constexpr int longest_pause = 64, settled = 8;

/// Whether it is so on all ranks: a message of theirs has to be recorded everywhere or nowhere.
bool everywhere(bool here) {
  int64_t missing = here ? 0 : 1;
  current_ranks().sum(&missing, 1);
  return missing == 0;
}

class Graph {
 public:
  /// `kernels`: CudaContext::recorded_kernels().
  Graph(cudaGraph_t handle, uint64_t kernels) : handle_(handle), kernels_(kernels) {}
  ~Graph() {
    if (handle_ != nullptr) cudaGraphDestroy(handle_);
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  cudaGraph_t get() const { return handle_; }
  uint64_t kernels() const { return kernels_; }

 private:
  cudaGraph_t handle_;
  uint64_t kernels_;
};

class Executable {
 public:
  Executable() = default;
  ~Executable() { reset(); }
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  /// Takes over the arguments of the same kernels in the same order; false: they are others. CUDA
  /// would put other kernels in the places of as many as there are, too; in bf16 that gave wrong
  /// losses where products of cuBLAS grew from one step to the next (CUDA 13.0, H100 and H200), and
  /// a graph made anew gave the right ones.
  bool update(const Graph& from) {
    cudaGraphExecUpdateResultInfo info;
    if (handle_ == nullptr || kernels_ != from.kernels()) return false;
    if (cudaGraphExecUpdate(handle_, from.get(), &info) == cudaSuccess) return true;
    cudaGetLastError();
    return false;
  }
  void build(const Graph& from) {
    reset();
    WEFT_CUDA(cudaGraphInstantiate(&handle_, from.get(), 0));
    kernels_ = from.kernels();
  }
  void launch(cudaStream_t stream) { WEFT_CUDA(cudaGraphLaunch(handle_, stream)); }

 private:
  void reset() {
    if (cudaGraphExec_t old = std::exchange(handle_, nullptr)) cudaGraphExecDestroy(old);
  }
  cudaGraphExec_t handle_ = nullptr;
  uint64_t kernels_ = 0;
};

}  // namespace

struct CudaGraph::Impl {
  CudaContext& ctx;
  Executable executable{};
  bool waits = false;
  int direct = 1, pause = 0;  ///< calls that run directly: still to come, after the next new graph
  int fitted = 0;             ///< graphs in a row whose kernels were those of the one before
  int64_t built = 0;

  /// What `work` launches; null where it has to run directly.
  std::unique_ptr<Graph> record(const std::function<void()>& work) {
    bool whole = false;
    ctx.begin_recording();
    try {
      work();
      whole = true;
    } catch (const RecordingError&) {
      waits = true;
    } catch (const MemoryError&) {
      // Cached blocks could not make room: what is recorded so far may use them.
    } catch (...) {
      const Graph unused(ctx.end_recording(), 0);
      ctx.forget_recorded_calls();
      throw;
    }
    cudaGraph_t const recorded = ctx.end_recording();
    auto graph = std::make_unique<Graph>(recorded, ctx.recorded_kernels());
    ctx.await_uploads();
    if (!everywhere(whole)) {
      ctx.forget_recorded_calls();
      waits = !everywhere(!waits);
      return nullptr;
    }
    if (graph->get() == nullptr)
      throw CudaError("work cannot be recorded: it does what no graph can hold");
    return graph;
  }

  void take_over(const Graph& graph) {
    if (everywhere(executable.update(graph))) {
      if (++fitted == settled) pause = 0;
      return;
    }
    fitted = 0;
    if (built > 0) {
      direct = pause;
      pause = std::clamp(2 * pause, 1, longest_pause);
    }
    executable.build(graph);
    ++built;
  }
};

CudaGraph::CudaGraph(CudaContext& ctx) : impl_(new Impl{ctx}) {}
CudaGraph::~CudaGraph() = default;
int64_t CudaGraph::built() const { return impl_->built; }

void CudaGraph::run(const std::function<void()>& work) {
  Impl& self = *impl_;
  if (self.waits || self.direct > 0) {
    work();
    self.direct = std::max(self.direct - 1, 0);
    return;
  }
  const auto graph = self.record(work);
  if (graph == nullptr) return work();
  self.take_over(*graph);
  self.executable.launch(self.ctx.stream());
}

}  // namespace weft
