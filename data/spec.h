// What data are, in words: [data] and [[task]] of the run file, with their defaults. A data set is
// opened from these and knows no run file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/words.h"
#include "io/picture_io.h"

namespace weft {

/// sound: what weft finds right; compat: what AdaShare's official code does.
enum class Semantics : uint8_t { sound, compat };
constexpr std::array<const char*, 2> words_of(Semantics) { return {"sound", "compat"}; }

enum class TaskKind : uint8_t {
  segmentation,
  normals,
  depth,
  edges,
  keypoints,
  classification,
  binary,
  regression,
  multilabel
};

constexpr std::array<const char*, 9> words_of(TaskKind) {
  return {"segmentation",   "normals", "depth",      "edges",     "keypoints",
          "classification", "binary",  "regression", "multilabel"};
}

/// The data sets, in data/sets and data/scenes.
enum class DataKind : uint8_t {
  scenes,
  csv,
  tabular,
  text,
  nyu_v2,
  cityscapes,
  taskonomy,
  domainnet,
  multi_mnist,
  multi_fashion,
  multi_fashion_mnist
};
constexpr std::array<const char*, 11> words_of(DataKind) {
  return {"scenes",
          "csv",
          "tabular",
          "text",
          "nyu_v2",
          "cityscapes",
          "taskonomy",
          "domainnet",
          "multi_mnist",
          "multi_fashion",
          "multi_fashion_mnist"};
}
/// Whether labels are cells of a CSV.
constexpr bool has_cells(DataKind kind) {
  return kind == DataKind::csv || kind == DataKind::tabular || kind == DataKind::text;
}

/// Whether all tasks have one thing, or each its own.
enum class Whose : uint8_t { shared, per_task };
constexpr std::array<const char*, 2> words_of(Whose) { return {"shared", "per-task"}; }

/// Axes of npy pictures and labels.
enum class NpyLayout : uint8_t { hwc, chw };
constexpr std::array<const char*, 2> words_of(NpyLayout) { return {"hwc", "chw"}; }

/// What a network sees of a pixel (data/normalize.h).
enum class Normalize : uint8_t { imagenet, caffe, none };
constexpr std::array<const char*, 3> words_of(Normalize) { return {"imagenet", "caffe", "none"}; }

/// [[task]]: a label, its loss and its metrics.
struct TaskSpec {
  std::string name;
  TaskKind kind = TaskKind::segmentation;
  int classes = 0;                    ///< segmentation, classification and multilabel
  double weight = 1;                  ///< lambda_k of the summed loss
  std::optional<int> ignore;          ///< label id that counts as invalid
  std::string column;                 ///< the label's column in an index (default: name)
  std::map<int, int> map;             ///< label id in the file -> class id
  std::map<std::string, int> words;   ///< map's other half: word in the file -> class id
  double scale = 1;                   ///< value in the file * scale = value in the task's unit
  std::optional<double> invalid;      ///< value in the file that counts as invalid
  std::vector<double> class_weights;  ///< cross-entropy's, one per class (empty: all 1)
  std::string separator = ";";        ///< multilabel: between a cell's classes (sets/label_set.h)
  double pos_weight = 1;              ///< binary, multilabel: weight of what is there in the loss
  bool standardize = false;           ///< tabular regression: (v - mean) / std of the training rows
  std::string target;           ///< tabular regression: what is learned of `column` (data/target.h)
  std::optional<double> floor;  ///< target: of values at or below it only that much is known
  std::string strong;           ///< target: where errors count in percent, "id * L / W > 1e-6"
  std::vector<std::string> slopes;  ///< target: measured derivatives, "gm: vgs"
  double relative = 0;              ///< target: weight of the relative loss beside the other
  double relative_to = 0;           ///< target: 10^t to which small values count as equal
  double input_scale = 1;           ///< tabular: what its rows' by_task columns are divided by
  std::vector<std::string> train_groups;  ///< tabular: those it trains on (empty: all)
  bool chooses = true;  ///< whether its validation loss chooses steps; if not it may have no labels
  std::string rows;     ///< csv, tabular, text: which value of data.task_column has this label
  std::string index, test_index;  ///< text: files of the task's own, in place of [data]'s,
  std::vector<std::string> header, columns;  ///< and how those name and join their columns
  std::string unit;                ///< of values and errors, for tables and pictures ("m")
  std::vector<std::string> names;  ///< of the classes, one each (empty: their ids)

