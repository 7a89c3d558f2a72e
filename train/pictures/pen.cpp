// Coverage of a pixel by a stroke: half the width, less the distance of the pixel's centre from the
// nearest segment, softened over one pixel.
#include "train/pictures/pen.h"

#include <algorithm>
#include <cmath>

#include "train/pictures/font.h"

namespace weft {

Pen::Pen(Picture& picture)
    : picture_(picture),
      clip_{0, 0, static_cast<double>(picture.width), static_cast<double>(picture.height)},
      coverage_(static_cast<size_t>(picture.width) * picture.height) {
  x0_ = picture.width;
  y0_ = picture.height;
}

void Pen::cover(const Point& a, const Point& b, double radius) {
  const double reach = radius + 1;
  const int left =
      std::max<int>(0, static_cast<int>(std::max(std::min(a[0], b[0]) - reach, clip_.left)));
  const int top =
      std::max<int>(0, static_cast<int>(std::max(std::min(a[1], b[1]) - reach, clip_.top)));
  const int right = std::min<int>(
      picture_.width,
      static_cast<int>(std::ceil(std::min(std::max(a[0], b[0]) + reach, clip_.right))));
  const int bottom = std::min<int>(
      picture_.height,
      static_cast<int>(std::ceil(std::min(std::max(a[1], b[1]) + reach, clip_.bottom))));
  if (left >= right || top >= bottom) return;
  const double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      const double px = x + 0.5 - a[0], py = y + 0.5 - a[1];
      const double along = length > 0 ? std::clamp((px * dx + py * dy) / length, 0.0, 1.0) : 0;
      const double distance = std::hypot(px - along * dx, py - along * dy);
      float& covered = coverage_[static_cast<size_t>(y) * picture_.width + x];
      covered =
          std::max(covered, static_cast<float>(std::clamp(radius + 0.5 - distance, 0.0, 1.0)));
    }
  x0_ = std::min(x0_, left);
  y0_ = std::min(y0_, top);
  x1_ = std::max(x1_, right);
  y1_ = std::max(y1_, bottom);
}

void Pen::paint(const Rgb& colour, double opacity) {
  for (int y = y0_; y < y1_; ++y)
    for (int x = x0_; x < x1_; ++x) {
      float& covered = coverage_[static_cast<size_t>(y) * picture_.width + x];
      const float share = covered * static_cast<float>(opacity);
      float* pixel = picture_.at(y, x);
      for (size_t c = 0; c < 3; ++c) pixel[c] += share * (colour[c] - pixel[c]);
      covered = 0;
    }
  x0_ = picture_.width;
  y0_ = picture_.height;
  x1_ = y1_ = 0;
}

void Pen::stroke(const std::vector<Point>& path, double width, const Rgb& colour, double opacity) {
  if (path.size() == 1) cover(path[0], path[0], width / 2);
  for (size_t i = 1; i < path.size(); ++i) cover(path[i - 1], path[i], width / 2);
  paint(colour, opacity);
}

double Pen::text_width(const std::string& text, double dot) {
  return std::max(0.0, 6.0 * static_cast<double>(text.size()) - 1) * dot;
}

void Pen::write(const Point& at, const std::string& text, double dot, const Rgb& colour,
                Anchor anchor) {
  const double width = text_width(text, dot);
  const double start = at[0] - (anchor == Anchor::left     ? 0
                                : anchor == Anchor::middle ? width / 2
                                                           : width);
  for (size_t i = 0; i < text.size(); ++i) {
    const std::array<uint8_t, 7> rows = glyph(text[i]);
    const auto on = [&](int r, int c) {
      return r >= 0 && r < 7 && c >= 0 && c < 5 &&
             (rows[static_cast<size_t>(r)] >> (4 - c) & 1) != 0;
    };
    const auto place = [&](int r, int c) {
      return Point{start + (6.0 * static_cast<double>(i) + c + 0.5) * dot, at[1] + (r + 0.5) * dot};
    };
    for (int r = 0; r < 7; ++r)
      for (int c = 0; c < 5; ++c) {
        if (!on(r, c)) continue;
        cover(place(r, c), place(r, c), 0.42 * dot);
        // A diagonal is a stroke only where no corner joins its ends already.
        for (const auto& [dr, dc] : {std::pair{0, 1}, {1, 0}, {1, 1}, {1, -1}})
          if (on(r + dr, c + dc) && (dr * dc == 0 || (!on(r, c + dc) && !on(r + dr, c))))
            cover(place(r, c), place(r + dr, c + dc), 0.42 * dot);
      }
  }
  paint(colour, 1);
}

}  // namespace weft
