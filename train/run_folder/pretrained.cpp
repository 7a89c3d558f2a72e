// load_pretrained: what the model wishes for, what the file has, and where the two differ.
#include "train/run_folder/pretrained.h"

#include <algorithm>
#include <filesystem>

#include "train/run_folder/kept.h"

namespace weft {
namespace {

/// SpotTune's, of a trunk's blocks.
constexpr const char* frozen_copy = "sharing.frozen.";

/// The torchvision name of what `name` starts from; empty: it starts at random. A task's own trunk
/// ("trunks.seg.conv1.weight") and its own copy of a trunk's last layers
/// ("heads.seg.features.24.weight") take the same tensors as what is shared, as does a frozen copy.
std::string pretrained_name(const std::string& name) {
  const auto begins = [](const std::string& text, const char* with) {
    return text.rfind(with, 0) == 0;
  };
  if (begins(name, frozen_copy)) return name.substr(std::string(frozen_copy).size());
  if (begins(name, "policy.") || begins(name, "sharing.")) return "";
  const bool head = begins(name, "heads.");
  if (!head && !begins(name, "trunks.")) return name;
  const std::string own = name.substr(name.find('.', name.find('.') + 1) + 1);  // of TASK
  return !head || begins(own, "features.") ? own : "";
}

/// Of a file: what a trunk does not have, whoever wrote it.
bool beside_the_trunk(const std::string& name) {
  for (const char* begin :
       {"fc.", "classifier.", "heads.", "policy.", "sharing.", "optim.", balance_prefix})
    if (name.rfind(begin, 0) == 0) return true;
  const std::string counter = ".num_batches_tracked";
  return name.size() > counter.size() &&
         name.compare(name.size() - counter.size(), counter.size(), counter) == 0;
}

/// Which of the file's tensors each of the network's starts from.
class Sources {
 public:
  Sources(const SafetensorsFile& file, Model& model) : file_(file), tasks_(model.task_names()) {
    for (Wanted& w : wanted_by(model.store())) {
      const std::string theirs = pretrained_name(w.name);
      if (theirs.empty() || w.count != nullptr) continue;  // as fresh as its network
      // A run of the same network has it under this very name; batch norm of a task's own starts
      // from the one set: "bn1.seg.weight" from "bn1.weight".
      // A frozen copy is of the file's trunk, not of what the file's run had frozen.
      std::string source = theirs;
      const std::string own = w.name.rfind(frozen_copy, 0) == 0 ? theirs : w.name;
      for (const std::string& known : {own, theirs, of_all_tasks(theirs)})
        if (file_.contains(known)) {
          source = known;
          break;
        }
      w.name = source;
      all_.push_back(std::move(w));
    }
  }
  const std::vector<Wanted>& all() const { return all_; }

 private:
  std::string of_all_tasks(const std::string& name) const {
    const size_t last = name.rfind('.'), before = name.rfind('.', last - 1);
    if (last == std::string::npos || before == std::string::npos) return name;
    const std::string task = name.substr(before + 1, last - before - 1);
    const bool own = std::find(tasks_.begin(), tasks_.end(), task) != tasks_.end();
    return own ? name.substr(0, before) + name.substr(last) : name;
  }

