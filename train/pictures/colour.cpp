// Labels as RGB pictures; see colour.h.
#include "train/pictures/colour.h"

#include <algorithm>
#include <cmath>

namespace weft {
namespace {

using Colour = std::array<float, 3>;

/// Viridis at tenths of its range.
Colour viridis(float t) {
  constexpr int knots[10][3] = {{68, 1, 84},    {72, 40, 120},  {62, 74, 137},  {49, 104, 142},
                                {38, 130, 142}, {31, 158, 137}, {53, 183, 121}, {109, 205, 89},
                                {180, 222, 44}, {253, 231, 37}};
  const float at = std::clamp(t, 0.0f, 1.0f) * 9;
  const int i = std::min(8, static_cast<int>(at));
  Colour colour;
  for (int c = 0; c < 3; ++c) {
    colour[c] = (knots[i][c] + (knots[i + 1][c] - knots[i][c]) * (at - i)) / 255.0f;
  }
  return colour;
}

Colour no_label(int y, int x) {
  const float gray = (x + y) / 3 % 2 == 0 ? 0.16f : 0.22f;
  return {gray, gray, gray};
}

/// The least and the largest valid value.
std::array<float, 2> range_of(const Picture& picture) {
  std::array<float, 2> range{1e30f, -1e30f};
  for (float value : picture.pixels) {
    if (std::isnan(value)) continue;
    range = {std::min(range[0], value), std::max(range[1], value)};
  }
  return range;
}

Colour over_image(float value, const Picture* image, int y, int x, const Colour& bright) {
  Colour colour;
  const float v = std::clamp(value, 0.0f, 1.0f);
  for (int c = 0; c < 3; ++c) {
    const float below = image ? 0.35f * image->at(y, x)[image->channels == 1 ? 0 : c] : 0.0f;
    colour[c] = below + (bright[c] - below) * v;
  }
  return colour;
}

}  // namespace

std::array<float, 3> class_colour(int id) {
  // Twenty colours that are easy to tell apart, then the golden angle around the wheel.
  constexpr int known[20][3] = {{187, 190, 200}, {140, 99, 66},   {238, 238, 225}, {230, 159, 0},
                                {213, 94, 0},    {160, 50, 120},  {86, 120, 220},  {0, 114, 100},
                                {250, 225, 90},  {60, 160, 60},   {220, 40, 60},   {120, 200, 235},
                                {40, 60, 130},   {200, 130, 200}, {120, 120, 40},  {90, 50, 30},
                                {150, 220, 160}, {255, 150, 140}, {80, 80, 80},    {0, 180, 180}};
  if (id >= 0 && id < 20) {
    return {known[id][0] / 255.0f, known[id][1] / 255.0f, known[id][2] / 255.0f};
  }
  const float hue = std::fmod(0.618034f * static_cast<float>(id), 1.0f) * 6.2831853f;
  const float value = id % 3 == 0 ? 0.75f : id % 3 == 1 ? 0.5f : 0.35f;
  return {value * (1 + 0.45f * std::cos(hue)), value * (1 + 0.45f * std::cos(hue - 2.0944f)),
          value * (1 + 0.45f * std::cos(hue + 2.0944f))};
}

Picture colour_label(TaskKind kind, const Picture& label, const Picture* image, float nearest,
                     float farthest) {
  Picture out(label.height, label.width, 3);
  if (kind == TaskKind::depth && nearest == 0 && farthest == 0) {
    const auto [low, high] = range_of(label);
    nearest = low;
    farthest = high;
  }
  for (int y = 0; y < label.height; ++y) {
    for (int x = 0; x < label.width; ++x) {
      const float* value = label.at(y, x);
      Colour colour;
      if (std::isnan(value[0])) {
        colour = no_label(y, x);
      } else if (kind == TaskKind::normals) {
        colour = {value[0] * 0.5f + 0.5f, value[1] * 0.5f + 0.5f, value[2] * 0.5f + 0.5f};
      } else if (kind == TaskKind::depth || kind == TaskKind::regression) {
        const float span = std::max(farthest - nearest, 1e-6f);
        colour = viridis(1 - (value[0] - nearest) / span);
      } else if (kind == TaskKind::edges) {
        colour = over_image(value[0], image, y, x, {1, 1, 1});
      } else if (kind == TaskKind::keypoints) {
        colour = over_image(value[0], image, y, x, {1, 0.8f, 0.1f});
      } else {
        colour = class_colour(static_cast<int>(value[0]));
      }
      std::copy_n(colour.data(), 3, out.at(y, x));
    }
  }
  return out;
}

Picture overlay(const Picture& photograph, const Picture& colours) {
  Picture out = colours;
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x)
      for (int c = 0; c < 3; ++c)
        out.at(y, x)[c] =
            0.5f * (out.at(y, x)[c] + photograph.at(y, x)[photograph.channels == 1 ? 0 : c]);
  return out;
}

}  // namespace weft