  int label_channels() const;  ///< of a label as losses and metrics get it
  int channels() const;      ///< outputs: segmentation, classification classes; normals 3; others 1
  bool one_class() const;    ///< an image label that is a class: classification, binary
  bool image_label() const;  ///< one label an image: the four kinds from classification on
};

/// What a number of a table becomes before it is standardised: x, its ln, log10, asinh or 1 / x, of
/// x / scale.
enum class Transform : uint8_t { none, log, log10, asinh, reciprocal };
constexpr std::array<const char*, 5> words_of(Transform) {
  return {"none", "log", "log10", "asinh", "reciprocal"};
}

/// [[column]]: how an input column of a table is seen. Columns without one are standardised.
struct ColumnSpec {
  std::string name;
  Transform transform = Transform::none;
  double scale = 1;
  bool by_task = false;     ///< divided by the input_scale of the row's task, too
  bool standardize = true;  ///< (v - mean) / std of the training rows, after the transform
};

/// data.augment: random changes, of training parts only.
struct AugmentSpec {
  std::array<double, 2> scale{1, 1};
  bool flip = false;
  std::array<int, 2> crop{0, 0};                        ///< height, width; 0: no crop
  double brightness = 0, contrast = 0, saturation = 0;  ///< at most so much (data/jitter.h)
  double hide = 0;  ///< text: share of characters made unknown (data/hide.h)

  bool operator==(const AugmentSpec&) const = default;
};

/// [data]
struct DataSpec {
  DataKind kind = DataKind::scenes;
  std::string root;                   ///< $WEFT_DATA/... is written with the variable
  std::string index = "index.csv";    ///< csv, tabular, text: the index, relative to root
  std::string image = "image";        ///< csv: the column of image paths
  std::string split;                  ///< csv, tabular, text: the column of train, val, test
  std::array<double, 2> ratio{0, 0};  ///< where there is no split: shares of val and test, by hash
  std::string test_index;             ///< tabular, text: the file of the test rows
  std::vector<std::string>
      header;             ///< tabular, text: the columns of a file that does not name them
  std::string separator;  ///< csv, tabular, text: "," ";" or "tab" (empty: by the first line)
  std::string comment;    ///< tabular, text: lines that begin so are skipped
  std::vector<std::string>
      missing;  ///< tabular, text: words that say so ("?"), beside the empty cell
  std::vector<std::string> columns;    ///< tabular: the inputs, `*` stands for any characters
                                       ///< (empty: all that are no label); text: what is joined to
                                       ///< one text (empty: "text")
  std::string alphabet;                ///< text: its characters (empty: the bytes of UTF-8)
  int length = 0;                      ///< text: characters that the network sees
  bool escapes = false;                ///< text: \n in a cell is a line end, \" a quote
  std::vector<std::string> leave_out;  ///< tabular: columns that are no input after all
  std::vector<std::string> categorical;  ///< tabular: columns that become one-hot
  std::vector<ColumnSpec> column_specs;  ///< tabular: [[column]]
  /// tabular: columns that name a group, "0.42x0.15", all training, validation or test (sets/groups.h)
  std::vector<std::string> group;
  double label_power = 0;   ///< tabular: tasks weigh as (number of training labels)^this, mean 1
  std::string task_column;  ///< csv, tabular, text: names each row's task
  /// shared: every image is every task's. per-task: each task draws a batch of its own (domainnet,
  /// csv and text with a task_column, text with files of each task's own).
  Whose inputs = Whose::shared;
  std::array<int, 2> size{0, 0};  ///< height, width that images are resized to; 0: as they are
  NpyLayout layout = NpyLayout::hwc;
  double float_max = 1;  ///< npy pictures of floats: the value that is white
  int64_t batch = 16;
  int workers = 2;
  Normalize normalize = Normalize::imagenet;
  int64_t seed = 0;                                         ///< scenes: which world is rendered
  int64_t count = 2000, val_count = 200, test_count = 200;  ///< scenes
  AugmentSpec augment;
};

PictureFormat picture_format(const DataSpec& data);

}  // namespace weft
