// How long passes took: the middle and the 99th of a hundred, for each task and for all of them.
#pragma once

#include <string>
#include <vector>

namespace weft::runner {

/// The smallest number that at least `share` of them do not exceed; 0 of none.
double quantile(std::vector<double> numbers, double share);

class Latency {
 public:
  /// `names`: of the columns, in their order.
  explicit Latency(std::vector<std::string> names);
  /// Seconds of one pass, a column each.
  void add(const std::vector<double>& seconds);
  /// Lines "task  passes  least  p50  p99" in milliseconds.
  std::string table() const;

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<double>> seconds_;
};

}  // namespace weft::runner
