// load_pretrained: what the model wishes for, what the file has, and where the two differ.
#include "train/run_folder/pretrained.h"

#include <algorithm>

#include "train/run_folder/checkpoint.h"

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
  for (const char* begin : {"fc.", "classifier.", "heads.", "policy.", "sharing.", "optim."})
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

}  // namespace

Taken load_pretrained(const std::string& path, Model& model, bool partial) {
  const SafetensorsFile file(path);
  if (file.metadata().count("format_version") != 0 && file.metadata().at("format_version") != "1")
    require_checksums(file);  // a file of ours; of others none are asked for
  const std::vector<Wanted> wanted = Sources(file, model).all();
  LeftOut left = compare(file, wanted);
  std::erase_if(left.unexpected, beside_the_trunk);
  const auto missing = std::count_if(wanted.begin(), wanted.end(),
                                     [&](const Wanted& w) { return !file.contains(w.name); });
  Taken taken;
  taken.of = static_cast<int>(wanted.size());
  taken.tensors = taken.of - static_cast<int>(missing + std::ssize(left.misshapen));
  if (taken.tensors == 0)
    throw DataError(fmt::format(
        "{}: holds none of the trunk's tensors{}; expected torchvision's names, such as '{}'", path,
        left.misshapen.empty() ? "" : " in their shapes", wanted.empty() ? "" : wanted[0].name));
  if (!partial && !left.empty()) {
    const bool groups = !model.trunk().cost(64, 64).levels.empty();
    const bool undivided = groups && !file.contains("layer1.0.conv1.g0.weight");
    throw DataError(fmt::format(
        "{}: its trunk is not this network's: {} of {} tensors are there; {}; {}", path,
        taken.tensors, taken.of, left.text(),
        undivided ? "its blocks are whole, and sharing = \"den\" divides them into groups with "
                    "parameters of their own: start from a run with den (model.init_partial = true "
                    "takes the stem and the shortcuts alone)"
                  : "set model.trunk and its like as they were, or take what fits with "
                    "model.init_partial = true"));
  }
  fill(file, wanted, model.store().context());
  return taken;
}

}  // namespace weft
