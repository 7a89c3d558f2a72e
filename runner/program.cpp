// Program: the layout, and a pass node by node.
#include "runner/program.h"

#include <chrono>
#include <cmath>

#include "engine/error.h"
#include "runner/winograd.h"

namespace weft::runner {
namespace {

int64_t pixels_of(const Shape& s) { return s[0] * s[1]; }

/// As the C source and weft's own functors have them (train/export/c_kernels.cpp).
float function_of(NodeKind kind, float v) {
  switch (kind) {
    case NodeKind::sigmoid:
      return 1.0f / (1.0f + std::exp(-v));
    case NodeKind::tanh:
      return std::tanh(v);
    case NodeKind::silu:
      return v / (1.0f + std::exp(-v));
    case NodeKind::softplus:
      return std::max(v, 0.0f) + std::log1p(std::exp(-std::abs(v)));
    case NodeKind::gelu:
      return 0.5f * v * (1.0f + std::erf(0.70710678118654752440f * v));
    default:
      throw Error(fmt::format("weft-run: '{}' is no function of one x", name_of(kind)));
  }
}

/// Over H and W, in f64.
void mean(const float* x, int64_t pixels, int64_t channels, float* y) {
  std::vector<double> sum(static_cast<size_t>(channels));
  for (int64_t i = 0; i < pixels; ++i, x += channels)
    for (size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(x[c]);
  for (size_t c = 0; c < sum.size(); ++c)
    y[c] = static_cast<float>(sum[c] / static_cast<double>(pixels));
}

/// table [ids, channels] at each place's id (train/export/c_kernels.cpp).
void embedding(const float* x, const Tensor& table, float* y, int64_t places) {
  const int64_t channels = table.shape()[1];
  const auto last = static_cast<float>(table.shape()[0] - 1);
  for (int64_t i = 0; i < places; ++i) {
    const float id = std::min(x[i] > 0 ? x[i] : 0.0f, last);
    std::copy_n(table.data<float>() + std::lround(id) * channels, channels, y + i * channels);
  }
}

/// y[j][c]: the j-th largest x[place][c], by inserting one after the other.
void top_k(const float* x, float* y, int64_t places, int64_t channels, int64_t k) {
  for (int64_t i = 0; i < places; ++i, x += channels)
    for (int64_t c = 0; c < channels; ++c) {
      int64_t j = std::min(i, k);
      for (; j > 0 && x[c] > y[(j - 1) * channels + c]; --j)
        if (j < k) y[j * channels + c] = y[(j - 1) * channels + c];
      if (j < k) y[j * channels + c] = x[c];
    }
}

/// n channels of every pixel; pixels of x and y are `from` and `to` apart.
void copy_channels(const float* x, int64_t from, float* y, int64_t to, int64_t pixels, int64_t n) {
  for (int64_t i = 0; i < pixels; ++i, x += from, y += to) std::copy_n(x, n, y);
}

}  // namespace

Program::Program(const ExportedNetwork& network, const Kernels& kernels, Workers& workers)
    : kernels_(kernels), workers_(workers) {
  int64_t widest = 0;
  for (const ExportedNode& node : network.nodes)
    if (node.kind == NodeKind::conv || node.kind == NodeKind::linear)
      widest = std::max(widest, node.weights[0].shape()[0]);
  zeros_ = Floats(widest);
  resize(network);
}

void Program::resize(const ExportedNetwork& network) {
  FusedNetwork made = fused(network);
  network_ = std::move(made.network);
  relu_ = std::move(made.relu);
  plan_ = plan_memory(network_);
  input_ = Floats(input_shape().numel());
  memory_ = Floats(plan_.floats);
  seconds_.assign(network_.nodes.size(), 0);
  prepare();
  leads_.clear();
  for (const ExportedOutput& out : network_.outputs) {
    std::vector<bool> leads(network_.nodes.size());
    leads[static_cast<size_t>(out.node)] = true;
    for (size_t i = leads.size(); i-- > 0;)
      if (leads[i])
        for (const int input : network_.nodes[i].inputs) leads[static_cast<size_t>(input)] = true;
    leads_.push_back(std::move(leads));
  }
}

const float* Program::value(int node) const {
  return node == 0 ? input_.data() : memory_.data() + plan_.offset[static_cast<size_t>(node)];
}

std::vector<Program::Output> Program::outputs() const {
  std::vector<Output> out;
  for (const ExportedOutput& o : network_.outputs)
    out.push_back({o.task, network_.nodes[static_cast<size_t>(o.node)].shape, value(o.node)});
  return out;
}

std::vector<double> Program::seconds_of_outputs() const {
  std::vector<double> out;
  for (const std::vector<bool>& leads : leads_) {
    out.push_back(0);
    for (size_t i = 0; i < leads.size(); ++i)
      if (leads[i]) out.back() += seconds_[i];
  }
  return out;
}

double Program::seconds() const {
  double sum = 0;
  for (const double s : seconds_) sum += s;
  return sum;
}

template <class F>
void Program::over(int64_t n, int64_t least, const F& f) {
  const auto parts =
      static_cast<int>(std::clamp<int64_t>(n / std::max<int64_t>(1, least), 1, workers_.count()));
  workers_.for_parts(parts, [&](int i) { f(n * i / parts, n * (i + 1) / parts, i); });
}

/// All of it but places.
ConvWork Program::work_of(const ExportedNode& node) const {
  const Shape &x = network_.nodes[static_cast<size_t>(node.inputs[0])].shape, &y = node.shape;
  const Shape& w = node.weights[0].shape();
  const bool map = w.rank() == 4;  // else a linear layer's
  const Conv2dOptions& o = node.conv;
  ConvWork work{};
  work.height = x[0];
  work.width = x[1];
  work.channels = x[2];
  work.out_height = y[0];
  work.out_width = y[1];
  work.outs = y[2];
  work.kernel_h = map ? w[1] : 1;
  work.kernel_w = map ? w[2] : 1;
  work.stride_h = o.stride.h;
  work.stride_w = o.stride.w;
  work.padding_h = o.padding.h;
  work.padding_w = o.padding.w;
  work.dilation_h = o.dilation.h;
  work.dilation_w = o.dilation.w;
  work.groups = o.groups;
  return work;
}

WinogradLayout Program::layout_of(const ConvWork& work) const {
  return winograd_layout(kernels_, work, workers_.count());
}

/// Weights are packed once for each way that some size of inputs wants them, and stay.
void Program::prepare() {
  scratch_floats_ = kernels_.scratch;
  for (const ExportedNode& node : network_.nodes) {
    if (node.kind != NodeKind::conv) continue;
    const ConvWork work = work_of(node);
    const Tensor& weight = node.weights[0];
    const bool winograd = winograd_pays(work);
    if (winograd) scratch_floats_ = std::max(scratch_floats_, layout_of(work).scratch);
    const auto [place, fresh] = (winograd ? spread_ : packed_).try_emplace(key_of(work, weight));
    if (!fresh) continue;
    Floats& packed = place->second;
    if (winograd) {
      packed = Floats(winograd_size(kernels_, work.outs, work.channels));
      winograd_weights(kernels_, weight.data<float>(), work.outs, work.channels, packed.data());
    } else {
      const int64_t taps = weight.shape().inner(1);
      packed = Floats(packed_size(kernels_, work.outs, taps, work.groups));
      pack_weights(kernels_, weight.data<float>(), work.outs, taps, work.groups, packed.data());
    }
  }
  scratch_ = Floats(scratch_floats_ * workers_.count());
}

void Program::conv(size_t number) {
  const ExportedNode& node = network_.nodes[number];
  const Tensor& weight = node.weights[0];
  ConvWork work = work_of(node);
  work.x = value(node.inputs[0]);
  work.bias = node.weights.size() > 1 ? node.weights[1].data<float>() : zeros_.data();
  work.residual = node.inputs.size() > 1 ? value(node.inputs[1]) : nullptr;
  work.y = place(number);
  work.relu = relu_[number];
  const auto scratch = [&](int part) { return scratch_.data() + part * scratch_floats_; };
  if (winograd_pays(work)) {
    work.weights = spread_.at(key_of(work, weight)).data();
    const WinogradLayout layout = layout_of(work);
    over(layout.tiles, 1 + 100'000 / (4 * weight.shape().numel()),
         [&](int64_t begin, int64_t end, int part) {
           kernels_.winograd(work, layout, begin, end, scratch(part));
         });
    return;
  }
  work.weights = packed_.at(key_of(work, weight)).data();
  over(work.out_height, 1 + 100'000 / (work.out_width * weight.shape().numel()),
       [&](int64_t begin, int64_t end, int part) {
         kernels_.conv(work, begin, end, scratch(part));
       });
}

void Program::run(size_t number) {
  constexpr int64_t floats_a_thread = 16'384;
  const ExportedNode& node = network_.nodes[number];
  const Shape& x = network_.nodes[static_cast<size_t>(node.inputs[0])].shape;
  const float* from = value(node.inputs[0]);
  float* to = place(number);
  const int64_t n = node.shape.numel(), channels = node.shape[2];
  switch (node.kind) {
    case NodeKind::input:
      return;
    case NodeKind::conv:
    case NodeKind::linear:
      return conv(number);
    case NodeKind::max_pool: {
      const PoolWork work{x[0],
                          x[1],
                          x[2],
                          node.shape[0],
                          node.shape[1],
                          node.pool.kernel,
                          node.pool.stride,
                          node.pool.padding,
                          from,
                          to};
      return over(node.shape[0], 1,
                  [&](int64_t begin, int64_t end, int) { kernels_.max_pool(work, begin, end); });
    }
    case NodeKind::mean:
      return mean(from, pixels_of(x), channels, to);
    case NodeKind::concat: {
      for (const int input : node.inputs) {
        const int64_t some = network_.nodes[static_cast<size_t>(input)].shape[2];
        copy_channels(value(input), some, to, channels, pixels_of(x), some);
        to += some;
      }
      return;
    }
    case NodeKind::slice:
      return copy_channels(from + node.begin, x[2], to, channels, pixels_of(x), channels);
    case NodeKind::embedding:
      return embedding(from, node.weights[0], to, x[1]);
    case NodeKind::top_k:
      return top_k(from, to, x[1], x[2], node.k);
    case NodeKind::affine:
      return over(pixels_of(x), floats_a_thread / channels, [&](int64_t begin, int64_t end, int) {
        const int64_t at = begin * channels;
        kernels_.affine(from + at, node.weights[0].data<float>(), node.weights[1].data<float>(),
                        to + at, end - begin, channels);
      });
    default:
      break;
  }
  over(n, floats_a_thread, [&](int64_t begin, int64_t end, int) {
    const int64_t some = end - begin;
    if (node.kind == NodeKind::relu) {
      kernels_.relu(from + begin, to + begin, some);
    } else if (node.kind == NodeKind::add) {
      kernels_.add(from + begin, value(node.inputs[1]) + begin, to + begin, some);
    } else if (node.kind == NodeKind::mul) {
      kernels_.mul(from + begin, value(node.inputs[1]) + begin, to + begin, some);
    } else if (node.kind == NodeKind::weighted_sum) {
      // A map whose place is the sum's comes first, before anything is written there.
      const auto* weights = node.weights[0].data<float>();
      const float* first = from;
      for (const int input : node.inputs)
        if (value(input) == to) first = to;
      float of_first = 0;
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (value(node.inputs[i]) == first) of_first += weights[i];
      kernels_.scaled(first + begin, of_first, to + begin, some, false);
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (const float* other = value(node.inputs[i]); other != first)
          kernels_.scaled(other + begin, weights[i], to + begin, some, true);
    } else {
      for (int64_t i = begin; i < end; ++i) to[i] = function_of(node.kind, from[i]);
    }
  });
}

void Program::run() {
  using Clock = std::chrono::steady_clock;
  auto before = Clock::now();
  for (size_t i = 1; i < network_.nodes.size(); ++i) {
    run(i);
    const auto now = Clock::now();
    seconds_[i] = std::chrono::duration<double>(now - before).count();
    before = now;
  }
}

}  // namespace weft::runner
