// What the benchmarks share: arguments, a stopwatch, and the peak that shares are quoted of: on a
// CPU a register-resident FMA loop measured at start (never weft's own GEMM), on a GPU cuBLAS.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/backend.h"

namespace weft::bench {

/// --name value pairs.
class Arguments {
 public:
  Arguments(int argc, char** argv);
  int64_t number(const std::string& name, int64_t otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;

 private:
  std::map<std::string, std::string> values_;
};

std::vector<std::string> split(const std::string& text, char at);
double milliseconds(const std::function<void()>& work);
/// f32 multiply-adds of all threads together, counted as two operations each.
double fma_peak_gflops(int threads);
/// A GPU's, by the largest of a few square products in the context's math: cuBLAS' own.
double matrix_peak_gflops(const AnyContext& context);

void steps(const Arguments& arguments);
void conv(const Arguments& arguments);

}  // namespace weft::bench
