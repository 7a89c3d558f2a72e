// What weft_bench growth is made of: one axis after the other (tasks, batch, crop, depth) grows while
// the rest stays; every point is measured by a process of weft and one of its peer, in turn; a curve's
// exponent p is that of y = c x^p. Time grows with the arithmetic where it grows as it should.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/bench.h"

namespace weft::bench {

/// What one phase takes: a step's milliseconds, peak memory in MiB, useful GFLOP (weft's alone).
struct Cost {
  double ms = 0, mib = 0, gflop = 0;
};
using Costs = std::map<std::string, Cost>;  ///< by phase; what could not be run has none

/// Words of a command line.
using Words = std::vector<std::string>;

/// `weft_bench steps` of this very program. A failure is a line on stderr and no cost.
Costs weft_costs(const Words& arguments);
/// bench/peer/adashare_torch.py, or another program with its arguments and output.
Costs peer_costs(const std::string& python, const std::string& peer, const Words& arguments);
/// Why there is no peer: "python3 has no torch"; empty where there is one.
std::string missing_peer(const std::string& python);
/// bench/peer/adashare_torch.py of the tree that this program was built from.
std::string own_peer();

/// One side's values at an axis's points, for one phase; absent where it could not run.
using Values = std::vector<std::optional<double>>;
struct Curve {
  std::string phase, side, what;  ///< side: weft, peer; what: ms, MiB, GFLOP
  Values values;
};
struct Growth {
  std::string axis;    ///< "tasks", "batch", "crop", "depth"
  std::string x_name;  ///< what the exponents are of, such as "pixels"
  std::vector<int64_t> points;
  std::map<std::string, Values> x;  ///< by phase
  std::vector<Curve> curves;
};

/// The slope of log y over log x: by least squares over all points, or (`last`) between the two
/// largest x alone, where overheads weigh least. Absent with fewer than two points.
std::optional<double> exponent(const Values& x, const Values& y, bool last);

/// Time above memory, an axis a column, both axes logarithmic; the peer's lines are thin, and a grey
/// one in each panel is linear. An SVG.
std::string draw_growth(const std::vector<Growth>& axes, const std::string& title);

}  // namespace weft::bench
