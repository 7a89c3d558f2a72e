// weft info: what this build is, and what machine it finds.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "engine/cpu/context.h"
#include "engine/device.h"
#include "engine/version.h"
#include "train/cli/command.h"
#include "train/cli/machine.h"

namespace weft::cli {
namespace {

std::string vector_units() {
  const std::string flags = " " + cpu_field("flags") + " ";
  std::string found;
  for (const char* unit : {"sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16"}) {
    if (flags.find(fmt::format(" {} ", unit)) != std::string::npos) {
      found += found.empty() ? unit : fmt::format(" {}", unit);
    }
  }
  return found.empty() ? "unknown" : found;
}

void print_info() {
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                        static_cast<double>(sysconf(_SC_PAGE_SIZE)) / (1 << 30);
  const char* data = std::getenv("WEFT_DATA");
  fmt::print("weft     {}\n", version());
  fmt::print("build    {}\n", build_summary());
  fmt::print("cpu      {}\n", cpu_field("model name"));
  fmt::print("vectors  {}\n", vector_units());
  fmt::print("threads  {} (physical cores {}, logical {})\n", CpuContext().threads(),
             physical_cores(), sysconf(_SC_NPROCESSORS_ONLN));
  fmt::print("memory   {:.1f} GiB\n", memory);
  fmt::print("cuda     {}\n", describe_cuda());
  fmt::print("data     {}\n", data ? data : "WEFT_DATA is not set");
}

class Info final : public Command {
 public:
  const char* name() const override { return "info"; }
  const char* help() const override { return "This build and this machine"; }
  void options(Options&) override {}
  void run() override { print_info(); }
};

}  // namespace

std::unique_ptr<Command> info_command() { return std::make_unique<Info>(); }

}  // namespace weft::cli
