// The kinds of head.
#include "models/heads.h"

#include "ops/dropout.h"
#include "ops/pointwise.h"
#include "ops/reduce.h"
#include "ops/reshape.h"
#include "ops/top_k.h"

namespace weft {
namespace {

/// Behind every hidden layer.
Var relu_and_drop(const Pass& pass, Var x, double dropout, const std::string& name) {
  if (!pass.training || dropout == 0) return relu(std::move(x));
  return relu_dropout(x, dropout, pass.noise, name);
}

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
      const Var h1 = relu_and_drop(pass, b.conv1(pass, x), dropout_, b.name + ".drop1");
      const Var h2 = relu_and_drop(pass, b.conv2(pass, h1), dropout_, b.name + ".drop2");
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

class KMaxHead final : public Head {
 public:
  KMaxHead(ParameterStore& store, const std::string& name, int64_t in, int64_t out,
           const HeadOptions& options, const Init& init)
      : name_("heads." + name),
        k_(options.k_max),
        in_(k_ * in),
        width_(options.width),
        out_(out),
        dropout_(options.dropout),
        fc1_(store, name_ + ".fc1", in_, width_, init),
        fc2_(store, name_ + ".fc2", width_, width_, init),
        fc_(store, name_ + ".fc", width_, out, init) {}
  Var operator()(Pass& pass, const Var& x) const override {
    const LayerScope scope(name_);
    const Shape& s = x.shape();
    const Var places = reshape(x, {s[0], s[1] * s[2], s[3]});
    const Var largest = reshape(top_k(places, 1, k_), {s[0], in_});
    const Var h1 = relu_and_drop(pass, fc1_(pass, largest), dropout_, name_ + ".drop1");
    const Var h2 = relu_and_drop(pass, fc2_(pass, h1), dropout_, name_ + ".drop2");
    return reshape(fc_(pass, h2), {s[0], 1, 1, out_});
  }
  Macs cost(const Shape&) const override {
    const int64_t macs = width_ * (in_ + width_ + out_);
    return {macs, macs};
  }

 private:
  std::string name_;
  int64_t k_, in_, width_, out_;
  double dropout_;
  Linear fc1_, fc2_, fc_;
};

}  // namespace

std::unique_ptr<Head> make_head(ParameterStore& store, const std::string& name, int64_t in,
                                int64_t out, const HeadOptions& options, uint64_t seed) {
  const Init init{Init::Kind::uniform_fan_in, seed};
  if (options.image_label && options.k_max > 0)
    return std::make_unique<KMaxHead>(store, name, in, out, options, init);
  if (options.image_label) return std::make_unique<ImageHead>(store, name, in, out, init);
  if (!options.aspp) return std::make_unique<PixelHead>(store, name, in, out, init);
  return std::make_unique<AsppHead>(store, name, in, out, options, init);
}

}  // namespace weft
