// The plan of an int8 network, made once for all formats:
//   x_i = s_i (q_i - z_i)       a map, affine: after relu all are >= 0, and steps symmetric about 0 would
//                               leave half of the 256 without a use
//   w_k = s_k q_k, |q| <= 127   weights of output channel k, symmetric: what z would add to every sum is
//                               not there. bias_k = s_x s_k b_k, int32
//   y_q = z_y + round(s_x s_k / s_y (b_k + sum (x_q - z_x) w_q))      convolutions, linear layers
// relu costs nothing where it alone reads a sum or product: that one's range is relu's, whose lowest
// step is 0. Maxima and slices keep their input's steps; functions of one x are tables of 256. What a
// convolution or linear layer gives to nobody but tasks stays s_x s_k (b_k + sum), in f32.
#pragma once

#include <map>
#include <vector>

#include "train/export/int8/arithmetic.h"
#include "train/export/network.h"

namespace weft {

/// Of a map over the images of the calibration.
struct Range {
  double low = 0, high = 0;
};

struct Int8Weight {
  std::vector<int8_t> values;  ///< in the f32 weight's order
  std::vector<float> scale;    ///< of each output channel
};

struct Int8Node {
  bool f32 = false;  ///< its value is f32
  bool same_step =
      false;  ///< q and bytes are its first input's: relu that the node before has done
  Quantisation q;
  std::vector<int32_t> bias;  ///< convolutions and linear layers, [K]
};

struct Int8Network {
  ExportedNetwork network;
  std::vector<Int8Node> nodes;  ///< beside the network's
  int entry = 0;  ///< the node whose f32 value is quantised: the input, or what normalises it
  std::map<const void*, Int8Weight> weights;  ///< by the f32 weight's bytes

  const Int8Weight& weight(size_t i) const { return weights.at(network.nodes[i].weights[0].raw()); }
};

/// `ranges`: of every node. `normalised`: node 1 normalises the input and stays f32. ConfigError
/// naming the layer where int32 does not hold its sums, and where numbers are not finite.
Int8Network quantised(const ExportedNetwork& network, const std::vector<Range>& ranges,
                      bool normalised = false);

// What a node multiplies by, from the scales above.
/// Of a convolution or linear layer, each channel's. Its output is int8.
std::vector<Multiplier> product_multipliers(const Int8Network& network, size_t i);
/// The same where its output is f32: s_x s_k.
std::vector<float> product_scales(const Int8Network& network, size_t i);
/// add, weighted_sum, concat: of each input. affine: of each channel, with its shift.
Multipliers sum_multipliers(const Int8Network& network, size_t i);
/// mul, mean.
Multiplier node_multiplier(const Int8Network& network, size_t i);
/// Of a function of one x: y for x = -128 .. 127.
std::vector<int8_t> function_table(const Int8Network& network, size_t i);

}  // namespace weft
