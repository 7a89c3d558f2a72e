// The run file's keys that are one word out of a few, as enums with their words (engine/words.h).
// Those of data and models are beside their options: data/spec.h, models/policy_options.h,
// models/sharing/share_options.h.
#pragma once

#include "engine/device_kind.h"

namespace weft {

enum class Precision : uint8_t { f32, f64, tf32, bf16, f32_fma };
constexpr std::array<const char*, 5> words_of(Precision) {
  return {"f32", "f64", "tf32", "bf16", "f32_fma"};
}
/// How products of f32 are computed under it. f32 on a GPU is by tensor cores where they reach its
/// error (bench/results/f32x6_h200.md), f32_fma by multiply-adds on every card: what the other is held
/// against. In bf16 a GPU holds what flows between layers in bf16,
/// and multiplies that; a CPU holds f32, and rounds what it multiplies.
constexpr MatrixMath matrix_math(Precision precision, DeviceKind device) {
  if (precision == Precision::tf32) return MatrixMath::tf32;
  if (precision == Precision::f32 && device == DeviceKind::cuda) return MatrixMath::f32x6;
  const bool rounds = precision == Precision::bf16 && device == DeviceKind::cpu;
  return rounds ? MatrixMath::bf16 : MatrixMath::f32;
}

/// What happens to a step whose loss or gradient is no number.
enum class OnNonfinite : uint8_t { stop, skip };
constexpr std::array<const char*, 2> words_of(OnNonfinite) { return {"stop", "skip"}; }

enum class TrunkName : uint8_t {
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  vgg16,
  vdcnn9,
  vdcnn17,
  vdcnn29,
  mlp
};
constexpr std::array<const char*, 9> words_of(TrunkName) {
  return {"resnet18", "resnet34", "resnet50", "resnet101", "vgg16",
          "vdcnn9",   "vdcnn17",  "vdcnn29",  "mlp"};
}
constexpr bool is_vdcnn(TrunkName trunk) {
  return trunk == TrunkName::vdcnn9 || trunk == TrunkName::vdcnn17 || trunk == TrunkName::vdcnn29;
}

constexpr bool is_resnet(TrunkName trunk) { return trunk <= TrunkName::resnet101; }

/// Of a ResNet: dilated, stride 8; or stride 32.
enum class TrunkForm : uint8_t { deeplab, plain };
constexpr std::array<const char*, 2> words_of(TrunkForm) { return {"deeplab", "plain"}; }

/// Of a ResNet: a 7x7 of stride 2 and a max pool; or a 3x3 of stride 1.
enum class StemKind : uint8_t { large, small };
constexpr std::array<const char*, 2> words_of(StemKind) { return {"large", "small"}; }

enum class HeadKind : uint8_t { aspp, linear, k_max };
constexpr std::array<const char*, 3> words_of(HeadKind) { return {"aspp", "linear", "k_max"}; }

enum class OptimizerKind : uint8_t { sgd, adam };
constexpr std::array<const char*, 2> words_of(OptimizerKind) { return {"sgd", "adam"}; }

enum class ScheduleKind : uint8_t { constant, step, cosine, poly };
constexpr std::array<const char*, 4> words_of(ScheduleKind) {
  return {"constant", "step", "cosine", "poly"};
}

/// How re-training's policy is chosen: the draw that validation likes best, select where p >= 0.5,
/// or the first draw.
enum class Choose : uint8_t { validation, likely, draw };
constexpr std::array<const char*, 3> words_of(Choose) { return {"validation", "likely", "draw"}; }

/// Which logits of the search it is sampled from.
enum class PolicyFrom : uint8_t { last, best };
constexpr std::array<const char*, 2> words_of(PolicyFrom) { return {"last", "best"}; }

/// What re-training's weights start from.
enum class RetrainInit : uint8_t { random, search };
constexpr std::array<const char*, 2> words_of(RetrainInit) { return {"random", "search"}; }

/// What re-training executes: the policy that was chosen; a random one whose tasks execute as many
/// blocks; every block, weighed by p(select) as learned; stochastic depth, without a search.
enum class RetrainGates : uint8_t { chosen, random, soft, stochastic_depth };
constexpr std::array<const char*, 4> words_of(RetrainGates) {
  return {"chosen", "random", "soft", "stochastic-depth"};
}

/// What weighs losses before a method on gradients: none, or a method on losses.
enum class Weighting : uint8_t { none, uw, dwa, rlw, gls, stch, imtl_l, famo };
constexpr std::array<const char*, 8> words_of(Weighting) {
  return {"none", "uw", "dwa", "rlw", "gls", "stch", "imtl_l", "famo"};
}

/// Whose the policy is. The official code samples one for each image, too; weft does not.
enum class PolicyModel : uint8_t { task_specific, instance_specific };
constexpr std::array<const char*, 2> words_of(PolicyModel) {
  return {"task-specific", "instance-specific"};
}

/// What is evaluated.
enum class EvalSplit : uint8_t { train, val, test };
constexpr std::array<const char*, 3> words_of(EvalSplit) { return {"train", "val", "test"}; }

/// The best step: one for all tasks, or each task's own.
enum class Best : uint8_t { sum, per_task };
constexpr std::array<const char*, 2> words_of(Best) { return {"sum", "per-task"}; }

}  // namespace weft
