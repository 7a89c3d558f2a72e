// The device of the test program: one CPU and one GPU for all of it.
#include "tests/support/device.h"

#include <algorithm>
#include <string_view>

#include "engine/device.h"

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
  if (const std::string why = why_no_cuda(); !why.empty())
    throw DeviceError(fmt::format("device cuda: {}; run with --device cpu", why));
  // Never destroyed: at exit the CUDA runtime may be gone before it.
  static const Device* const device = new Device(DeviceKind::cuda);
  static const AnyContext context = device->context();
  return context;
}

std::string cuda_skip_reason() { return why_no_cuda(); }

Tensor on_tape(const Tape& tape, const Tensor& host) {
  return host.defined() ? to_device(tape.context(), host) : host;
}

Tensor from_tape(const Tape& tape, const Tensor& t) { return to_host(tape.context(), t); }

}  // namespace weft