  const SafetensorsFile& file_;
  std::vector<std::string> tasks_;
  std::vector<Wanted> all_;
};

/// Each task's head, whole or not at all: into `taken`, and what fills it into `wanted`.
void add_heads(const SafetensorsFile& file, Model& model, Taken& taken,
               std::vector<Wanted>& wanted) {
  for (const std::string& task : model.task_names()) {
    const std::string begin = "heads." + task + ".";
    const auto of_head = [&](const std::string& name) {  // but for a trunk's last layers
      return name.rfind(begin, 0) == 0 && name.rfind(begin + "features.", 0) != 0;
    };
    std::vector<Wanted> head;
    for (Wanted& w : wanted_by(model.store()))
      if (of_head(w.name)) head.push_back(std::move(w));
    LeftOut left = compare(file, head);
    std::erase_if(left.unexpected, [&](const std::string& name) { return !of_head(name); });
    if (left.empty()) {
      taken.heads.push_back(task);
      wanted.insert(wanted.end(), head.begin(), head.end());
    } else {
      const bool any = left.missing.size() < head.size();
      taken.heads_left.push_back(fmt::format("{} ({})", task, any ? left.text() : "not there"));
    }
  }
  if (taken.heads.empty())
    throw DataError(fmt::format(
        "{}: none of its heads is one of this network's: {}; leave model.init_heads out, or name "
        "the tasks as they were there",
        file.path(), fmt::join(taken.heads_left, ", ")));
}

/// A name in the file of running statistics that are a task's own, where the network's are of all
/// tasks: "bn1.seg.running_mean" for "bn1.running_mean"; empty: there is none.
std::string of_a_task(const SafetensorsFile& file, const std::vector<std::string>& missing) {
  const std::string end = ".running_mean";
  for (const std::string& name : missing) {
    if (!name.ends_with(end)) continue;
    const std::string begin = name.substr(0, name.size() - end.size() + 1);
    for (const std::string& theirs : file.names())
      if (theirs.size() > name.size() && theirs.starts_with(begin) && theirs.ends_with(end) &&
          theirs.find('.', begin.size()) == theirs.size() - end.size())
        return theirs;
  }
  return "";
}

/// What to do about a trunk that is not the network's.
std::string remedy(const SafetensorsFile& file, Model& model, const LeftOut& left) {
  const bool groups = !model.trunk().cost(64, 64).levels.empty();
  if (groups && !file.contains("layer1.0.conv1.g0.weight"))
    return "its blocks are whole, and sharing = \"den\" divides them into groups with parameters "
           "of "
           "their own: start from a run with den (model.init_partial = true takes the stem and the "
           "shortcuts alone)";
  if (const std::string own = of_a_task(file, left.missing); !own.empty())
    return fmt::format(
        "its batch norm has statistics of each task ('{}'), and this network's are of all tasks: "
        "set model.init_partial = true, which takes the rest, so that they begin anew, or, for "
        "tasks of the same names, model.bn.running = \"per-task\"",
        own);
  return "set model.trunk and its like as they were, or take what fits with model.init_partial = "
         "true";
}

}  // namespace

std::string Taken::text() const {
  std::string text = fmt::format("{}: {} of {} tensors of the trunk taken", file, tensors, of);
  if (!left.empty()) text += fmt::format(" ({})", left);
  if (!heads.empty()) text += fmt::format("; heads taken: {}", fmt::join(heads, ", "));
  if (!heads_left.empty())
    text += fmt::format("; heads left as drawn: {}", fmt::join(heads_left, ", "));
  return text;
}

Taken load_pretrained(const ModelSpec& start, Model& model) {
  Taken taken;
  taken.file = std::filesystem::is_directory(start.init) ? network_file(start.init) : start.init;
  const SafetensorsFile file(taken.file);
  if (file.metadata().count("format_version") != 0 && file.metadata().at("format_version") != "1")
    require_checksums(file);  // a file of ours; of others none are asked for
  std::vector<Wanted> wanted = Sources(file, model).all();
  LeftOut left = compare(file, wanted);
  std::erase_if(left.unexpected, beside_the_trunk);
  const auto missing = std::count_if(wanted.begin(), wanted.end(),
                                     [&](const Wanted& w) { return !file.contains(w.name); });
  taken.of = static_cast<int>(wanted.size());
  taken.tensors = taken.of - static_cast<int>(missing + std::ssize(left.misshapen));
  taken.left = left.text();
  if (taken.tensors == 0)
    throw DataError(fmt::format(
        "{}: holds none of the trunk's tensors{}; expected torchvision's names, such as '{}'",
        taken.file, left.misshapen.empty() ? "" : " in their shapes",
        wanted.empty() ? "" : wanted[0].name));
  if (!start.init_partial && !left.empty())
    throw DataError(
        fmt::format("{}: its trunk is not this network's: {} of {} tensors are there; {}; {}",
                    taken.file, taken.tensors, taken.of, left.text(), remedy(file, model, left)));
  if (start.init_heads) add_heads(file, model, taken, wanted);
  fill(file, wanted, model.store().context());
  return taken;
}

}  // namespace weft
