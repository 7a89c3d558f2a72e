// What a test saw, as SVG: who was taken for whom, what was predicted over what is so, how sure
// predictions are over how often they are right, and how labels are spread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "train/pictures/svg.h"

namespace weft {

/// counts[label][prediction], the last column: no class. The shade and, of few classes, the number in a
/// cell are the share of the row in percent; rows without a label are left out.
std::string draw_confusion(const std::string& title, const std::vector<std::string>& classes,
                           const std::vector<int64_t>& counts);

/// Two pictures in one: prediction over label with the diagonal, residual (prediction - label) over
/// label. `value`: what the numbers are.
std::string draw_scatter(const std::string& title, const std::string& value,
                         const std::vector<Point>& label_and_prediction);

/// A bin of predictions: how many, their mean confidence and the share that was right, 0..1.
struct Reliability {
  int64_t count = 0;
  double confidence = 0, right = 0;
};
/// Expected calibration error (Guo et al., 2017): sum over bins of share |right - confidence|, 0..1.
double calibration_error(const std::vector<Reliability>& bins);
/// Bars: the share that was right, over confidence; a pale part shows what lacks to the diagonal or
/// lies beyond it; below, how many predictions a bin holds.
std::string draw_reliability(const std::string& title, const std::vector<Reliability>& bins);

struct Bar {
  std::string name;
  double value = 0;
  Paint paint = Tone::soft;
};
/// A bar each, downwards, with its value and its share of the sum.
std::string draw_bars(const std::string& title, const std::vector<Bar>& bars);
/// Bins of one width from `least` to `most`.
std::string draw_histogram(const std::string& title, const std::string& value, double least,
                           double most, const std::vector<int64_t>& bins);

}  // namespace weft
