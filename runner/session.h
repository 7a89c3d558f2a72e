// A network's file opened, and what is done with it: pictures, tables or raw floats in, what `weft
// predict` writes out. What is said of results is handed to `say` line by line.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runner/arguments.h"
#include "runner/latency.h"
#include "runner/program.h"
#include "train/export/usage.h"
#include "train/loop/prediction_files.h"

namespace weft::runner {

class Session {
 public:
  explicit Session(const Arguments& arguments);
  void run(const std::function<void(const std::string&)>& say);
  /// The table of latencies.
  std::string latency() const { return latency_.table(); }

 private:
  void pictures(const std::function<void(const std::string&)>& say);
  void tables(const std::function<void(const std::string&)>& say);
  void raw();
  void set_size(int64_t height, int64_t width);
  void pass();
  void repeat();
  const ExportedUsage& usage() const;
  Prediction decoded(size_t k, int height, int width) const;

  Arguments arguments_;
  ExportedNetwork network_;
  std::optional<ExportedUsage> usage_;
  Workers workers_;
  Program program_;
  Latency latency_;
};

}  // namespace weft::runner
