// The plain loops; see naive_net.h.
#include "tests/models/naive_net.h"

namespace weft::test {
namespace {

constexpr int stages = 4;
constexpr int64_t stage_stride[] = {1, 2, 1, 1}, stage_dilation[] = {1, 1, 2, 4};

std::string trunk_of(const TaskShape& task) { return "trunks." + task.name + "."; }

Map concat(const std::vector<Map>& maps) {
  int64_t channels = 0;
  for (const Map& m : maps) channels += m.c;
  Map y(maps[0].n, maps[0].h, maps[0].w, channels);
  int64_t begin = 0;
  for (const Map& m : maps) {
    for (int64_t i = 0; i < m.n; ++i)
      for (int64_t r = 0; r < m.h; ++r)
        for (int64_t q = 0; q < m.w; ++q)
          for (int64_t c = 0; c < m.c; ++c) y.at(i, r, q, begin + c) = m.at(i, r, q, c);
    begin += m.c;
  }
  return y;
}

/// Windows of `kernel` from -padding on, every `stride`; the last may stand out of the image.
Map max_pool(const Map& x, int64_t kernel, int64_t stride, int64_t padding) {
  const auto extent = [&](int64_t in) {
    int64_t out = (in + 2 * padding - kernel + stride - 1) / stride + 1;
    return (out - 1) * stride >= in + padding ? out - 1 : out;
  };
  Map y(x.n, extent(x.h), extent(x.w), x.c);
  for (int64_t i = 0; i < y.n; ++i)
    for (int64_t r = 0; r < y.h; ++r)
      for (int64_t q = 0; q < y.w; ++q)
        for (int64_t c = 0; c < y.c; ++c) {
          const Number* best = nullptr;
          for (int64_t a = 0; a < kernel; ++a)
            for (int64_t b = 0; b < kernel; ++b) {
              const int64_t row = r * stride - padding + a, column = q * stride - padding + b;
              if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
              const Number& here = x.at(i, row, column, c);
              if (best == nullptr || here.value > best->value) best = &here;
            }
          y.at(i, r, q, c) = *best;
        }
  return y;
}

/// Element by element.
template <class F>
Map combine(const Map& a, const Map& b, F&& f) {
  Map y(a.n, a.h, a.w, a.c);
  for (size_t i = 0; i < y.values.size(); ++i) y.values[i] = f(a.values[i], b.values[i]);
  return y;
}

/// sum_j weights[j] maps[j], or weights[j C + c] for channel c.
Map weighted(const std::vector<Map>& maps, const Numbers& weights) {
  Map y(maps[0].n, maps[0].h, maps[0].w, maps[0].c);
  const bool per_channel = weights.size() != maps.size();
  for (size_t i = 0; i < y.values.size(); ++i) {
    const size_t channels = static_cast<size_t>(y.c), c = i % channels;
    for (size_t j = 0; j < maps.size(); ++j)
      y.values[i] = y.values[i] + weights[per_channel ? j * channels + c : j] * maps[j].values[i];
  }
  return y;
}

Number dot(const Numbers& a, const Numbers& b) {
  Number sum;
  for (size_t i = 0; i < a.size(); ++i) sum = sum + a[i] * b[i];
  return sum;
}

}  // namespace

Map NaiveNet::conv(const std::string& name, const Map& x, int64_t kernel, int64_t stride,
                   int64_t padding, int64_t dilation) const {
  const Numbers& weight = get(name + ".weight");
  const int64_t out = static_cast<int64_t>(weight.size()) / (kernel * kernel * x.c);
  const int64_t span = dilation * (kernel - 1) + 1;
  Map y(x.n, (x.h + 2 * padding - span) / stride + 1, (x.w + 2 * padding - span) / stride + 1, out);
  for (int64_t i = 0; i < y.n; ++i)
    for (int64_t r = 0; r < y.h; ++r)
      for (int64_t q = 0; q < y.w; ++q)
        for (int64_t k = 0; k < out; ++k) {
          Number sum;
          for (int64_t a = 0; a < kernel; ++a)
            for (int64_t b = 0; b < kernel; ++b) {
              const int64_t row = r * stride - padding + a * dilation;
              const int64_t column = q * stride - padding + b * dilation;
              if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
              for (int64_t c = 0; c < x.c; ++c)
                sum = sum + weight[static_cast<size_t>(((k * kernel + a) * kernel + b) * x.c + c)] *
                                x.at(i, row, column, c);
            }
          y.at(i, r, q, k) = sum;
        }
  return y;
}

Map NaiveNet::norm(const std::string& name, const Map& x, bool relu, double eps) const {
  Map y(x.n, x.h, x.w, x.c);
  const auto channels = static_cast<size_t>(x.c);
  const double share = 1.0 / static_cast<double>(x.n * x.h * x.w);
  for (size_t c = 0; c < channels; ++c) {
    Number sum, squares;
    for (size_t i = c; i < x.values.size(); i += channels) sum = sum + x.values[i];
    const Number mean = share * sum;
    for (size_t i = c; i < x.values.size(); i += channels) {
      const Number d = x.values[i] - mean;
      squares = squares + d * d;
    }
    const Number invstd = inverse(root(share * squares + Number{eps}));
    for (size_t i = c; i < x.values.size(); i += channels) {
      const Number v =
          (x.values[i] - mean) * invstd * get(name + ".weight")[c] + get(name + ".bias")[c];
      y.values[i] = relu ? positive(v) : v;
    }
  }
  return y;
}

Map NaiveNet::stem(const std::string& prefix, const Map& image) const {
  return max_pool(norm(prefix + "bn1", conv(prefix + "conv1", image, 7, 2, 3, 1), true), 3, 2, 1);
}

Map NaiveNet::shortcut(const std::string& name, const Map& x, int64_t stride) const {
  if (parameters_.count(name + ".downsample.0.weight") == 0) return x;
  return norm(name + ".downsample.1", conv(name + ".downsample.0", x, 1, stride, 0, 1), false);
}

Map NaiveNet::block(const std::string& name, const Map& x, int64_t stride, int64_t dilation) const {
  const Map h = norm(name + ".bn1", conv(name + ".conv1", x, 3, stride, dilation, dilation), true);
  const Map f = norm(name + ".bn2", conv(name + ".conv2", h, 3, 1, dilation, dilation), false);
  return combine(f, shortcut(name, x, stride),
                 [](const Number& a, const Number& b) { return positive(a + b); });
}

Map NaiveNet::block_of(const std::string& prefix, int s, int b, const Map& x) const {
  return block(fmt::format("{}layer{}.{}", prefix, s + 1, b), x, b == 0 ? stage_stride[s] : 1,
               stage_dilation[s]);
}

Map NaiveNet::stage(const std::string& prefix, int s, const Map& x) const {
  return block_of(prefix, s, 1, block_of(prefix, s, 0, x));
}

Map NaiveNet::head(const std::string& task, const Map& x) const {
  Map y = conv("heads." + task + ".fc", x, 1, 1, 0, 1);
  const Numbers& bias = get("heads." + task + ".fc.bias");
  for (size_t i = 0; i < y.values.size(); ++i) y.values[i] = y.values[i] + bias[i % bias.size()];
  return y;
}

std::vector<Map> NaiveNet::task_stems(const Map& image) const {
  std::vector<Map> x;
  for (const TaskShape& task : options_.tasks) x.push_back(stem(trunk_of(task), image));
  return x;
}

std::vector<Map> NaiveNet::task_stages(int s, const std::vector<Map>& x) const {
  std::vector<Map> y;
  for (size_t k = 0; k < x.size(); ++k) y.push_back(stage(trunk_of(options_.tasks[k]), s, x[k]));
  return y;
}

std::vector<Map> NaiveNet::hard(const Map& image) const {
  Map x = stem("", image);
  for (int s = 0; s < stages; ++s) x = stage("", s, x);
  return std::vector<Map>(options_.tasks.size(), x);
}

std::vector<Map> NaiveNet::adashare(const Map& image, const std::vector<Numbers>& select) const {
  std::vector<Map> out;
  for (const Numbers& p : select) {
    Map x = stem("", image);
    for (int l = 0; l < 2 * stages; ++l) {
      const int s = l / 2, b = l % 2;
      const Map f = block_of("", s, b, x);
      const Map r = shortcut(fmt::format("layer{}.{}", s + 1, b), x, b == 0 ? stage_stride[s] : 1);
      const auto at = static_cast<size_t>(2 * l);
      x = weighted({f, r}, {p[at], p[at + 1]});
    }
    out.push_back(x);
  }
  return out;
}

std::vector<Map> NaiveNet::side_by_side(const Map& image) const {
  std::vector<Map> x = task_stems(image);
  for (int s = 0; s < stages; ++s) x = task_stages(s, x);
  return x;
}

std::vector<Map> NaiveNet::cross_stitch(const Map& image) const {
  std::vector<Map> x = task_stems(image);
  for (int s = 0; s < stages; ++s) {
    const std::vector<Map> y = task_stages(s, x);
    for (size_t k = 0; k < x.size(); ++k)
      x[k] =
          weighted(y, get(fmt::format("sharing.stitch.stage{}.{}", s + 1, options_.tasks[k].name)));
  }
  return x;
}

std::vector<Map> NaiveNet::sluice(const Map& image) const {
  const int64_t parts = options_.share.subspaces;
  std::vector<Map> x = task_stems(image);
  std::vector<std::vector<Map>> seen(x.size());
  for (int s = 0; s < stages; ++s) {
    std::vector<Map> subspaces;
    for (const Map& y : task_stages(s, x))
      for (int64_t t = 0; t < parts; ++t) {
        subspaces.emplace_back(y.n, y.h, y.w, y.c / parts);
        Map& part = subspaces.back();
        for (size_t i = 0; i < part.values.size(); ++i) {
          const auto c = static_cast<int64_t>(i) % part.c, pixel = static_cast<int64_t>(i) / part.c;
          part.values[i] = y.values[static_cast<size_t>(pixel * y.c + t * part.c + c)];
        }
      }
    for (size_t k = 0; k < x.size(); ++k) {
      const std::string& task = options_.tasks[k].name;
      std::vector<Map> mixed;
      for (int64_t t = 0; t < parts; ++t)
        mixed.push_back(
            weighted(subspaces, get(fmt::format("sharing.stitch.stage{}.{}.{}", s + 1, task, t))));
      x[k] = concat(mixed);
      const std::string project = fmt::format("sharing.project.stage{}.{}", s + 1, task);
      seen[k].push_back(s + 1 < stages ? conv(project, x[k], 1, s == 0 ? 2 : 1, 0, 1) : x[k]);
    }
  }
  std::vector<Map> out;
  for (size_t k = 0; k < x.size(); ++k)
    out.push_back(weighted(seen[k], get("sharing.stitch.layers." + options_.tasks[k].name)));
  return out;
}

std::vector<Map> NaiveNet::nddr(const Map& image) const {
  std::vector<Map> x = task_stems(image);
  for (int s = 0; s < stages; ++s) {
    const Map all = concat(task_stages(s, x));
    for (size_t k = 0; k < x.size(); ++k) {
      const std::string name =
          fmt::format("sharing.stitch.stage{}.{}", s + 1, options_.tasks[k].name);
      x[k] = norm(name + ".bn", conv(name + ".conv", all, 1, 1, 0, 1), true, 1e-3);
    }
  }
  return x;
}

std::vector<Map> NaiveNet::mtan(const Map& image) const {
  Map x = stem("", image);
  std::vector<Map> a, g;
  for (int s = 0; s < stages; ++s) {
    const Map u = block_of("", s, 0, x);
    x = block_of("", s, 1, u);
    a.clear();
    for (size_t k = 0; k < options_.tasks.size(); ++k) {
      const std::string name =
          fmt::format("sharing.mask.stage{}.{}", s + 1, options_.tasks[k].name);
      const Map seen = s == 0 ? u : concat({u, g[k]});
      const Map h = norm(name + ".bn1", conv(name + ".conv1", seen, 1, 1, 0, 1), true);
      const Map logits = norm(name + ".bn2", conv(name + ".conv2", h, 1, 1, 0, 1), false);
      a.push_back(
          combine(logits, x, [](const Number& m, const Number& p) { return sigmoid(m) * p; }));
    }
    g.clear();
    for (size_t k = 0; s + 1 < stages && k < a.size(); ++k) {
      const Map y = block(fmt::format("sharing.next.stage{}", s + 1), a[k], 1, 1);
      g.push_back(s == 0 ? max_pool(y, 2, 2, 0) : y);
    }
  }
  return a;
}

/// Between every two tasks' weights of layer2 and of every conv2.
Number NaiveNet::distances() const {
  Number total;
  size_t pair = 0;
  for (size_t i = 0; i < options_.tasks.size(); ++i)
    for (size_t j = i + 1; j < options_.tasks.size(); ++j, ++pair)
      for (int s = 0; s < stages; ++s)
        for (int b = 0; b < 2; ++b)
          for (const char* layer : {"conv1", "conv2", "downsample.0"}) {
            const std::string name = fmt::format("layer{}.{}.{}.weight", s + 1, b, layer);
            const std::string of_i = trunk_of(options_.tasks[i]) + name;
            if (parameters_.count(of_i) == 0) continue;
            if (s != 1 && std::string(layer) != "conv2") continue;
            const Numbers& w = get(of_i);
            const Numbers& v = get(trunk_of(options_.tasks[j]) + name);
            Number d;
            if (options_.share.distance == Distance::trace) {
              // (s1 + s2)^2 = tr G + 2 sqrt(det G), G the 2 x 2 Gram matrix.
              const Number ww = dot(w, w), vv = dot(v, v), wv = dot(w, v);
              d = root(ww + vv + 2.0 * root(ww * vv - wv * wv));
            } else {
              for (size_t e = 0; e < w.size(); ++e) d = d + (w[e] - v[e]) * (w[e] - v[e]);
              if (options_.share.distance == Distance::l2) d = root(d);
            }
            total = total + options_.share.pair_weights[pair] * d;
          }
  return options_.share.weight * total;
}

/// ||G_s G_t^T||_F^2 of the convolutions that end a stage.
Number NaiveNet::overlaps() const {
  Number total;
  for (const TaskShape& task : options_.tasks)
    for (int s = 0; s < stages; ++s) {
      const Numbers& w = get(fmt::format("{}layer{}.1.conv2.weight", trunk_of(task), s + 1));
      const auto filters = static_cast<size_t>(std::llround(std::sqrt(w.size() / 9)));
      const size_t parts = static_cast<size_t>(options_.share.subspaces), each = filters / parts;
      for (size_t f = 0; f < filters; ++f)
        for (size_t g = 0; g < filters; ++g) {
          if (f / each >= g / each) continue;
          Number inner;
          for (size_t e = 0; e < 9 * filters; ++e)
            inner = inner + w[f * 9 * filters + e] * w[g * 9 * filters + e];
          total = total + inner * inner;
        }
    }
  return options_.share.orthogonality * total;
}

NaiveOutput NaiveNet::forward(const Map& image, const std::vector<Numbers>& select) const {
  const Sharing way = options_.sharing;
  const std::vector<Map> features = way == Sharing::hard           ? hard(image)
                                    : way == Sharing::adashare     ? adashare(image, select)
                                    : way == Sharing::cross_stitch ? cross_stitch(image)
                                    : way == Sharing::sluice       ? sluice(image)
                                    : way == Sharing::nddr         ? nddr(image)
                                    : way == Sharing::mtan         ? mtan(image)
                                                                   : side_by_side(image);
  NaiveOutput out;
  for (size_t k = 0; k < features.size(); ++k)
    out.predictions.push_back(head(options_.tasks[k].name, features[k]));
  if (way == Sharing::soft) out.regulariser = distances();
  if (way == Sharing::sluice) out.regulariser = overlaps();
  return out;
}

}  // namespace weft::test
