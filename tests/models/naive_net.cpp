// The plain loops; see naive_net.h.
#include "tests/models/naive_net.h"

#include "tests/models/ways.h"

namespace weft::test {
namespace {

constexpr int64_t stage_stride[] = {1, 2, 1, 1}, stage_dilation[] = {1, 1, 2, 4};

}  // namespace

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
  if (options_.trunk.small_stem)
    return norm(prefix + "bn1", conv(prefix + "conv1", image, 3, 1, 1, 1), true);
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

NaiveOutput NaiveNet::forward(const Map& image, const std::vector<Numbers>& select) const {
  const WayRow& row = row_of(options_.sharing);
  const std::vector<Map> features = row.features(*this, image, select);
  NaiveOutput out;
  for (size_t k = 0; k < features.size(); ++k)
    out.predictions.push_back(head(options_.tasks[k].name, features[k]));
  if (row.regulariser != nullptr) out.regulariser = row.regulariser(*this);
  return out;
}

}  // namespace weft::test
