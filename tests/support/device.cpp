// The device of the test program: the one place in the tests that knows whether CUDA was built.
#include "tests/support/device.h"

#include <algorithm>
#include <string_view>

namespace weft {
namespace {

bool use_cuda = false;

}  // namespace

void take_device_option(int& argc, char** argv) {
  const auto option = std::find_if(argv + 1, argv + argc,
                                   [](const char* a) { return std::string_view(a) == "--device"; });
  if (option == argv + argc) return;
  const std::string_view word = option + 1 < argv + argc ? option[1] : "";
  if (word != "cpu" && word != "cuda")
    throw ConfigError(fmt::format("--device takes cpu or cuda, got \"{}\"", word));
  use_cuda = word == "cuda";
  std::copy(option + 2, argv + argc + 1, option);  // with the null pointer that ends them
  argc -= 2;
  test_device();
}

bool testing_cuda() { return use_cuda; }

const AnyContext& test_device() {
  if (use_cuda) return cuda_device();
  static CpuContext cpu(2);
  static const AnyContext context = &cpu;
  return context;
}

const AnyContext& cuda_device() {
#ifdef WEFT_WITH_CUDA
  // Never destroyed: at exit the CUDA runtime may be gone before it.
  static const AnyContext context = new CudaContext();
  return context;
#else
  throw DeviceError("device cuda: this build has no CUDA backend; run with --device cpu");
#endif
}

std::string cuda_skip_reason() {
#ifdef WEFT_WITH_CUDA
  return CudaContext::available() ? "" : "no CUDA device";
#else
  return "no CUDA device (this build has no CUDA backend)";
#endif
}

Tensor on_tape(const Tape& tape, const Tensor& host) {
  return host.defined() ? to_device(tape.context(), host) : host;
}

Tensor from_tape(const Tape& tape, const Tensor& t) { return to_host(tape.context(), t); }

}  // namespace weft
