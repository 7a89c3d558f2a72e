// usable_kernels on x86-64.
#include "runner/kernels.h"

namespace weft::runner {

KernelList usable_kernels() {
  KernelList list{};
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    list.all[list.count++] = &avx512_kernels;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    list.all[list.count++] = &avx2_kernels;
  list.all[list.count++] = &plain_kernels;
  return list;
}

}  // namespace weft::runner
