// Multi-MNIST and its relatives; see multi_mnist.h.
#include "data/sets/multi_mnist.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "data/split.h"
#include "engine/error.h"
#include "engine/philox.h"
#include "io/files.h"

namespace weft {
namespace {

constexpr int digit = 28, canvas = 36, offset = canvas - digit;
constexpr double val_share = 0.1;

Idx read_part(const std::string& folder, const std::string& name, int rank) {
  const std::string plain = join_path(folder, name);
  std::error_code ignored;
  const bool unpacked = std::filesystem::exists(plain, ignored);
  return read_idx(unpacked ? plain : plain + ".gz", rank);
}

void draw(const Idx& images, int64_t index, int at, Picture& picture) {
  const uint8_t* bytes = images.bytes.data() + index * digit * digit;
  for (int y = 0; y < digit; ++y) {
    for (int x = 0; x < digit; ++x) {
      float& pixel = *picture.at(y + at, x + at);
      pixel = std::max(pixel, static_cast<float>(bytes[y * digit + x]) / 255);
    }
  }
}

/// Gives each image of `group` a partner out of the group (Fisher and Yates).
void pair_up(const std::vector<int64_t>& group, const Philox& philox,
             std::vector<int64_t>& partner) {
  std::vector<int64_t> order = group;
  for (auto i = static_cast<int64_t>(order.size()) - 1; i > 0; --i)
    std::swap(order[i], order[philox.below(i, i + 1)]);
  for (size_t i = 0; i < group.size(); ++i) partner[group[i]] = order[i];
}

}  // namespace

MultiMnist::Half MultiMnist::read_half(const std::string& left_folder,
                                       const std::string& right_folder, const std::string& name) {
  const auto check = [&](const std::string& folder, const Idx& images, const Idx& labels) {
    const bool square = images.extents[1] == digit && images.extents[2] == digit;
    if (!square || images.count() != labels.count()) {
      throw DataError(fmt::format("{}/{}: {} images of {} x {} with {} labels; expected 28 x 28",
                                  folder, name, images.count(), images.extents[1],
                                  images.extents[2], labels.count()));
    }
  };
  Half half{read_part(left_folder, name + "-images-idx3-ubyte", 3),
            read_part(left_folder, name + "-labels-idx1-ubyte", 1),
            read_part(right_folder, name + "-images-idx3-ubyte", 3),
            read_part(right_folder, name + "-labels-idx1-ubyte", 1),
            {}};
  check(left_folder, half.left, half.left_labels);
  check(right_folder, half.right, half.right_labels);
  if (half.left.count() != half.right.count()) {
    throw DataError(fmt::format("{} has {} {} images, {} has {}: pairs need as many", left_folder,
                                half.left.count(), name, right_folder, half.right.count()));
  }
  half.partner.resize(static_cast<size_t>(half.left.count()));
  return half;
}

MultiMnist::MultiMnist(const std::string& left_folder, const std::string& right_folder,
                       const std::vector<TaskSpec>& tasks, uint64_t seed)
    : train_(read_half(left_folder, right_folder, "train")),
      test_(read_half(left_folder, right_folder, "t10k")) {
  std::vector<std::string> keys;
  for (int64_t i = 0; i < train_.left.count(); ++i) keys.push_back(key(i));
  splits_ = split_by_ratio(keys, val_share, 0);
  std::vector<int64_t> trained, validated, tested(static_cast<size_t>(test_.left.count()));
  for (int64_t i = 0; i < train_.left.count(); ++i)
    (split(i) == Split::val ? validated : trained).push_back(i);
  std::iota(tested.begin(), tested.end(), int64_t{0});
  const auto noise = [&](const char* name) { return Philox(seed, Stream::data, 0, name); };
  pair_up(trained, noise("multi_mnist.train"), train_.partner);
  pair_up(validated, noise("multi_mnist.val"), train_.partner);
  pair_up(tested, noise("multi_mnist.t10k"), test_.partner);
  for (const TaskSpec& task : tasks) {
    const std::string& which = task.column.empty() ? task.name : task.column;
    if (which != "left" && which != "right") {
      throw ConfigError(fmt::format(
          "task '{}': multi-mnist has the columns left and right, not '{}'", task.name, which));
    }
    if (task.kind != TaskKind::classification || task.classes != 10) {
      throw ConfigError(fmt::format(
          "task '{}': multi-mnist's tasks are classification with classes = 10", task.name));
    }
    task_is_left_.push_back(which == "left");
  }
}

Sample MultiMnist::load(int64_t index) const {
  const bool train = index < train_.left.count();
  const Half& half = train ? train_ : test_;
  const int64_t left = train ? index : index - train_.left.count(), right = half.partner[left];
  Sample sample{Picture(canvas, canvas, 1), {}};
  draw(half.left, left, 0, sample.image);
  draw(half.right, right, offset, sample.image);
  for (bool is_left : task_is_left_) {
    sample.labels.push_back(
        scalar_picture(is_left ? half.left_labels.bytes[left] : half.right_labels.bytes[right]));
  }
  return sample;
}

SampleContents MultiMnist::contents(int64_t index) const {
  const bool train = index < train_.left.count();
  const Half& half = train ? train_ : test_;
  const int64_t left = train ? index : index - train_.left.count(), right = half.partner[left];
  const auto hash = [](const Idx& images, int64_t i) {
    const auto* first = reinterpret_cast<const char*>(images.bytes.data()) + i * digit * digit;
    return hash_name({first, digit * digit});
  };
  return {{},
          {},
          hash(half.left, left) + 31 * hash(half.right, right),
          half.left_labels.bytes[left] * 256U + half.right_labels.bytes[right]};
}

std::optional<int64_t> MultiMnist::class_of(int64_t index, size_t task) const {
  const bool train = index < train_.left.count();
  const Half& half = train ? train_ : test_;
  const int64_t left = train ? index : index - train_.left.count();
  return task_is_left_[task] ? half.left_labels.bytes[left]
                             : half.right_labels.bytes[half.partner[left]];
}

std::string MultiMnist::key(int64_t index) const {
  const int64_t train = train_.left.count();
  return index < train ? fmt::format("train/{}", index) : fmt::format("test/{}", index - train);
}

}  // namespace weft
