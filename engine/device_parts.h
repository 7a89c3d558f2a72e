// What engine/device.h asks of each backend: overloads, as of a kernel. Those of CudaContext are
// declared in every build and called where it was built; instead of a GPU's own three functions a
// build without CUDA has those of engine/cpu/no_cuda.cpp.
#pragma once

#include "engine/device.h"

namespace weft {

/// Records the kernels that work asks for, and starts them as one.
class LaunchRecorder {
 public:
  virtual ~LaunchRecorder() = default;
  virtual void run(const std::function<void()>& work) = 0;
  virtual int64_t built() const = 0;
};

namespace device_parts {

std::string describe(CpuContext&);
std::string describe(CudaContext&);
Tensor fetch_later(CpuContext&, const Tensor& t);
Tensor fetch_later(CudaContext&, const Tensor& t);
void synchronize(CpuContext&);
void synchronize(CudaContext&);
Tensor host_room(CpuContext&, const Shape& shape, DType dtype);
Tensor host_room(CudaContext&, const Shape& shape, DType dtype);
void copy_in_order(CpuContext&, const Tensor& to, const Tensor& from);
void copy_in_order(CudaContext&, const Tensor& to, const Tensor& from);
void call_in_order(CpuContext&, std::function<void()> work);
void call_in_order(CudaContext&, std::function<void()> work);
void fork_beside(CpuContext&);
void fork_beside(CudaContext&);
void beside(CpuContext&, const std::function<void()>& queue);
void beside(CudaContext&, const std::function<void()>& queue);
void join_beside(CpuContext&);
void join_beside(CudaContext&);
bool is_asynchronous(CpuContext&);
bool is_asynchronous(CudaContext&);
int64_t waits(CpuContext&);
int64_t waits(CudaContext&);
int64_t memory_bytes(CpuContext&);
int64_t memory_bytes(CudaContext&);
double milliseconds(CpuContext&, const std::function<void()>& work);
double milliseconds(CudaContext&, const std::function<void()>& work);
/// Null where nothing is to be gained.
std::unique_ptr<LaunchRecorder> make_recorder(CpuContext&);
std::unique_ptr<LaunchRecorder> make_recorder(CudaContext&);

/// A context and what frees it.
struct Owned {
  std::shared_ptr<void> owner;
  AnyContext context;
};
/// Both throw as Device does.
Owned make_cuda(MatrixMath math);
void require_cuda();

}  // namespace device_parts
}  // namespace weft
