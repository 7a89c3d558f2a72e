// The plain loops; see naive_per_input.h.
#include "tests/models/naive_per_input.h"

#include <algorithm>

namespace weft::test {
namespace {

constexpr int64_t strides[] = {1, 2, 1, 1}, dilations[] = {1, 1, 2, 4};

int64_t stride_of(int l) { return l % 2 == 0 ? strides[l / 2] : 1; }

Number add_positive(const Number& a, const Number& b) { return positive(a + b); }

}  // namespace

Map images_of(const Map& x, const std::vector<size_t>& which) {
  Map y(static_cast<int64_t>(which.size()), x.h, x.w, x.c);
  const auto each = static_cast<size_t>(x.h * x.w * x.c);
  for (size_t i = 0; i < which.size(); ++i)
    std::copy_n(x.values.begin() + static_cast<std::ptrdiff_t>(which[i] * each), each,
                y.values.begin() + static_cast<std::ptrdiff_t>(i * each));
  return y;
}

size_t NaivePerInput::policies() const {
  return net_.options().share.decisions == PolicyOf::task ? net_.options().tasks.size() : 1;
}

Map NaivePerInput::conv_bias(const std::string& name, const Map& x, int64_t kernel,
                             int64_t stride) const {
  Map y = net_.conv(name, x, kernel, stride, kernel / 2, 1);
  const Numbers& bias = net_.get(name + ".bias");
  for (size_t i = 0; i < y.values.size(); ++i)
    y.values[i] = positive(y.values[i] + bias[i % bias.size()]);
  return y;
}

Numbers NaivePerInput::logits(const Map& image) const {
  const Map x = conv_bias(
      "sharing.policy.conv3",
      conv_bias("sharing.policy.conv2", conv_bias("sharing.policy.conv1", image, 7, 4), 3, 2), 3,
      2);
  const Numbers &w = net_.get("sharing.policy.fc.weight"), &b = net_.get("sharing.policy.fc.bias");
  Numbers out;
  for (int64_t n = 0; n < x.n; ++n) {
    Numbers mean(static_cast<size_t>(x.c));
    for (int64_t c = 0; c < x.c; ++c) {
      Number sum;
      for (int64_t r = 0; r < x.h; ++r)
        for (int64_t q = 0; q < x.w; ++q) sum = sum + x.at(n, r, q, c);
      mean[static_cast<size_t>(c)] = 1.0 / static_cast<double>(x.h * x.w) * sum;
    }
    for (size_t o = 0; o < b.size(); ++o) {
      Number z = b[o];
      for (size_t c = 0; c < mean.size(); ++c) z = z + w[o * mean.size() + c] * mean[c];
      out.push_back(z);
    }
  }
  return out;
}

Map NaivePerInput::by_running(const std::string& name, const Map& x, bool relu) const {
  Map y(x.n, x.h, x.w, x.c);
  const auto found = running_.find(name);
  for (size_t i = 0; i < y.values.size(); ++i) {
    const size_t c = i % static_cast<size_t>(x.c);
    const double mean = found == running_.end() ? 0 : found->second.first.at(c);
    const double var = found == running_.end() ? 1 : found->second.second.at(c);
    const Number v =
        1 / std::sqrt(var + 1e-5) * ((x.values[i] - Number{mean}) * net_.get(name + ".weight")[c]) +
        net_.get(name + ".bias")[c];
    y.values[i] = relu ? positive(v) : v;
  }
  return y;
}

Map NaivePerInput::stem_by_running(const Map& image) const {
  return max_pool(by_running("bn1", net_.conv("conv1", image, 7, 2, 3, 1), true), 3, 2, 1);
}

Map NaivePerInput::block(const std::string& prefix, int l, const Map& x, bool running,
                         int function) const {
  const int64_t stride = stride_of(l), dilation = dilations[l / 2];
  const std::string place = fmt::format("{}layer{}.{}", prefix, l / 2 + 1, l % 2);
  const std::string name = function == 0 ? place : fmt::format("{}.f{}", place, function);
  const auto norm = [&](const std::string& of, const Map& in, bool relu) {
    return running ? by_running(of, in, relu) : net_.norm(of, in, relu);
  };
  const Map h =
      norm(name + ".bn1", net_.conv(name + ".conv1", x, 3, stride, dilation, dilation), true);
  const Map f = norm(name + ".bn2", net_.conv(name + ".conv2", h, 3, 1, dilation, dilation), false);
  const std::string down = place + ".downsample.";
  const Map r = net_.has(down + "0.weight")
                    ? norm(down + "1", net_.conv(down + "0", x, 1, stride, 0, 1), false)
                    : x;
  return combine(f, r, add_positive);
}

std::string row_key(size_t image, const std::vector<uint8_t>& decisions) {
  std::string key = fmt::format("{}:", image);
  for (const uint8_t taken : decisions) key += static_cast<char>('0' + taken);
  return key;
}

std::map<std::string, Map> naive_rows(const NaiveNet& net, const Map& image,
                                      const Decisions& decisions) {
  std::vector<std::string> keys;
  for (size_t n = 0; n < decisions[0].size(); ++n) keys.push_back(row_key(n, {}));
  Map x = net.stem("", image);
  for (size_t l = 0; l < decisions[0][0].size(); ++l) {
    const int64_t stride = stride_of(static_cast<int>(l)), dilation = dilations[l / 2];
    const std::string place = fmt::format("layer{}.{}", l / 2 + 1, l % 2);
    const Map r = net.shortcut(place, x, stride);
    const auto goes = [&](const std::string& key, uint8_t taken) {
      for (const auto& policy : decisions)
        for (size_t n = 0; n < policy.size(); ++n) {
          const auto end = policy[n].begin() + static_cast<std::ptrdiff_t>(l);
          if (policy[n][l] == taken && row_key(n, {policy[n].begin(), end}) == key) return true;
        }
      return false;
    };
    std::vector<std::string> next;
    std::vector<Map> maps;
    for (uint8_t taken = 0; taken < 10; ++taken) {
      std::vector<size_t> run;
      for (size_t i = 0; i < keys.size(); ++i)
        if (goes(keys[i], taken)) run.push_back(i);
      if (run.empty()) continue;
      Map y = images_of(r, run);
      if (taken > 0) {
        const bool functions = net.has(fmt::format("{}.f1.conv1.weight", place));
        const std::string name = functions ? fmt::format("{}.f{}", place, taken) : place;
        const Map h = net.norm(
            name + ".bn1",
            net.conv(name + ".conv1", images_of(x, run), 3, stride, dilation, dilation), true);
        const Map f =
            net.norm(name + ".bn2", net.conv(name + ".conv2", h, 3, 1, dilation, dilation), false);
        y = combine(f, y, add_positive);
      }
      for (size_t i = 0; i < run.size(); ++i) {
        next.push_back(keys[run[i]] + static_cast<char>('0' + taken));
        maps.push_back(images_of(y, {i}));
      }
    }
    x = Map(static_cast<int64_t>(maps.size()), r.h, r.w, r.c);
    auto to = x.values.begin();
    for (const Map& m : maps) to = std::copy(m.values.begin(), m.values.end(), to);
    keys = next;
  }
  std::map<std::string, Map> out;
  for (size_t i = 0; i < keys.size(); ++i) out.emplace(keys[i], images_of(x, {i}));
  return out;
}

}  // namespace weft::test
