// What a method of balancing can be told; each belongs to the methods named beside it, and its
// meaning is at the head of their files. Defaults are the papers', or their official programs'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

struct BalanceOptions {
  std::vector<std::string> tasks;    ///< names of all K, for notes and for sizes
  std::vector<double> weights;       ///< fixed: one a task
  std::optional<double> rate;        ///< of what is learned; else the method's own
  bool classification = false;       ///< uw: exp(-s) L + s / 2, not half of it
  double temperature = 2;            ///< dwa
  double mu = 1;                     ///< stch
  int64_t warmup_epochs = 4;         ///< stch
  double decay = 1e-3;               ///< famo: weight decay of its logits
  std::vector<double> least_losses;  ///< famo: b_i; empty: 0
  std::string normaliser = "none";   ///< mgda: none, l2, loss or loss+
  double c = 0.5;                    ///< cagrad
  bool rescale = false;              ///< cagrad: divided by 1 + c^2
  std::optional<double> alpha;       ///< gradnorm (1.5), fairgrad (2)
  double beta = 0.5;                 ///< gradvac: how fast targets follow
  std::string groups = "whole";      ///< gradvac: whole, layer or matrix
  double max_norm = 1;               ///< nash_mtl; 0: no limit
  std::string scale = "min";         ///< aligned_mtl: min, median or rmse
  double ridge = 0;                  ///< upgrad, dualproj
  double lambda = 0.3;               ///< sdmgrad
  std::optional<double> momentum;    ///< sdmgrad (0.5)
  int iterations = 20;               ///< sdmgrad
  double rho = 0.1;                  ///< modo
  double leak = 0;                   ///< graddrop
  double threshold = 0.5;            ///< sign_agreement
  double keep = 0.5;                 ///< moco, db_mtl: of the moving average, at step 1
  double fade = 0.5;                 ///< moco, db_mtl: power of the step that it falls by
};

}  // namespace weft
