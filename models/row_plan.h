// Rows: a trunk in which each image, and each of its policies, executes blocks of its own, or at a
// place with function blocks (routed_block.h) one of these. A row of the feature map is the value of
// one image under one beginning of a policy; policies of an image that begin alike share it until
// they part. At every block F runs on the rows that some policy executes, gathered (x[run]),
// function block by function block, and a row goes on as F's output, as its shortcut, or as several:
//   y_i = f_j or r_i          shapes: images [N, H, W, C]; block l's input [rows_l, h, w, c]
// In evaluation each number is what its image gives alone. In training a batch norm's statistics
// are of the rows that it sees: in F of those that execute it, in shortcuts of all. Where only one
// row of a batch does, F takes the running ones: one image's say little, or nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "models/trunk.h"

namespace weft {

/// [policy][image][block]: 0 skips it, else executes it: 1, or the function block's number.
using Decisions = std::vector<std::vector<std::vector<uint8_t>>>;

struct RowPlan {
  struct Row {
    int f = -1;  ///< place in run; -1: the shortcut's
    int r = 0;   ///< row of the input
  };
  struct Block {
    std::vector<int32_t> run;     ///< rows of the input on which F runs,
    std::vector<int> functions;   ///< and by which function block each
    std::vector<Row> rows;        ///< the output's
    std::vector<int32_t> images;  ///< of each row of the input
  };
  std::vector<Block> blocks;
  std::vector<std::vector<int32_t>> out;  ///< [policy][image]: its row behind the last block

  /// MACs of each image: the stem, the shortcuts of its rows, F where it runs.
  std::vector<Macs> macs(const TrunkCost& cost) const;
  /// The same of run_copies: a whole block for each row that comes out of it.
  std::vector<Macs> macs_of_copies(const TrunkCost& cost) const;
};

/// Every policy has the same images, at least one, and each image one decision a block.
RowPlan plan_rows(const Decisions& decisions);

/// The rows of x along N that `rows` names, in its order; x itself where that is all of them.
Var take_rows(const Var& x, const std::vector<int32_t>& rows);

/// What is behind the last block, [rows, h, w, C]; plan.out says whose is which. Retains what the
/// ops do.
Var run_rows(Pass& pass, const Trunk& trunk, const RowPlan& plan, const Var& images);

/// The same with two copies of every block, of which a row executes one, shortcut and F:
/// `selected`'s where a decision is 1, else `other`'s, which needs no stem. For evaluation: in
/// training a batch norm here would see a row alone.
Var run_copies(Pass& pass, const Trunk& selected, const Trunk& other, const RowPlan& plan,
               const Var& images);

}  // namespace weft
