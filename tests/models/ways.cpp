// The rows: every way's definition in plain loops, and what else tests hold it to.
#include "tests/models/ways.h"

#include "engine/glob.h"
#include "tests/models/naive_input_routing.h"
#include "tests/models/naive_spottune.h"

namespace weft::test {
namespace {

std::vector<Map> hard(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  Map x = net.stem("", image);
  for (int s = 0; s < stages; ++s) x = net.stage("", s, x);
  return std::vector<Map>(net.options().tasks.size(), x);
}

std::vector<Map> adashare(const NaiveNet& net, const Map& image,
                          const std::vector<Numbers>& select) {
  std::vector<Map> out;
  for (const Numbers& p : select) {
    Map x = net.stem("", image);
    for (int l = 0; l < 2 * stages; ++l) {
      const int s = l / 2, b = l % 2;
      const Map f = net.block_of("", s, b, x);
      const Map r = net.shortcut(fmt::format("layer{}.{}", s + 1, b), x, b == 0 && s == 1 ? 2 : 1);
      const auto at = static_cast<size_t>(2 * l);
      x = weighted({f, r}, {p[at], p[at + 1]});
    }
    out.push_back(x);
  }
  return out;
}

/// A block's output with the first `level` groups of its inner channels; at 0 its shortcut's.
Map nested(const NaiveNet& net, int l, const Map& x, int level) {
  constexpr int64_t stride[] = {1, 2, 1, 1}, dilation[] = {1, 1, 2, 4};
  const int64_t d = dilation[l / 2], step = l % 2 == 0 ? stride[l / 2] : 1;
  const std::string name = fmt::format("layer{}.{}", l / 2 + 1, l % 2);
  std::optional<Map> sum;
  for (int g = 0; g < level; ++g) {
    const std::string group = fmt::format(".g{}", g);
    const Map h =
        net.norm(name + ".bn1" + group, net.conv(name + ".conv1" + group, x, 3, step, d, d), true);
    const Map y = net.conv(name + ".conv2" + group, h, 3, 1, d, d);
    sum = sum ? combine(*sum, y, [](const Number& a, const Number& b) { return a + b; }) : y;
  }
  const Map r = net.shortcut(name, x, step);
  if (!sum) return r;
  return combine(net.norm(name + ".bn2", *sum, false), r,
                 [](const Number& a, const Number& b) { return positive(a + b); });
}

/// Of p [L, 2] a block whole or not at all; of p [L, 4] its levels from 100 % down.
std::vector<Map> den(const NaiveNet& net, const Map& image, const std::vector<Numbers>& select) {
  std::vector<Map> out;
  for (const Numbers& p : select) {
    const size_t choices = p.size() / (2 * stages);
    Map x = net.stem("", image);
    for (int l = 0; l < 2 * stages; ++l) {
      std::vector<Map> branches;
      const auto at = p.begin() + static_cast<std::ptrdiff_t>(choices) * l;
      for (int level : choices == 2 ? std::vector<int>{3, 0} : std::vector<int>{3, 2, 1, 0})
        branches.push_back(nested(net, l, x, level));
      x = weighted(branches, Numbers(at, at + static_cast<std::ptrdiff_t>(choices)));
    }
    out.push_back(x);
  }
  return out;
}

/// Of p [L, M]: each place mixes its function blocks.
std::vector<Map> routing(const NaiveNet& net, const Map& image,
                         const std::vector<Numbers>& select) {
  std::vector<Map> out;
  for (const Numbers& p : select) {
    const size_t functions = p.size() / (2 * stages);
    Map x = net.stem("", image);
    for (int l = 0; l < 2 * stages; ++l) {
      std::vector<Map> branches;
      for (size_t m = 1; m <= functions; ++m)
        branches.push_back(NaivePerInput(net).block("", l, x, false, static_cast<int>(m)));
      const auto at = p.begin() + static_cast<std::ptrdiff_t>(functions) * l;
      x = weighted(branches, Numbers(at, at + static_cast<std::ptrdiff_t>(functions)));
    }
    out.push_back(x);
  }
  return out;
}

std::vector<Map> side_by_side(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  std::vector<Map> x = net.task_stems(image);
  for (int s = 0; s < stages; ++s) x = net.task_stages(s, x);
  return x;
}

std::vector<Map> cross_stitch(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  std::vector<Map> x = net.task_stems(image);
  for (int s = 0; s < stages; ++s) {
    const std::vector<Map> y = net.task_stages(s, x);
    for (size_t k = 0; k < x.size(); ++k)
      x[k] = weighted(
          y, net.get(fmt::format("sharing.stitch.stage{}.{}", s + 1, net.options().tasks[k].name)));
  }
  return x;
}

std::vector<Map> sluice(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  const int64_t parts = net.options().share.subspaces;
  std::vector<Map> x = net.task_stems(image);
  std::vector<std::vector<Map>> seen(x.size());
  for (int s = 0; s < stages; ++s) {
    std::vector<Map> subspaces;
    for (const Map& y : net.task_stages(s, x))
      for (int64_t t = 0; t < parts; ++t) {
        subspaces.emplace_back(y.n, y.h, y.w, y.c / parts);
        Map& part = subspaces.back();
        for (size_t i = 0; i < part.values.size(); ++i) {
          const auto c = static_cast<int64_t>(i) % part.c, pixel = static_cast<int64_t>(i) / part.c;
          part.values[i] = y.values[static_cast<size_t>(pixel * y.c + t * part.c + c)];
        }
      }
    for (size_t k = 0; k < x.size(); ++k) {
      const std::string& task = net.options().tasks[k].name;
      std::vector<Map> mixed;
      for (int64_t t = 0; t < parts; ++t)
        mixed.push_back(weighted(
            subspaces, net.get(fmt::format("sharing.stitch.stage{}.{}.{}", s + 1, task, t))));
      x[k] = concat(mixed);
      const std::string project = fmt::format("sharing.project.stage{}.{}", s + 1, task);
      seen[k].push_back(s + 1 < stages ? net.conv(project, x[k], 1, s == 0 ? 2 : 1, 0, 1) : x[k]);
    }
  }
  std::vector<Map> out;
  for (size_t k = 0; k < x.size(); ++k)
    out.push_back(
        weighted(seen[k], net.get("sharing.stitch.layers." + net.options().tasks[k].name)));
  return out;
}

std::vector<Map> nddr(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  std::vector<Map> x = net.task_stems(image);
  for (int s = 0; s < stages; ++s) {
    const Map all = concat(net.task_stages(s, x));
    for (size_t k = 0; k < x.size(); ++k) {
      const std::string name =
          fmt::format("sharing.stitch.stage{}.{}", s + 1, net.options().tasks[k].name);
      x[k] = net.norm(name + ".bn", net.conv(name + ".conv", all, 1, 1, 0, 1), true, 1e-3);
    }
  }
  return x;
}

std::vector<Map> mtan(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  Map x = net.stem("", image);
  std::vector<Map> a, g;
  for (int s = 0; s < stages; ++s) {
    const Map u = net.block_of("", s, 0, x);
    x = net.block_of("", s, 1, u);
    a.clear();
    for (size_t k = 0; k < net.options().tasks.size(); ++k) {
      const std::string name =
          fmt::format("sharing.mask.stage{}.{}", s + 1, net.options().tasks[k].name);
      const Map seen = s == 0 ? u : concat({u, g[k]});
      const Map h = net.norm(name + ".bn1", net.conv(name + ".conv1", seen, 1, 1, 0, 1), true);
      const Map logits = net.norm(name + ".bn2", net.conv(name + ".conv2", h, 1, 1, 0, 1), false);
      a.push_back(
          combine(logits, x, [](const Number& m, const Number& p) { return sigmoid(m) * p; }));
    }
    g.clear();
    for (size_t k = 0; s + 1 < stages && k < a.size(); ++k) {
      const Map y = net.block(fmt::format("sharing.next.stage{}", s + 1), a[k], 1, 1);
      g.push_back(s == 0 ? max_pool(y, 2, 2, 0) : y);
    }
  }
  return a;
}

/// One policy for all tasks; spottune_test.cpp has one for each.
std::vector<Map> spottune(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  return std::vector<Map>(net.options().tasks.size(),
                          NaiveSpotTune(net).train(image, Noise{0, ways_step}).at(0));
}

std::vector<Map> input_routing(const NaiveNet& net, const Map& image, const std::vector<Numbers>&) {
  return std::vector<Map>(net.options().tasks.size(),
                          NaiveInputRouting(net).train(image, Noise{0, ways_step}).at(0));
}

/// Between every two tasks' weights of layer2 and of every conv2.
Number distances(const NaiveNet& net) {
  Number total;
  size_t pair = 0;
  for (size_t i = 0; i < net.options().tasks.size(); ++i)
    for (size_t j = i + 1; j < net.options().tasks.size(); ++j, ++pair)
      for (int s = 0; s < stages; ++s)
        for (int b = 0; b < 2; ++b)
          for (const char* layer : {"conv1", "conv2", "downsample.0"}) {
            const std::string name = fmt::format("layer{}.{}.{}.weight", s + 1, b, layer);
            const std::string of_i = trunk_of(net.options().tasks[i]) + name;
            if (!net.has(of_i)) continue;
            if (s != 1 && std::string(layer) != "conv2") continue;
            const Numbers& w = net.get(of_i);
            const Numbers& v = net.get(trunk_of(net.options().tasks[j]) + name);
            Number d;
            if (net.options().share.distance == Distance::trace) {
              // (s1 + s2)^2 = tr G + 2 sqrt(det G), G the 2 x 2 Gram matrix.
              const Number ww = dot(w, w), vv = dot(v, v), wv = dot(w, v);
              d = root(ww + vv + 2.0 * root(ww * vv - wv * wv));
            } else {
              for (size_t e = 0; e < w.size(); ++e) d = d + (w[e] - v[e]) * (w[e] - v[e]);
              if (net.options().share.distance == Distance::l2) d = root(d);
            }
            total = total + net.options().share.pair_weights[pair] * d;
          }
  return net.options().share.weight * total;
}

/// ||G_s G_t^T||_F^2 of the convolutions that end a stage.
Number overlaps(const NaiveNet& net) {
  Number total;
  for (const TaskShape& task : net.options().tasks)
    for (int s = 0; s < stages; ++s) {
      const Numbers& w = net.get(fmt::format("{}layer{}.1.conv2.weight", trunk_of(task), s + 1));
      const auto filters = static_cast<size_t>(std::llround(std::sqrt(w.size() / 9)));
      const size_t parts = static_cast<size_t>(net.options().share.subspaces),
                   each = filters / parts;
      for (size_t f = 0; f < filters; ++f)
        for (size_t g = 0; g < filters; ++g) {
          if (f / each >= g / each) continue;
          Number inner;
          for (size_t e = 0; e < 9 * filters; ++e)
            inner = inner + w[f * 9 * filters + e] * w[g * 9 * filters + e];
          total = total + inner * inner;
        }
    }
  return net.options().share.orthogonality * total;
}

// ---- what joins the trunks, in closed form --------------------------------------------------------

/// Sum over the stages of f(stage).
template <class F>
int64_t over_stages(F&& f) {
  int64_t total = 0;
  for (int s = 0; s < stages; ++s) total += f(s);
  return total;
}

constexpr auto& c = stage_channels;
constexpr auto& pixels = stage_pixels;

Joined cross_stitch_joined(int64_t k) {
  return {4 * k * k, over_stages([&](int s) { return k * k * pixels[s] * c[s]; })};
}

Joined sluice_joined(int64_t k) {
  constexpr int64_t parts = 2;
  const auto project = [&](int s) { return s < 3 ? c[s] * c[3] : 0; };
  return {4 * k * k * parts * parts + 4 * k + over_stages([&](int s) { return k * project(s); }),
          over_stages([&](int s) {
            return k * k * parts * pixels[s] * c[s] + k * pixels[3] * (c[3] + project(s));
          })};
}

Joined nddr_joined(int64_t k) {
  return {over_stages([&](int s) { return k * (k * c[s] * c[s] + 2 * c[s]); }),
          over_stages([&](int s) { return k * k * pixels[s] * c[s] * c[s]; })};
}

Joined mtan_joined(int64_t k) {
  const auto mask = [&](int s) { return (s == 0 ? 2 : 3) * c[s] * c[s]; };
  const auto next = [&](int s) {
    return s < 3 ? 10 * c[s] * c[s + 1] + 9 * c[s + 1] * c[s + 1] : 0;
  };
  return {over_stages([&](int s) {
            return k * (mask(s) + 4 * c[s]) + next(s) + (s < 3 ? 6 * c[s + 1] : 0);
          }),
          over_stages([&](int s) { return k * pixels[s] * (mask(s) + next(s)); })};
}

/// One more function block at each place: two 3x3 and two batch norms.
int64_t second_functions() {
  return over_stages([](int s) {
    const int64_t in = s == 0 ? c[0] : c[s - 1];
    return 9 * in * c[s] + 3 * 9 * c[s] * c[s] + 2 * 4 * c[s];
  });
}

/// The policy network: 7x7 / 4, 3x3 / 2 and 3x3 / 2 to 16, 32 and 64 channels, then 8 blocks.
Joined blockdrop_joined(int64_t) {
  constexpr int64_t first = 7 * 7 * 3 * 16, second = 9 * 16 * 32, third = 9 * 32 * 64;
  return {first + 16 + second + 32 + third + 64 + 64 * 8 + 8,
          17 * 13 * first + 9 * 7 * second + 5 * 4 * third + 64 * 8};
}

/// The policy network with two logits a block.
Joined input_routing_joined(int64_t k) {
  const Joined network = blockdrop_joined(k);
  return {network.parameters + 64 * 8 + 8, network.macs + 64 * 8};
}

/// The same, and a frozen copy of the blocks (their convolutions and batch norms; all but the first
/// stage have a projection).
Joined spottune_joined(int64_t k) {
  const Joined network = input_routing_joined(k);
  const auto stage = [&](int s) {
    const int64_t in = s == 0 ? c[0] : c[s - 1];
    return 9 * in * c[s] + 27 * c[s] * c[s] + 8 * c[s] + (s > 0 ? in * c[s] + 2 * c[s] : 0);
  };
  return {network.parameters + over_stages(stage), network.macs};
}

// ---- what is a task's own -------------------------------------------------------------------------

bool own_trunk(const std::string& name) { return matches("trunks.depth.*", name); }

/// Layer4's convolutions are held to seg's.
bool own_free_layer(const std::string& name) {
  return own_trunk(name) && !matches("*.layer4.*conv*", name) &&
         !matches("*.layer4.*downsample.0*", name);
}

/// What depth takes of the others at the last stage, nobody else reads.
bool own_last_stitch(const std::string& name) {
  return matches("sharing.stitch.stage4.depth*", name) || name == "sharing.stitch.layers.depth" ||
         matches("sharing.project.*.depth.*", name);
}

/// Of two function blocks the second, where depth takes that and seg the first.
bool own_function(const std::string& name) { return matches("layer*.f2.*", name); }

bool own_mask(const std::string& name) { return matches("sharing.mask.*.depth.*", name); }

const WayRow rows[] = {
    {.way = Sharing::single, .features = side_by_side, .of_depth_alone = own_trunk},
    {.way = Sharing::hard, .features = hard},
    {.way = Sharing::adashare, .features = adashare},
    {.way = Sharing::soft,
     .features = side_by_side,
     .regulariser = distances,
     .of_depth_alone = own_free_layer},
    {.way = Sharing::cross_stitch,
     .features = cross_stitch,
     .joined = cross_stitch_joined,
     .of_depth_alone = own_last_stitch,
     .mixes = true},
    {.way = Sharing::sluice,
     .features = sluice,
     .regulariser = overlaps,
     .joined = sluice_joined,
     .of_depth_alone = own_last_stitch,
     .mixes = true},
    {.way = Sharing::nddr,
     .features = nddr,
     .joined = nddr_joined,
     .of_depth_alone = own_last_stitch,
     .mixes = true},
    {.way = Sharing::den, .features = den},
    {.way = Sharing::routing,
     .features = routing,
     .more_of_trunk = second_functions,
     .of_depth_alone = own_function},
    // Two images do not draw every function block; input_routing_test.cpp has them all.
    {.way = Sharing::input_routing,
     .features = input_routing,
     .joined = input_routing_joined,
     .more_of_trunk = second_functions,
     .at_once = true,
     .unreached = "layer*.f*"},
    {.way = Sharing::mtan, .features = mtan, .joined = mtan_joined, .of_depth_alone = own_mask},
    // Its first steps are hard sharing; blockdrop_test.cpp has the others.
    {.way = Sharing::blockdrop,
     .features = hard,
     .joined = blockdrop_joined,
     .unreached = "sharing.policy.*"},
    {.way = Sharing::spottune,
     .features = spottune,
     .joined = spottune_joined,
     .unreached = "sharing.frozen.*"},
};

}  // namespace

const WayRow& row_of(Sharing way) {
  for (const WayRow& row : rows)
    if (row.way == way) return row;
  throw Error(fmt::format("tests/models/ways.cpp: no row for {}", name_of(way)));
}

std::vector<Sharing> all_ways() {
  return ways_where([](const WayOfSharing&) { return true; });
}

std::vector<std::string> names_of(const std::vector<Sharing>& ways) {
  std::vector<std::string> words;
  for (const Sharing way : ways) words.emplace_back(name_of(way));
  return words;
}

}  // namespace weft::test
