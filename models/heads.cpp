// The two kinds of head.
#include "models/heads.h"

#include "ops/dropout.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"

namespace weft {
namespace {

class AsppHead final : public Head {
 public:
  AsppHead(ParameterStore& store, const std::string& name, int64_t in, int64_t out,
           const HeadOptions& options, const Init& init)
      : dropout_(options.dropout) {
    for (int b = 0; b < 4; ++b) {
      const int dilation = 6 * (b + 1);
      const std::string branch = fmt::format("heads.{}.aspp{}", name, b);
      const int64_t d = options.width;
      branches_.push_back({branch,
                           Conv(store, branch + ".conv1", in, d, 3,
                                {.padding = dilation, .dilation = dilation}, true, init),
                           Conv(store, branch + ".conv2", d, d, 1, {}, true, init),
                           Conv(store, branch + ".conv3", d, out, 1, {}, true, init)});
    }
  }

  Var operator()(Pass& pass, const Var& x) const override {
    Var sum;
    for (const Branch& b : branches_) {
      const LayerScope scope(b.name);
      const Var h1 = drop(pass, b.conv1(pass, x), b.name + ".drop1");
      const Var h2 = drop(pass, b.conv2(pass, h1), b.name + ".drop2");
      const Var y = b.conv3(pass, h2);
      sum = sum.value().defined() ? add(sum, y) : y;
    }
    return sum;
  }

  Macs cost(const Shape& features) const override {
    Macs total;
    for (const Branch& b : branches_) {
      Shape x{1, features[0], features[1], features[2]};
      for (const Conv* conv : {&b.conv1, &b.conv2, &b.conv3}) total += conv_macs(*conv, x);
    }
    return total;
  }

 private:
  struct Branch {
    std::string name;
    Conv conv1, conv2, conv3;
  };

  Var drop(Pass& pass, const Var& x, const std::string& name) const {
    if (!pass.training || dropout_ == 0) return relu(x);
    return relu_dropout(x, dropout_, pass.noise, name);
  }

  double dropout_;
  std::vector<Branch> branches_;
};

class PixelHead final : public Head {
 public:
  PixelHead(ParameterStore& store, const std::string& name, int64_t in, int64_t out,
            const Init& init)
      : conv_(store, "heads." + name + ".fc", in, out, 1, {}, true, init) {}
  Var operator()(Pass& pass, const Var& x) const override { return conv_(pass, x); }
  Macs cost(const Shape& features) const override {
    Shape x{1, features[0], features[1], features[2]};
    return conv_macs(conv_, x);
  }

 private:
  Conv conv_;
};

class ImageHead final : public Head {
 public:
  ImageHead(ParameterStore& store, const std::string& name, int64_t in, int64_t out,
            const Init& init)
      : in_(in), out_(out), linear_(store, "heads." + name + ".fc", in, out, init) {}
  Var operator()(Pass& pass, const Var& x) const override {
    const int64_t n = x.shape()[0];
    const Var average = reshape(mean_over(x, {1, 2}), {n, in_});
    return reshape(linear_(pass, average), {n, 1, 1, out_});
  }
  Macs cost(const Shape&) const override { return {in_ * out_, in_ * out_}; }

 private:
  int64_t in_, out_;
  Linear linear_;
};

}  // namespace

std::unique_ptr<Head> make_head(ParameterStore& store, const std::string& name, int64_t in,
                                int64_t out, const HeadOptions& options, uint64_t seed) {
  const Init init{Init::Kind::uniform_fan_in, seed};
  if (options.image_label) return std::make_unique<ImageHead>(store, name, in, out, init);
  if (!options.aspp) return std::make_unique<PixelHead>(store, name, in, out, init);
  return std::make_unique<AsppHead>(store, name, in, out, options, init);
}

}  // namespace weft
