// What a method of balancing can be told; each belongs to the methods named beside it, and its
// meaning is at the head of their files. Defaults are the papers', or their official programs'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/words.h"

namespace weft {

/// The methods: a word here and make_WORD, which the method's own file defines, in make.h.
// clang-format off
#define WEFT_BALANCE_METHODS(method) \
  method(equal) \
  method(fixed) \
  method(uw) \
  method(dwa) \
  method(rlw) \
  method(gls) \
  method(stch) \
  method(imtl_l) \
  method(famo) \
  method(mgda) \
  method(pcgrad) \
  method(cagrad) \
  method(gradnorm) \
  method(gradvac) \
  method(imtl_g) \
  method(nash_mtl) \
  method(fairgrad) \
  method(aligned_mtl) \
  method(upgrad) \
  method(dualproj) \
  method(config) \
  method(sdmgrad) \
  method(modo) \
  method(graddrop) \
  method(moco) \
  method(sign_agreement) \
  method(db_mtl) \
  method(excess_mtl)
// clang-format on
enum class BalanceMethod : uint8_t {
#define WEFT_VALUE(method) method,
  WEFT_BALANCE_METHODS(WEFT_VALUE)
#undef WEFT_VALUE
};
constexpr auto words_of(BalanceMethod) {
#define WEFT_WORD(method) #method,
  return std::array{WEFT_BALANCE_METHODS(WEFT_WORD)};
#undef WEFT_WORD
}

/// mgda: what gradients are divided by.
enum class Normaliser : uint8_t { none, l2, loss, loss_plus };
constexpr std::array<const char*, 4> words_of(Normaliser) {
  return {"none", "l2", "loss", "loss+"};
}

/// Of what a Gram is taken: all shared parameters, those of a layer, or each by itself.
enum class GramGroups : uint8_t { whole, layer, matrix };
constexpr std::array<const char*, 3> words_of(GramGroups) { return {"whole", "layer", "matrix"}; }

/// aligned_mtl: which of the eigenvalues above 0 is the size of all; rmse: their mean.
enum class AlignedScale : uint8_t { min, median, rmse };
constexpr std::array<const char*, 3> words_of(AlignedScale) { return {"min", "median", "rmse"}; }

struct BalanceOptions {
  std::vector<std::string> tasks;            ///< names of all K, for notes and for sizes
  std::vector<double> weights;               ///< fixed: one a task
  std::optional<double> rate;                ///< of what is learned; else the method's own
  bool classification = false;               ///< uw: exp(-s) L + s / 2, not half of it
  double temperature = 2;                    ///< dwa
  double mu = 1;                             ///< stch
  int64_t warmup_epochs = 4;                 ///< stch
  double decay = 1e-3;                       ///< famo: weight decay of its logits
  std::vector<double> least_losses;          ///< famo: b_i; empty: 0
  Normaliser normaliser = Normaliser::none;  ///< mgda
  double c = 0.5;                            ///< cagrad
  bool rescale = false;                      ///< cagrad: divided by 1 + c^2
  std::optional<double> alpha;               ///< gradnorm (1.5), fairgrad (2)
  double beta = 0.5;                         ///< gradvac: how fast targets follow
  GramGroups groups = GramGroups::whole;     ///< gradvac
  double max_norm = 1;                       ///< nash_mtl; 0: no limit
  AlignedScale scale = AlignedScale::min;    ///< aligned_mtl
  double ridge = 0;                          ///< upgrad, dualproj
  double lambda = 0.3;                       ///< sdmgrad
  std::optional<double> momentum;            ///< sdmgrad (0.5)
  int iterations = 20;                       ///< sdmgrad
  double rho = 0.1;                          ///< modo
  double leak = 0;                           ///< graddrop
  double threshold = 0.5;                    ///< sign_agreement
  double keep = 0.5;                         ///< moco, db_mtl: of the moving average, at step 1
  double fade = 0.5;                         ///< moco, db_mtl: power of the step that it falls by
};

}  // namespace weft
