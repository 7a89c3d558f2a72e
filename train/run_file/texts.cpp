// Checks of runs on texts; see texts.h.
#include "train/run_file/texts.h"

#include <algorithm>
#include <set>

#include "data/alphabet.h"
#include "engine/error.h"

namespace weft {
namespace {

class Checker {
 public:
  explicit Checker(const RunFile& run) : run_(run), data_(run.data) {}

  /// What texts alone have.
  void elsewhere() const {
    const char* kind = name_of(data_.kind);
    require(!is_vdcnn(run_.model.trunk), "model.trunk",
            fmt::format("is \"{}\", which reads characters, not {} data: data.kind = \"text\"",
                        name_of(run_.model.trunk), kind));
    require(run_.model.head != HeadKind::k_max, "model.head",
            "is \"k_max\", the head of texts; others are \"aspp\" and \"linear\"");
    const auto nothing = [&](bool ok, const std::string& key) {
      require(ok, key, fmt::format("means nothing for {} data", kind));
    };
    nothing(data_.alphabet.empty(), "data.alphabet");
    nothing(data_.length == 0, "data.length");
    nothing(!data_.escapes, "data.escapes");
    nothing(data_.augment.hide == 0, "data.augment.hide");
    for (const TaskSpec& t : run_.tasks) {
      nothing(t.index.empty(), "task." + t.name + ".index");
      nothing(t.test_index.empty(), "task." + t.name + ".test_index");
      nothing(t.header.empty(), "task." + t.name + ".header");
      nothing(t.columns.empty(), "task." + t.name + ".columns");
    }
  }

  void network() const {
    const ModelSpec& m = run_.model;
    require(is_vdcnn(m.trunk), "model.trunk",
            fmt::format("is \"{}\"; the trunks of texts are \"vdcnn9\", \"vdcnn17\" and "
                        "\"vdcnn29\"",
                        name_of(m.trunk)));
    require(m.in_channels == 1, "model.in_channels",
            fmt::format("is {}; a character is one number; leave the key out", m.in_channels));
    require(m.head != HeadKind::aspp, "model.head",
            "is \"aspp\", which labels pixels; texts have \"k_max\" or \"linear\"");
    const int places = (data_.length + 7) / 8;
    require(
        m.head != HeadKind::k_max || m.k_max <= places, "model.k_max",
        fmt::format("is {}, but of {} characters (data.length) {} places are left at the trunk's "
                    "end",
                    m.k_max, data_.length, places));
    const int64_t ids = Alphabet(data_.alphabet).ids();
    const bool short_ids = run_.precision == Precision::bf16 && run_.device == DeviceKind::cuda;
    require(!short_ids || ids <= 257, "data.alphabet",
            fmt::format("has {} characters; bf16 tells 255 apart", ids - 2));
  }

  void input() const {
    require(data_.length > 0, "data.length",
            "is missing: how many characters of a text the network sees");
    require(data_.normalize == Normalize::none, "data.normalize",
            "is for pictures; texts are numbers of characters");
    AugmentSpec of_texts;
    of_texts.hide = data_.augment.hide;
    require(data_.augment == of_texts, "data.augment", "is for pictures, all but hide");
    require(of_texts.hide >= 0 && of_texts.hide < 1, "data.augment.hide",
            fmt::format("is {}; a share of the characters is from 0 to below 1", of_texts.hide));
    require(data_.size[0] == 0, "data.size", "is for pictures; data.length is a text's");
    for (const TaskSpec& t : run_.tasks)
      require(t.image_label(), "task." + t.name + ".kind",
              fmt::format("is {}; the tasks of texts are classification, binary or regression",
                          name_of(t.kind)));
  }

  void files() const {
    const bool own = !run_.tasks[0].index.empty();
    const bool parted = !data_.split.empty() || data_.ratio[1] != 0;
    const auto parts = [&](const std::string& test_index, const std::string& key) {
      require(test_index.empty() || !parted, key,
              "is where the test rows are; leave out data.split and data.ratio's share of test");
    };
    parts(data_.test_index, "data.test_index");
    std::set<std::string> files;
    for (const TaskSpec& t : run_.tasks) {
      const std::string key = "task." + t.name + ".";
      require(own != t.index.empty(), key + "index",
              "is there for some tasks and not for others; tasks have texts of their own, or all "
              "those of data.index");
      for (const auto& [word, absent] : {std::pair("test_index", t.test_index.empty()),
                                         {"header", t.header.empty()},
                                         {"columns", t.columns.empty()}})
        require(own || absent, key + word, "belongs to task.index, which is not given");
      parts(t.test_index, key + "test_index");
      require(!own || files.insert(t.index).second, key + "index",
              "is another task's, too; tasks of the same texts are columns of one data.index");
      require(!own || t.rows.empty(), key + "rows", "is about data.task_column, not task.index");
    }
    if (!own) return;
    for (const auto& [key, given] : {std::pair("data.index", data_.index != DataSpec{}.index),
                                     {"data.test_index", !data_.test_index.empty()},
                                     {"data.task_column", !data_.task_column.empty()}})
      require(!given, key, "is of texts that tasks share; here each has a file of its own");
    // Said by every task itself, [data]'s is of none.
    const auto left = [&](const auto& words) {
      return std::any_of(run_.tasks.begin(), run_.tasks.end(),
                         [&](const TaskSpec& t) { return (t.*words).empty(); });
    };
    const std::vector<std::string> usual{"text"};
    require(data_.columns == usual || left(&TaskSpec::columns), "data.columns",
            "means nothing: every task has its own (task.columns)");
    require(data_.header.empty() || left(&TaskSpec::header), "data.header",
            "means nothing: every task has its own (task.header)");
    require(data_.inputs == Whose::per_task, "data.inputs",
            "is \"shared\", but each task has a file of its own (task.index)");
  }

 private:
  void require(bool ok, const std::string& key, const std::string& message) const {
    if (!ok) throw ConfigError(fmt::format("{}: '{}' {}", run_.place(key), key, message));
  }

  const RunFile& run_;
  const DataSpec& data_;
};

}  // namespace

void check_texts(const RunFile& run) {
  const Checker check(run);
  if (run.data.kind != DataKind::text) return check.elsewhere();
  check.input();
  check.files();
  check.network();
}

}  // namespace weft
