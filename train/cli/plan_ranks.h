// What a step of several ranks would cost in messages, by the alpha-beta model (Hockney 1994): a
// message of n bytes takes alpha + n beta, alpha the latency and 1 / beta the bandwidth between two
// ranks. A sum of n bytes over N ranks then takes
//   ring     2 (N - 1) alpha + 2 (N - 1) / N n beta
//   tree     2 ceil(log2 N) alpha + 2 n beta        (two binary trees, in a pipeline: Sanders et al. 2009)
//   direct   2 (N - 1) alpha + 2 (N - 1) / N n beta what weft's CPU ranks do, where no two messages
//                                                    of a rank overlap (engine/ranks.h)
// A step sums its gradients, and the moments of every batch norm on the way forward and back, unless
// each rank takes its own (model.bn.sync = false).
#pragma once

#include <cstdint>
#include <string>

#include "models/sharing/sharing.h"
#include "train/run_file/run_file.h"

namespace weft::cli {

struct Network {
  double bytes_per_second = 0, latency_seconds = 0;
};

double ring_seconds(int64_t ranks, double bytes, const Network& network);
double tree_seconds(int64_t ranks, double bytes, const Network& network);

/// What a step of `model`, made by `run`, sends, and the time of that for 2, 4, 8 .. up to `ranks`; where
/// `step_seconds` is above 0, how much of linear is left of a step whose rows take a rank so long.
std::string ranks_text(Model& model, const RunFile& run, int64_t ranks, const Network& network,
                       double step_seconds);

}  // namespace weft::cli
