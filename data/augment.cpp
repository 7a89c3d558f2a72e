// Resizing and random change of a sample; see augment.h.
#include "data/augment.h"

#include <cmath>

#include "data/hide.h"
#include "data/jitter.h"
#include "data/resize.h"

namespace weft {
namespace {

/// What is done to image and labels alike.
struct Plan {
  int height, width;              ///< after resizing and zooming
  int top, left, crop_h, crop_w;  ///< the cut, in those pixels
  bool flip;
  float zoom;
};

/// An offset of the cut: random where there is room, centred padding where there is none.
int offset(int size, int cut, double share) {
  if (size <= cut) return -((cut - size) / 2);
  return std::min(size - cut, static_cast<int>(share * (size - cut + 1)));
}

Plan make_plan(const Picture& image, const FitOptions& options, const Philox& noise) {
  const AugmentSpec& augment = options.augment;
  Plan plan{};
  const int height = options.height > 0 ? options.height : image.height;
  const int width = options.width > 0 ? options.width : image.width;
  const double span = augment.scale[1] - augment.scale[0];
  const double zoom = augment.scale[0] + span * noise.uniform(0);
  plan.zoom = static_cast<float>(zoom);
  plan.height = std::max(1, static_cast<int>(std::lround(height * zoom)));
  plan.width = std::max(1, static_cast<int>(std::lround(width * zoom)));
  plan.flip = augment.flip && noise.uniform(1) < 0.5;
  plan.crop_h = augment.crop[0] > 0 ? augment.crop[0] : height;
  plan.crop_w = augment.crop[1] > 0 ? augment.crop[1] : width;
  plan.top = offset(plan.height, plan.crop_h, noise.uniform(2));
  plan.left = offset(plan.width, plan.crop_w, noise.uniform(3));
  return plan;
}

Picture cut(const Picture& picture, const Plan& plan, float fill) {
  const Picture flipped = plan.flip ? mirror(picture) : picture;
  return crop(flipped, plan.top, plan.left, plan.crop_h, plan.crop_w, fill);
}

/// The depth of what is seen `zoom` times as large.
float nearer(float depth, float zoom, DepthUnit unit) {
  if (unit == DepthUnit::inverse) return depth * zoom;
  if (unit == DepthUnit::metres) return depth / zoom;
  const float range = 16 * std::log(2.0f);
  return std::log1p(std::expm1(depth * range) / zoom) / range;
}

}  // namespace

Sample fit_sample(Sample sample, const std::vector<TaskSpec>& tasks, const FitOptions& options,
                  const Philox& noise) {
  if (sample.image.height == 1 && sample.image.width == 1) return sample;  // a row of a table
  hide_characters(sample.image, options.augment, noise);
  const Plan plan = make_plan(sample.image, options, noise);
  jitter_colours(sample.image, options.augment, noise);
  sample.image = cut(resize_bilinear(sample.image, plan.height, plan.width), plan, 0);
  for (size_t k = 0; k < sample.labels.size(); ++k) {
    Picture& label = sample.labels[k];
    if (label.empty() || tasks[k].image_label()) continue;
    label = cut(resize_nearest(label, plan.height, plan.width, /*floor=*/!options.sound), plan,
                invalid_pixel);
    const bool negates_x = options.sound || options.negates_x;
    if (tasks[k].kind == TaskKind::normals && plan.flip && negates_x) {
      for (size_t i = 0; i < label.pixels.size(); i += 3) label.pixels[i] = -label.pixels[i];
    }
    if (tasks[k].kind == TaskKind::depth && plan.zoom != 1 && options.sound) {
      for (float& depth : label.pixels) depth = nearer(depth, plan.zoom, options.depth_unit);
    }
  }
  return sample;
}

}  // namespace weft
